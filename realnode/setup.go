package realnode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
	"github.com/container-football/pitch/realnode/daemon"
)

// HostName is what a host of a cluster is called.
func HostName(id node.ID) string { return "h" + strconv.FormatUint(uint64(id), 10) }

// In Dir, besides the folders of the hosts.
const (
	pkiDir  = "pki"
	tlsDir  = "tls" // of a host
	cluster = "local"
)

// prepare writes what the daemons read: certificates, configurations, and which resources there
// are. What an earlier run has left is used.
func (c *Cluster) prepare() error {
	if err := os.MkdirAll(c.cfg.Dir, 0o755); err != nil {
		return err
	}
	if !c.cfg.Insecure {
		err := ca.Create(filepath.Join(c.cfg.Dir, pkiDir), cluster, ca.Options{})
		if err != nil && !errors.Is(err, ca.ErrExists) {
			return err
		}
	}
	for _, h := range c.hosts {
		if err := c.prepareHost(h); err != nil {
			return fmt.Errorf("host %d: %w", h.id, err)
		}
	}
	return nil
}

func (c *Cluster) prepareHost(h *host) error {
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return err
	}
	if !c.cfg.Insecure {
		err := ca.Issue(filepath.Join(c.cfg.Dir, pkiDir), HostName(h.id), nil,
			filepath.Join(h.dir, tlsDir), ca.Options{})
		if err != nil && !errors.Is(err, ca.ErrExists) {
			return err
		}
	}
	text := c.configOf(h).Marshal()
	if err := os.WriteFile(filepath.Join(h.dir, configFile), text, 0o644); err != nil {
		return err
	}
	if c.cfg.Resources == nil {
		return nil
	}
	for _, def := range c.cfg.Resources(h.id) {
		h.names[uint32(def.Number)] = def.Name
		err := daemon.Store(filepath.Join(h.dir, dataDir), def)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func (c *Cluster) configOf(h *host) *daemon.Config {
	cfg := &daemon.Config{Schema: daemon.Schema, Cluster: cluster,
		Host: daemon.Host{Name: HostName(h.id), ID: int(h.id), Data: dataDir,
			Listen: "127.0.0.1:0"},
		TLS: daemon.TLS{Dir: tlsDir}, NBD: daemon.NBD{TLS: "required"},
		Log: daemon.Log{Level: "info", Format: "text"},
		Testing: daemon.Testing{Unsynced: c.cfg.Unsynced.String(), Seed: seedOf(c.cfg.Seed),
			Epoch: c.epoch}}
	if c.cfg.Insecure {
		cfg.TLS = daemon.TLS{Insecure: true}
	}
	if i := int(h.id) - 1; i < len(c.cfg.Clocks) {
		cfg.Testing.ClockOffset = daemon.Duration(c.cfg.Clocks[i].Offset)
		cfg.Testing.ClockDriftPPM = int(c.cfg.Clocks[i].DriftPPM)
	}
	if i := int(h.id) - 1; i < len(c.cfg.SyncLimits) {
		cfg.Sync.Limit = c.cfg.SyncLimits[i]
	}
	for _, other := range c.hosts {
		if other.id != h.id {
			cfg.Peers = append(cfg.Peers, daemon.Peer{Name: HostName(other.id), ID: int(other.id),
				Compress: "none"})
		}
	}
	return cfg
}

// seedOf is a seed as the configuration has it: TOML has signed numbers, and zero means any.
func seedOf(seed uint64) uint64 { return max(1, seed&(1<<63-1)) }

// machineDir is where the devices of a machine lie.
func (c *Cluster) machineDir(h *host, machine uint32) string {
	name, ok := h.names[machine]
	if !ok {
		return filepath.Join(h.dir, dataDir, "no-machine-"+strconv.FormatUint(uint64(machine), 10))
	}
	return daemon.ResourceDir(filepath.Join(h.dir, dataDir), name)
}
