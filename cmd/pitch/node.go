package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/scenario"
)

type nodeCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration of the host, in TOML."`
	Check  bool   `help:"Only check the configuration."`
	Runner bool   `hidden:"" help:"Be driven over standard input and output."`
}

func (c *nodeCmd) Help() string {
	return `Runs the daemon of one host: it keeps replicas of volumes in its data folder, replicates
them to other hosts over TLS, and exports those of which it is primary over NBD. ` + "`pitch vol`" + `
administers it over a Unix socket.

  pitch node --config /etc/pitch/node.toml
  pitch node --config /etc/pitch/node.toml --check
  pitch schema node

A configuration of two keys more than the least:

  schema = 1
  cluster = "lab"
  [host]
  name = "alpha"
  id = 1
  data = "/var/lib/pitch"
  listen = "10.0.0.1:7790"
  [tls]
  dir = "/etc/pitch/tls"
  [[peer]]
  name = "beta"
  id = 2
  address = "10.0.0.2:7790"

SIGHUP takes up changed peers, log.level and sync.limit. SIGTERM and Ctrl-C stop it; so may a crash: it
starts again from what is on disk.`
}

func (c *nodeCmd) Run(s *streams) error {
	// Unheard, a hangup ends the process. One that comes from here on may be about a configuration
	// that is read too early to show what has changed.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	cfg, err := daemon.LoadConfig(c.Config)
	if err != nil {
		return usageError{err}
	}
	if c.Check {
		fmt.Fprintf(s.out, "%s: host %s (%d) of cluster %s, %d peers\n", c.Config, cfg.Host.Name,
			cfg.Host.ID, cfg.Cluster, len(cfg.Peers))
		return nil
	}
	opt := daemon.Options{Config: cfg, Build: buildReplica, Catalog: metadata{}, Version: version(),
		Hangups: hangups, Log: daemon.NewLogger(&cfg.Log, s.err)}
	slog.SetDefault(opt.Log)
	if c.Runner {
		if opt.Runner, err = daemon.StdioRunner(); err != nil {
			return err
		}
		opt.Wrap = scenario.Wrap
	}
	return nodeError(daemon.Run(s.ctx, opt))
}

// nodeError says which errors of a daemon are about what the user gave it.
func nodeError(err error) error {
	var told *ca.Error
	var file *strict.Error
	switch {
	case errors.As(err, &told), errors.As(err, &file), errors.Is(err, durable.ErrLocked),
		errors.Is(err, daemon.ErrOtherHost), errors.Is(err, daemon.ErrNewer),
		errors.Is(err, daemon.ErrAltered):
		return usageError{err}
	}
	return err
}

// persist is the time between syncs of a volume. Each competes with the log for the disk; what comes
// between two of them is replayed after a crash, which takes no longer than it took to write.
const persist = node.Second

// tick is the period of retries. Every replica wakes up with it, and much less often while it is idle:
// a hundred idle ones shall not take a hundredth of a core.
const tick = 100 * node.Millisecond

// buildReplica makes the machine of a replica: here strategies and the real world meet.
func buildReplica(def *daemon.Definition, members []node.Addr, witness node.Addr) (node.Spec, error) {
	if def.Strategy == absent {
		return scenario.Absent(), nil
	}
	if def.Strategy == daemon.Prosumer {
		return scenario.Remote(members, def.Geometry()), nil
	}
	r := &scenario.Resource{Name: def.Name, Strategy: def.Strategy, Size: def.Size,
		Sector: def.Sector, Ack: def.Ack, Buffer: def.Buffer, FetchWindow: def.FetchWindow,
		Segment: def.Segment, CopyChunk: def.CopyChunk, LogLimit: def.LogLimit, Throttle: def.Throttle, CompressLog: def.CompressLog, Emergency: def.Emergency,
		Lease: def.Lease, Replay: def.Replay, Fetch: def.Fetch}
	votes := def.Strategy == daemon.WitnessOf
	if votes {
		r.Strategy = "mars" // the only one that knows leases
	}
	at := scenario.Place{Members: members, Geometry: def.Geometry(), Joins: def.Joins,
		Persist: persist, Tick: tick, Witness: witness, Votes: votes}
	uuid := fnv.New64a()
	_, _ = uuid.Write([]byte(def.UUID)) // a hash takes anything
	at.Resource = uuid.Sum64()
	spec, err := r.Spec(at)
	if err != nil || votes {
		return spec, err
	}
	return scenario.Served(spec, members, def.Geometry()), nil
}
