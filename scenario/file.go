package scenario

import (
	"path/filepath"
	"reflect"

	"github.com/container-football/pitch/internal/strict"
)

// Format is the value of `schema` that this package reads and writes.
const Format = 1

// File is one scenario with every default filled in. Its struct tags are the format: see package
// strict.
type File struct {
	Schema      int      `toml:"schema" req:"yes" min:"1" max:"1"`
	Name        string   `toml:"name" req:"yes" pattern:"slug"`
	Description string   `toml:"description"`
	Worlds      []string `toml:"worlds" default:"sim local" enum:"worlds"`
	Seed        uint64   `toml:"seed" default:"1"`
	TimeLimit   Duration `toml:"time_limit" default:"60s" min:"1ms"`
	Quiet       Duration `toml:"quiet" default:"30s" min:"0s"`
	// Vary makes several scenarios of one file. What [Parse] returns is one of them and has none.
	Vary      []Dimension `toml:"vary"`
	Hosts     []Host      `toml:"host" req:"yes"`
	Resources []Resource  `toml:"resource" req:"yes"`
	Workloads []Workload  `toml:"workload"`
	Network   Network     `toml:"network"`
	Disk      Disk        `toml:"disk"`
	Steps     []Step      `toml:"step"`
	// Random is unused if it names no faults.
	Random Random `toml:"random"`
	Expect Expect `toml:"expect"`

	// Path is the name the File was parsed under; iolog files are relative to its folder. It is
	// not part of the format and Equal ignores it.
	Path string `toml:"-"`
	// Variant is which of the scenarios of its file it is: the end of its name; empty if there is
	// but one. Like Path it is not part of the format.
	Variant string `toml:"-"`
}

// Host is one machine.
type Host struct {
	Name          string   `toml:"name" req:"yes" pattern:"name"`
	Rack          string   `toml:"rack" pattern:"name"`
	Datacenter    string   `toml:"datacenter" pattern:"name"`
	ClockOffset   Duration `toml:"clock_offset" default:"0s"`
	ClockDriftPPM int      `toml:"clock_drift_ppm" default:"0" min:"-500" max:"500"`
	// SyncLimit is how many replicas of the host may copy their volumes at a time; 0: all.
	SyncLimit int  `toml:"sync_limit" default:"0" min:"0" max:"65536"`
	Only      Only `toml:"only"`
}

// Resource is one replicated volume.
type Resource struct {
	Name     string `toml:"name" req:"yes" pattern:"name"`
	Strategy string `toml:"strategy" req:"yes"`
	Size     Bytes  `toml:"size" req:"yes" min:"1B"`
	Sector   Bytes  `toml:"sector" default:"4KiB" enum:"sectors"`
	// Replicas are distinct hosts; the first is primary when the run begins.
	Replicas []string `toml:"replicas" req:"yes"`
	// Joiners are hosts with an empty replica that is no member until a step lets it join.
	Joiners []string `toml:"joiners"`
	// Remote are hosts without a replica that may use the volume over the network.
	Remote []string `toml:"remote"`
	// Ack is the strategy's to judge; mars knows durable, logged, submitted, remote and quorum.
	Ack         string `toml:"ack" default:"durable" pattern:"slug"`
	Buffer      Bytes  `toml:"buffer" default:"64MiB" min:"1B"`
	FetchWindow Bytes  `toml:"fetch_window" default:"1MiB" min:"1B"`
	Replay      bool   `toml:"replay" default:"true"`
	Fetch       bool   `toml:"fetch" default:"true"`
	// Segment is how long a part of the log becomes before the next one is begun.
	Segment Bytes `toml:"segment" default:"1GiB" min:"16KiB"`
	// LogLimit is how much log is kept for members that are behind; 0: as much as they need.
	LogLimit Bytes `toml:"log_limit" default:"0B" min:"0B"`
	// Throttle is from which part of LogLimit on, in percent, writers are slowed down; 0: not at all.
	Throttle int `toml:"throttle" default:"0" min:"0" max:"99"`
	// CompressLog is how writes are packed in the log, where sectors are carried whole.
	CompressLog string `toml:"compress_log" default:"none" enum:"compressions"`
	// Emergency has a primary go on without a log that has no room; else its writers wait.
	Emergency bool `toml:"emergency" default:"true"`
	// CopyChunk is what a copy of the volume asks for at a time.
	CopyChunk Bytes `toml:"copy_chunk" default:"1MiB" min:"64KiB" max:"4MiB"`
	// Lease is how long a primary may serve without a majority of the voters, which are the replicas
	// and the witness; 0: for ever.
	Lease Duration `toml:"lease" default:"0s" min:"0s" max:"1h"`
	// Witness is a host that votes without a replica; empty if there is none.
	Witness string `toml:"witness" pattern:"name"`
	Only    Only   `toml:"only"`
}

