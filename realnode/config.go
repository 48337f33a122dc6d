package realnode

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/container-football/pitch/node"
)

// NodeConfig tells the process of one host who it is. The runner writes it as JSON; people may
// do so too.
type NodeConfig struct {
	// Host is the number of this host, from 1 to Hosts.
	Host node.ID `json:"host"`
	// Name is for people: it stands in the log. Default: h and the number.
	Name string `json:"name,omitempty"`
	// Hosts is how many hosts the run has, at least 1 and at most 65536.
	Hosts int `json:"hosts"`
	// DataDir holds the devices. It is made if it does not exist; what lies there is used.
	DataDir string `json:"data_dir"`
	// Epoch is when the run began: nanoseconds of CLOCK_MONOTONIC. All processes of a run are
	// given the same number and so agree on the time.
	Epoch int64 `json:"epoch"`
	// Incarnation counts the starts of this host, from 1.
	Incarnation int64 `json:"incarnation"`
	// Seed of the machines' random streams and of what becomes of unsynced data.
	Seed uint64 `json:"seed"`
	// Listen is the TCP address for other hosts. Default: 127.0.0.1:0, any free port.
	Listen string `json:"listen,omitempty"`
	// Unsynced says what a kill does to data that was not synced: "lose-some", "lose-all" or
	// "keep". Default: lose-some.
	Unsynced string `json:"unsynced,omitempty"`
	// ClockOffset is how far the host's own clock is ahead, in nanoseconds; may be negative.
	ClockOffset node.Time `json:"clock_offset,omitempty"`
	// ClockDrift is how much faster it runs, in parts per million: above -1000000, at most
	// 1000000.
	ClockDrift int64 `json:"clock_drift_ppm,omitempty"`
	// App is the caller's own part: from it the machines are made. It is not looked into.
	App json.RawMessage `json:"app,omitempty"`
}

const (
	defaultListen = "127.0.0.1:0"
	maxHosts      = 1 << 16
	maxDrift      = 1_000_000
)

// LoadNodeConfig reads and checks a file. Unknown fields are errors: a misspelt one must not
// quietly mean the default. Errors name the file and the field.
func LoadNodeConfig(path string) (NodeConfig, error) {
	f, err := os.Open(path)
	if err != nil {
		return NodeConfig{}, fmt.Errorf("node config: %w", err)
	}
	defer f.Close()
	var cfg NodeConfig
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cfg); err != nil {
		return NodeConfig{}, fmt.Errorf("node config %s: %w", path, err)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return NodeConfig{}, fmt.Errorf("node config %s: something follows the object", path)
	}
	if err := cfg.check(); err != nil {
		return NodeConfig{}, fmt.Errorf("node config %s: %w", path, err)
	}
	return cfg, nil
}

// check reports the first field that makes no sense and fills in defaults.
func (c *NodeConfig) check() error {
	switch {
	case c.Hosts < 1 || c.Hosts > maxHosts:
		return fmt.Errorf("hosts: %d, expected 1 to %d", c.Hosts, maxHosts)
	case c.Host < 1 || int(c.Host) > c.Hosts:
		return fmt.Errorf("host: %d, expected 1 to %d", c.Host, c.Hosts)
	case c.DataDir == "":
		return errors.New("data_dir: missing")
	case c.Incarnation < 1:
		return fmt.Errorf("incarnation: %d, expected 1 or more", c.Incarnation)
	case c.ClockDrift <= -maxDrift || c.ClockDrift > maxDrift:
		return fmt.Errorf("clock_drift_ppm: %d, expected above -%d and at most %d",
			c.ClockDrift, maxDrift, maxDrift)
	}
	if _, err := parseUnsynced(c.Unsynced); err != nil {
		return fmt.Errorf("unsynced: %w", err)
	}
	if c.Name == "" {
		c.Name = hostName(c.Host)
	}
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	return nil
}

func hostName(id node.ID) string { return fmt.Sprintf("h%d", id) }

// unsyncedNames are in the order of the constants of package node.
var unsyncedNames = [...]string{"lose-some", "lose-all", "keep"}

func unsyncedName(u node.Unsynced) string {
	if int(u) < len(unsyncedNames) {
		return unsyncedNames[u]
	}
	return fmt.Sprintf("unsynced(%d)", u)
}

func parseUnsynced(s string) (node.Unsynced, error) {
	if s == "" {
		return node.LoseSome, nil
	}
	for i, name := range unsyncedNames {
		if s == name {
			return node.Unsynced(i), nil
		}
	}
	return 0, fmt.Errorf("%q, expected one of %s", s, strings.Join(unsyncedNames[:], ", "))
}
