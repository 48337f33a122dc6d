package scenario

import "github.com/container-football/pitch/internal/units"

// Quantities in files: see package units.
type (
	// Duration is a span of time, such as "200us" or "1m30s".
	Duration = units.Duration
	// Bytes is a size, such as "64MiB".
	Bytes = units.Bytes
	// Rate is a data rate in bits, such as "1Gbit/s".
	Rate = units.Rate
	// ByteRate is a data rate in bytes, such as "200MiB/s".
	ByteRate = units.ByteRate
)
