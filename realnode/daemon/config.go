package daemon

import (
	"errors"
	"net"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"

	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
)

// Schema is the version of the configuration file that this package reads.
const Schema = 1

// Config is the configuration of one daemon, with every default filled in. Struct tags are the
// format: see package strict.
type Config struct {
	Schema  int     `toml:"schema" req:"yes" min:"1" max:"1"`
	Cluster string  `toml:"cluster" req:"yes" pattern:"label"`
	Host    Host    `toml:"host"`
	TLS     TLS     `toml:"tls"`
	NBD     NBD     `toml:"nbd"`
	Log     Log     `toml:"log"`
	Sync    Sync    `toml:"sync"`
	Peers   []Peer  `toml:"peer"`
	Testing Testing `toml:"testing"`

	// Path is where the file was read from.
	Path string `toml:"-"`
}

// Host is who this daemon is and where its things lie.
type Host struct {
	Name string `toml:"name" req:"yes" pattern:"label"`
	ID   int    `toml:"id" req:"yes" min:"1" max:"65536"`
	Data string `toml:"data" req:"yes" pattern:"path"`
	// Listen is where other hosts reach this one.
	Listen string `toml:"listen" default:"127.0.0.1:7790" pattern:"address"`
	// Control is the socket of `pitch vol`; default: control.sock in Data.
	Control      string `toml:"control" pattern:"path"`
	ControlGroup string `toml:"control_group" pattern:"label"`
}

// TLS is how hosts know each other.
type TLS struct {
	Dir      string `toml:"dir" pattern:"path"`
	Insecure bool   `toml:"insecure" default:"false"`
}

// NBD is where volumes are exported.
type NBD struct {
	Socket string `toml:"socket" pattern:"path"` // default: nbd.sock in Data
	Listen string `toml:"listen" pattern:"address"`
	TLS    string `toml:"tls" default:"required" enum:"tls"`
}

// Log is what the daemon reports on standard error.
type Log struct {
	Level  string `toml:"level" default:"info" enum:"levels"`
	Format string `toml:"format" default:"auto" enum:"formats"`
}

// Sync is how volumes are copied.
type Sync struct {
	// Limit is how many replicas of this host may copy at a time; 0: all.
	Limit int `toml:"limit" default:"0" min:"0" max:"65536"`
}

// Peer is another host of the cluster.
type Peer struct {
	Name string `toml:"name" req:"yes" pattern:"label"`
	ID   int    `toml:"id" req:"yes" min:"1" max:"65536"`
	// Address may be missing in tests alone, where the runner tells it.
	Address    string         `toml:"address" pattern:"address"`
	Rate       units.ByteRate `toml:"rate" min:"0B/s"`
	Compress   string         `toml:"compress" default:"none" enum:"compressions"`
	Congestion string         `toml:"congestion" pattern:"label"`
}

// Testing makes the daemon worse than it is, for runs that inject faults.
type Testing struct {
	Unsynced      string         `toml:"unsynced" default:"keep" enum:"unsynced"`
	Seed          uint64         `toml:"seed" default:"0"`
	Epoch         int64          `toml:"epoch" default:"0" min:"0"`
	ClockOffset   units.Duration `toml:"clock_offset" default:"0s"`
	ClockDriftPPM int            `toml:"clock_drift_ppm" default:"0" min:"-999999" max:"1000000"`
	PageCache     bool           `toml:"page_cache" default:"false"`
}

// Duration is a span of time in nanoseconds, as the configuration has it.
type Duration = units.Duration

