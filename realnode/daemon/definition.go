package daemon

import (
	"regexp"

	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
)

// Definition is what a host knows of a resource before its replica runs. It lies beside the
// replica's devices, and is the same on all members but for the members themselves: those that
// there are now, the replica knows.
type Definition struct {
	Schema int    `toml:"schema" req:"yes" min:"1" max:"1" json:"-"`
	Name   string `toml:"name" req:"yes" pattern:"resource" json:"name"`
	// Number is the machine's on every member.
	Number   int64       `toml:"number" req:"yes" min:"0" max:"4294967293" json:"number"`
	UUID     string      `toml:"uuid" req:"yes" pattern:"uuid" json:"uuid"`
	Strategy string      `toml:"strategy" default:"mars" pattern:"label" json:"strategy"`
	Size     units.Bytes `toml:"size" req:"yes" min:"512B" json:"size"`
	Sector   units.Bytes `toml:"sector" default:"4KiB" enum:"sectors" json:"sector"`
	// Members are names of hosts; the first was primary when the resource was made.
	Members []string `toml:"members" req:"yes" pattern:"label" json:"members"`
	// Joins is set where the resource existed when this replica was made.
	Joins       bool        `toml:"joins" default:"false" json:"joins"`
	Ack         string      `toml:"ack" default:"submitted" pattern:"label" json:"ack"`
	Buffer      units.Bytes `toml:"buffer" default:"64MiB" min:"1MiB" json:"buffer"`
	FetchWindow units.Bytes `toml:"fetch_window" default:"16MiB" min:"512KiB" json:"fetch_window"`
	Segment     units.Bytes `toml:"segment" min:"16KiB" json:"segment,omitempty"`                  // 0: the strategy's own
	CopyChunk   units.Bytes `toml:"copy_chunk" min:"64KiB" max:"4MiB" json:"copy_chunk,omitempty"` // likewise
	// Emergency has a primary go on without a log that has no room; else its writers wait.
	Emergency bool `toml:"emergency" default:"true" json:"emergency"`
	// LogLimit is how much log is kept for members that are behind; 0: as much as they need.
	LogLimit units.Bytes `toml:"log_limit" default:"0B" min:"0B" json:"log_limit,omitempty"`
	// Throttle is from which part of LogLimit on, in percent, writers are slowed down; 0: not at all.
	Throttle int `toml:"throttle" default:"0" min:"0" max:"99" json:"throttle,omitempty"`
	// CompressLog is how writes are packed in the log, by the primary for all members.
	CompressLog string `toml:"compress_log" default:"none" enum:"compressions" json:"compress_log,omitempty"`
	// Lease is how long a primary may serve without asking a majority of the voters, which are the members
	// and the witness, a host without a replica; 0: for ever.
	Lease     units.Duration `toml:"lease" default:"0s" min:"0s" max:"1h" json:"lease,omitempty"`
	Witness   string         `toml:"witness" pattern:"label" json:"witness,omitempty"`
	Fetch     bool           `toml:"fetch" default:"true" json:"fetch"`
	Replay    bool           `toml:"replay" default:"true" json:"replay"`
	Checksums bool           `toml:"checksums" default:"true" json:"checksums"`
	// ReadOnly is for a volume that is used without a replica.
	ReadOnly bool `toml:"read_only" default:"false" json:"read_only,omitempty"`
}

// Prosumer is the strategy in the definition of a volume that is used here without a replica. Its members
// are those to ask first.
const Prosumer = "prosumer"

// WitnessOf is the strategy in the definition of a volume on whose leases this host votes without a replica.
const WitnessOf = "witness"

// votes says whether this host is the witness.
func (d *Definition) votes() bool { return d.Strategy == WitnessOf }

// imported says whether there is no replica here.
func (d *Definition) imported() bool { return d.Strategy == Prosumer }

var definitionFormat = &strict.Format{Name: "definition", Enums: enums, Texts: units.Forms(),
	Patterns: map[string]strict.Pattern{"label": patterns["label"], "uuid": patterns["uuid"],
		"resource": {Form: regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`),
			What: "1 to 63 letters, digits, underscores, dots and hyphens, not beginning with a dot " +
				"or a hyphen"}},
	Descriptions: map[string]string{
		"schema": "version of this format", "name": "of the resource",
		"number":       "under which messages reach its replicas",
		"uuid":         "tells resources of the same name apart",
		"strategy":     "how it is replicated",
		"size":         "of the volume when it was made",
		"sector":       "the least that is read or written",
		"members":      "hosts with a replica when this one was made; the first was primary then",
		"joins":        "whether the resource existed when this replica was made",
		"ack":          "when a write is acknowledged that asks for nothing: durable, logged, submitted, remote or quorum; `pitch vol set-ack` changes it later",
		"buffer":       "bytes of log that may wait to be written back; then writers wait",
		"fetch_window": "bytes of log that may be on their way to one secondary",
		"segment":      "bytes of a segment of the log, then the next one is begun",
		"copy_chunk":   "bytes that a copy of the volume asks for at a time",
		"emergency":    "whether a primary whose log has no room goes on without it, and leaves behind who does not keep up; else its writers wait",
		"log_limit":    "bytes of log that are kept for members that are behind, 0: as much as they need; `pitch vol log-limit` changes it later",
		"throttle":     "from which part of log_limit on, in percent, writers are slowed down, the more the fuller the log, by 100 ms a write at most; 0: not at all",
		"compress_log": "how writes are packed in the log of all members by the primary, if that makes them smaller",
		"lease":        "how long a primary may serve without asking a majority of the voters, which are the members and the witness; 0s: for ever",
		"witness":      "host that votes on leases without a replica; empty: none",
		"fetch":        "the fetch switch of a new replica",
		"replay":       "the replay switch of a new replica",
		"checksums":    "whether each block of the volume has a checksum beside it",
		"read_only":    "whether a volume that is used without a replica is only read",
	}}

// ParseDefinition reads and checks a definition. The error is a *strict.Error.
func ParseDefinition(name string, data []byte) (*Definition, error) {
	d := &Definition{}
	doc, err := definitionFormat.Decode(name, data, d)
	if err != nil {
		return nil, err
	}
	if doc.Err() == nil && d.Size%d.Sector != 0 {
		doc.Value("size", "%v is no multiple of the sector, %v", d.Size, d.Sector)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// Marshal is the inverse of ParseDefinition.
func (d *Definition) Marshal() []byte { return definitionFormat.Write(d) }

// Geometry is the shape of the volume when it was made.
func (d *Definition) Geometry() node.Geometry {
	return node.Geometry{Sectors: uint64(d.Size / d.Sector), SectorSize: uint32(d.Sector),
		Carry: uint32(d.Sector)}
}

// witness is the machine that votes without a replica. Its host is 0 if there is none, or the configuration
// does not know it.
func (d *Definition) witness(c *Config) node.Addr {
	if id := c.hostID(d.Witness); id != 0 && d.Witness != "" {
		return node.Addr{Host: id, Machine: uint32(d.Number)}
	}
	return node.Addr{}
}

// addrs are the machines of the members, and the names of those that the configuration does not
// know.
func (d *Definition) addrs(c *Config) (list []node.Addr, unknown []string) {
	for _, name := range d.Members {
		if id := c.hostID(name); id != 0 {
			list = append(list, node.Addr{Host: id, Machine: uint32(d.Number)})
		} else {
			unknown = append(unknown, name)
		}
	}
	return list, unknown
}
