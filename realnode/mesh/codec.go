package mesh

import "github.com/container-football/pitch/internal/squeeze"

// Compression is a way to make frames smaller. Its numbers stand on the wire.
type Compression = squeeze.Codec

// The ways to compress. S2 costs little and fits any link of up to some Gbit/s; Zstd is for slow
// links.
const (
	None = squeeze.None
	S2   = squeeze.S2
	Zstd = squeeze.Zstd
)