var patterns = map[string]strict.Pattern{
	"label": {Form: regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`),
		What: "1 to 63 lower-case letters, digits and inner hyphens"},
	"path": {Form: regexp.MustCompile(`^[^\x00-\x1f]+$`), What: "the name of a file"},
	"address": {Form: regexp.MustCompile(`^(\[[0-9a-fA-F:.%a-z]+\]|[A-Za-z0-9.-]*):[0-9]{1,5}$`),
		What: "host:port"},
	"uuid": {Form: regexp.MustCompile(`^[0-9a-f]{32}$`), What: "32 hexadecimal digits"},
}

var enums = map[string][]string{
	"tls":          {"required", "optional", "off"},
	"levels":       {"debug", "info", "warn", "error"},
	"formats":      {"auto", "text", "json", "journal"},
	"compressions": {"none", "s2", "zstd"},
	"unsynced":     node.UnsyncedNames(),
	"sectors":      {"512B", "4KiB"},
}

var configFormat = &strict.Format{Name: "configuration", Enums: enums, Patterns: patterns,
	Texts: units.Forms(), Descriptions: configDescriptions}

// LoadConfig reads and checks a configuration. The error is a *strict.Error.
func LoadConfig(path string) (*Config, error) {
	data, err := configFormat.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseConfig(path, data)
}

// ParseConfig reads and checks a configuration. Name stands in messages; relative paths in it are
// meant from its folder.
func ParseConfig(name string, data []byte) (*Config, error) {
	c := &Config{}
	doc, err := configFormat.Decode(name, data, c)
	if err != nil {
		return nil, err
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	c.validate(doc)
	if err := doc.Err(); err != nil {
		return nil, err
	}
	c.Path = name
	c.resolve()
	return c, nil
}

// ConfigSchema is a JSON Schema of the configuration, for editors.
func ConfigSchema() ([]byte, error) {
	return configFormat.Schema("configuration of a pitch node", Config{})
}

// Marshal is the inverse of ParseConfig.
func (c *Config) Marshal() []byte { return configFormat.Write(c) }

func (c *Config) validate(doc *strict.Document) {
	if c.TLS.Dir == "" && !c.TLS.Insecure {
		doc.Lacks("tls", "dir", "hosts know each other by certificates: `pitch ca --help` tells how "+
			"to make them; or `insecure = true`, on loopback alone")
	}
	if c.TLS.Dir != "" && c.TLS.Insecure {
		doc.Value("tls.insecure", "there are certificates in dir; one of the two")
	}
	if c.TLS.Insecure && !loopback(c.Host.Listen) {
		doc.Value("host.listen", "without certificates only a loopback address can be listened on")
	}
	if c.NBD.Listen != "" && c.TLS.Insecure && c.NBD.TLS != "off" {
		doc.Value("nbd.listen", `there is no certificate for TLS; nbd.tls = "off" and a loopback `+
			`address do without`)
	}
	if c.NBD.Listen != "" && c.NBD.TLS == "off" && !loopback(c.NBD.Listen) {
		doc.Value("nbd.tls", "without TLS volumes can be exported on a loopback address only")
	}
	names, ids := []string{c.Host.Name}, []int{c.Host.ID}
	for i := range c.Peers {
		p, at := &c.Peers[i], strict.Index("peer", i)
		if slices.Contains(names, p.Name) {
			doc.Value(strict.Join(at, "name"), "name %q is there twice", p.Name)
		}
		if slices.Contains(ids, p.ID) {
			doc.Value(strict.Join(at, "id"), "id %d is there twice", p.ID)
		}
		if c.TLS.Insecure && p.Address != "" && !loopback(p.Address) {
			doc.Value(strict.Join(at, "address"), "address: without certificates only loopback is used")
		}
		names, ids = append(names, p.Name), append(ids, p.ID)
	}
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// resolve makes all paths absolute or relative to where the daemon runs, and fills in those that
// have a place by default.
func (c *Config) resolve() {
	dir := filepath.Dir(c.Path)
	for _, p := range []*string{&c.Host.Data, &c.Host.Control, &c.TLS.Dir, &c.NBD.Socket} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if c.Host.Control == "" {
		c.Host.Control = filepath.Join(c.Host.Data, "control.sock")
	}
	if c.NBD.Socket == "" {
		c.NBD.Socket = filepath.Join(c.Host.Data, "nbd.sock")
	}
}

// peer returns the peer with this name, or nil.
func (c *Config) peer(name string) *Peer {
	for i := range c.Peers {
		if c.Peers[i].Name == name {
			return &c.Peers[i]
		}
	}
	return nil
}

// hostName is the name of a host, for people.
func (c *Config) hostName(id node.ID) string {
	if id == node.ID(c.Host.ID) {
		return c.Host.Name
	}
	for i := range c.Peers {
		if node.ID(c.Peers[i].ID) == id {
			return c.Peers[i].Name
		}
	}
	return ""
}

// hostID is the inverse of hostName; zero if there is none.
func (c *Config) hostID(name string) node.ID {
	if name == c.Host.Name {
		return node.ID(c.Host.ID)
	}
	if p := c.peer(name); p != nil {
		return node.ID(p.ID)
	}
	return 0
}

// ErrRestart is returned by a reload that cannot be done while the daemon runs.
var ErrRestart = errors.New("takes effect only after a restart")

// fixed is the part of a configuration that a running daemon cannot change.
func (c *Config) fixed() Config {
	f := *c
	f.Peers, f.Log.Level, f.Sync, f.Path = nil, "", Sync{}, ""
	return f
}

// reloadable says what stands in the way of a running daemon to take up a new configuration.
func (c *Config) reloadable(fresh *Config) error {
	if !reflect.DeepEqual(c.fixed(), fresh.fixed()) {
		return ErrRestart
	}
	return nil
}
