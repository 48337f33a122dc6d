package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/scenario"
)

// localWorld runs one process a host on this machine: this same program, as `pitch node`.
func localWorld() *scenario.WorldKind {
	return &scenario.WorldKind{Name: "local", Carry: wholeSectors,
		Turns: true, Poll: 20 * node.Millisecond, Timeout: 5 * node.Second, Open: openLocal}
}

// wholeSectors is how much a real world carries of a sector: all of it.
func wholeSectors(sector uint32) uint32 { return sector }

func openLocal(ctx context.Context, s scenario.Setup) (scenario.World, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	mode := unsyncedOf(s.File)
	cfg := realnode.ClusterConfig{Command: []string{self, "node", "--runner", "--config"},
		Dir: s.Dir, Hosts: len(s.File.Hosts), Seed: s.File.Seed, Unsynced: mode,
		Resources: func(id node.ID) []*daemon.Definition { return definitions(s.File, id) },
		// Why a process has ended is in the report; a warning would say it twice.
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	for i := range s.File.Hosts {
		h := &s.File.Hosts[i]
		cfg.Clocks = append(cfg.Clocks, realnode.ClockError{Offset: node.Time(h.ClockOffset),
			DriftPPM: int64(h.ClockDriftPPM)})
		cfg.SyncLimits = append(cfg.SyncLimits, h.SyncLimit)
	}
	c, err := realnode.StartCluster(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &local{c, mode}, nil
}

// absent is the strategy of a machine that stands for a replica which a host does not have.
const absent = "absent"

// definitions are the resources of a scenario, as the daemon of a host knows them. Machines are
// numbered by their place in the file, in all worlds.
func definitions(f *scenario.File, id node.ID) (list []*daemon.Definition) {
	for i := range f.Resources {
		r := &f.Resources[i]
		def := &daemon.Definition{Schema: daemon.Schema, Name: "r" + strconv.Itoa(i),
			Number: int64(i), UUID: fmt.Sprintf("%032x", i), Strategy: r.Strategy, Size: r.Size,
			Sector: r.Sector, Ack: r.Ack, Buffer: r.Buffer, FetchWindow: r.FetchWindow,
			Segment: r.Segment, CopyChunk: r.CopyChunk, LogLimit: r.LogLimit, Throttle: r.Throttle, CompressLog: r.CompressLog,
			Emergency: r.Emergency,
			Lease:     r.Lease, Fetch: r.Fetch, Replay: r.Replay,
			Joins: slices.Contains(r.Joiners, f.HostName(id)), Checksums: true}
		members := r.MembersAt(f.HostName(id))
		if members == nil {
			def.Strategy, members = absent, r.Replicas
			switch name := f.HostName(id); {
			case slices.Contains(r.Remote, name):
				def.Strategy = daemon.Prosumer
			case r.Witness == name:
				def.Strategy = daemon.WitnessOf
			}
		}
		if r.Witness != "" {
			def.Witness = realnode.HostName(f.HostID(r.Witness))
		}
		for _, name := range members {
			def.Members = append(def.Members, realnode.HostName(f.HostID(name)))
		}
		list = append(list, def)
	}
	return list
}

// local is a cluster in which all crashes treat unsynced data alike: a process holds it back, or
// not, from its start on, before it is known how it will end.
type local struct {
	*realnode.Cluster
	mode node.Unsynced
}

func (l *local) Crash(host node.ID, _ node.Unsynced) error { return l.Cluster.Crash(host, l.mode) }

// unsyncedOf is the mode of all crashes of a scenario: theirs if they agree, else lose-some.
func unsyncedOf(f *scenario.File) node.Unsynced {
	mode, found := node.Keep, false
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.Do != scenario.DoCrash {
			continue
		}
		m := scenario.UnsyncedMode(s.Unsynced)
		if found && m != mode {
			return node.LoseSome
		}
		mode, found = m, true
	}
	return mode
}

// stderrLog is what the processes of the local world call their logs.
const stderrLog = "stderr.log"

// keepLogs copies the logs of all processes of a run that has failed into a folder, and lets the
// error speak of them there.
func keepLogs(dir, folder string, cause error) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*", stderrLog))
	for _, log := range logs {
		b := &bundle{dir: filepath.Join(folder, filepath.Base(filepath.Dir(log)))}
		b.copy(stderrLog, log)
		err = errors.Join(err, b.err)
	}
	if err != nil {
		return errors.Join(cause, fmt.Errorf("keeping the logs of the processes: %w", err))
	}
	return &movedError{cause, dir, folder}
}

// movedError is an error whose files have moved.
type movedError struct {
	error
	from, to string
}

func (e *movedError) Error() string { return strings.ReplaceAll(e.error.Error(), e.from, e.to) }

func (e *movedError) Unwrap() error { return e.error }