// Workload is a source of operations on one resource. Kind decides which other fields count; the
// rest are zero.
type Workload struct {
	Name    string `toml:"name" req:"yes" pattern:"name"`
	On      string `toml:"on" req:"yes"`
	Kind    string `toml:"kind" req:"yes"`
	Clients int    `toml:"clients" default:"1" min:"1" max:"1024"`
	// Ops is the total of all clients. For an iolog, 0 means the whole trace.
	Ops   int     `toml:"ops" min:"1"`
	Write float64 `toml:"write" default:"0.5" min:"0" max:"1"`
	// Sectors is the working set, counted from sector 0; 0 means the whole device.
	Sectors    int64    `toml:"sectors" min:"1"`
	OpSectors  int      `toml:"op_sectors" default:"1" min:"1" max:"65536"`
	Think      Duration `toml:"think" default:"0s" min:"0s"`
	Hot        float64  `toml:"hot" default:"0" min:"0" max:"1"`
	FlushEvery int      `toml:"flush_every" default:"0" min:"0"`
	File       string   `toml:"file"`
	// Host, if set, is where the clients stay, whoever is primary.
	Host string `toml:"host"`
	Only Only   `toml:"only"`
}

// Network is the simulator's model of every link; the probabilities apply in every world.
type Network struct {
	Latency   Duration `toml:"latency" default:"100us" min:"0s"`
	Jitter    Duration `toml:"jitter" default:"20us" min:"0s"`
	Bandwidth Rate     `toml:"bandwidth" default:"1Gbit/s" min:"1bit/s"`
	Loss      float64  `toml:"loss" default:"0" min:"0" max:"1"`
	Duplicate float64  `toml:"duplicate" default:"0" min:"0" max:"1"`
	Reorder   float64  `toml:"reorder" default:"0" min:"0" max:"1"`
}

// Disk is the simulator's model of every disk.
type Disk struct {
	Latency   Duration `toml:"latency" default:"80us" min:"0s"`
	Sync      Duration `toml:"sync" default:"400us" min:"0s"`
	Read      Duration `toml:"read" default:"100us" min:"0s"`
	Bandwidth ByteRate `toml:"bandwidth" default:"200MiB/s" min:"1B/s"`
	// Capacity is what each log of a replica can store; 0 means without bound.
	Capacity Bytes `toml:"capacity" min:"1B"`
}

// Step is one scripted action. It fires once: when the condition first holds, or at a time. Do
// decides which other fields count; the rest are zero.
type Step struct {
	Name string `toml:"name" pattern:"name"`
	// When is empty if the step fires at the time At.
	When Condition `toml:"when"`
	At   Duration  `toml:"at" min:"0s"`
	Only Only      `toml:"only"`
	Do   string    `toml:"do" req:"yes"`

	// Between holds at least two disjoint groups of hosts; traffic within a group is untouched.
	Between [][]string `toml:"between" items:"2"`
	// OneWay stops only what the first group sends to the second.
	OneWay    bool     `toml:"oneway" default:"false"`
	Loss      float64  `toml:"loss" default:"0" min:"0" max:"1"`
	Delay     Duration `toml:"delay" default:"0s" min:"0s"`
	Duplicate float64  `toml:"duplicate" default:"0" min:"0" max:"1"`
	Reorder   float64  `toml:"reorder" default:"0" min:"0" max:"1"`

	Resource string `toml:"resource"`
	Host     string `toml:"host"`
	Force    bool   `toml:"force" default:"false"`
	Workload string `toml:"workload"`
	// IgnoreLease lets a forced primary serve though no majority grants it a lease.
	IgnoreLease bool `toml:"ignore_lease" default:"false"`

	Unsynced string `toml:"unsynced" default:"lose-some" enum:"unsynced"`
	// RestartAfter is 0 if the host stays down until a step restarts it.
	RestartAfter Duration `toml:"restart_after" min:"1ns"`
	// For is 0 if what the step does lasts until another step ends it.
	For Duration `toml:"for" min:"1ns"`
	// Slow multiplies the time of every disk request; 1 is healthy.
	Slow float64 `toml:"slow" default:"1" min:"1" max:"1000000"`
	// Full is, for a disk, that it refuses to store more; for invalidate, that all is compared.
	Full bool `toml:"full" default:"false"`
	// Latent is the share of sectors that cannot be read.
	Latent float64 `toml:"latent" default:"0" min:"0" max:"1"`
	// Size is what a volume is to have.
	Size Bytes `toml:"size" min:"1B"`

	// Ack is the name of a setting of acknowledgement.
	Ack string `toml:"ack" pattern:"slug"`
	// Limit is how much log is to be kept for members that are behind; 0: as much as they need.
	Limit Bytes `toml:"limit" default:"0B" min:"0B"`

	// Line is where the step stands in its file, 1-based, for messages that point at it. It is
	// not part of the format and Equal ignores it.
	Line int `toml:"-"`
}

// Random asks for generated faults.
type Random struct {
	Faults []string  `toml:"faults" req:"yes" enum:"faults"`
	Rate   FaultRate `toml:"rate" default:"1 per 500 ops"`
	Until  Until     `toml:"until" default:"end"`
}

// Expect is what the run is judged by.
type Expect struct {
	Verdict string `toml:"verdict" default:"ok" enum:"verdicts"`
	// Checks is empty if every check that applies is wanted.
	Checks  []string `toml:"checks" enum:"checks"`
	MaxLost MaxLost  `toml:"max_lost"`
	// MaxUnknown bounds the operations that ended without an answer or with an error.
	MaxUnknown int `toml:"max_unknown" default:"unbounded" min:"0"`
	// MaxStall bounds the time of any operation that was acknowledged; 0 means that it is not limited.
	MaxStall Duration `toml:"max_stall" min:"1ms"`
	// MustFire names step verbs, steps, and kinds of random faults that have to happen.
	MustFire []string `toml:"must_fire"`
}

// Unbounded in a field of MaxLost means that it is not limited.
const Unbounded = -1

// MaxLost bounds what a forced failover may lose. The zero value allows no loss at all; a key
// that is missing from a file is [Unbounded].
type MaxLost struct {
	Ops     int64   `toml:"ops" default:"unbounded" min:"0"`
	Bytes   Bytes   `toml:"bytes" default:"unbounded" min:"0B"`
	Seconds float64 `toml:"seconds" default:"unbounded" min:"0" max:"1e9"`
}

// Options is what a caller knows that the format does not.
type Options struct {
	// Strategies are the replication strategies that exist; empty means only "mars".
	Strategies []string
}

// Parse reads a scenario with default Options. See [Options.Parse].
func Parse(name string, data []byte) (*File, error) { return Options{}.Parse(name, data) }

// Load reads the scenario at path with default Options. See [Options.Load].
func Load(path string) (*File, error) { return Options{}.Load(path) }

// Parse reads a scenario; of a file with [[vary]] the first one. See [Options.ParseAll].
func (o Options) Parse(name string, data []byte) (*File, error) {
	all, err := o.ParseAll(name, data)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ParseAll reads every scenario of a file: one, or with [[vary]] as many as it makes. Name stands
// in error messages and becomes File.Path. The error is an [*Error] with the first complaint in
// the order of the file; keys that are missing come last.
func (o Options) ParseAll(name string, data []byte) ([]*File, error) {
	if len(o.Strategies) == 0 {
		o.Strategies = []string{"mars"}
	}
	f := &File{}
	doc, err := format.Decode(name, data, f)
	if err != nil {
		return nil, err
	}
	// References are looked up only in a file whose keys are all sound: a list of names that could
	// not be read would make every reference to it look dangling.
	var all []*File
	if doc.Err() == nil {
		f.Path = name
		for i := range f.Steps {
			f.Steps[i].Line = doc.Line(strict.Index("step", i))
		}
		all = variants(f, o, doc)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return all, nil
}

// Load reads the scenario at path, of a file with [[vary]] the first one. The error is an [*Error]; if the file could not be read it
// unwraps to the cause.
func (o Options) Load(path string) (*File, error) {
	all, err := o.LoadAll(path)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// LoadAll is ParseAll of the file at path.
func (o Options) LoadAll(path string) ([]*File, error) {
	data, err := format.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return o.ParseAll(path, data)
}

// Resolve returns where a file named in the scenario lies: relative names are taken from the
// folder of the scenario, not from where the program was started.
func (f *File) Resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(f.Path), name)
}

// Equal reports whether f and g are the same scenario, wherever they were read from.
func (f *File) Equal(g *File) bool {
	return reflect.DeepEqual(f.withoutPlace(), g.withoutPlace())
}

func (f *File) withoutPlace() *File {
	c := *f
	c.Path, c.Variant = "", ""
	c.Steps = append([]Step(nil), f.Steps...)
	for i := range c.Steps {
		c.Steps[i].Line = 0
	}
	return &c
}
