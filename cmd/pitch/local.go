package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode"
	"github.com/container-football/pitch/scenario"
)

// nodeApp is what the runner tells a node process beyond what a world needs: the scenario, from
// which the process makes its machines.
type nodeApp struct {
	Scenario string `json:"scenario"` // text of the file
}

// localWorld runs one process a host on this machine: this same program, as `pitch node`.
func localWorld() *scenario.WorldKind {
	return &scenario.WorldKind{Name: "local", Carry: wholeSectors,
		Poll: 20 * node.Millisecond, Timeout: 5 * node.Second, Open: openLocal}
}

// wholeSectors is how much a real world carries of a sector: all of it.
func wholeSectors(sector uint32) uint32 { return sector }

func openLocal(ctx context.Context, s scenario.Setup) (scenario.World, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := s.File.Marshal()
	if err != nil {
		return nil, err
	}
	app, err := json.Marshal(nodeApp{Scenario: string(text)})
	if err != nil {
		return nil, err
	}
	mode := unsyncedOf(s.File)
	cfg := realnode.ClusterConfig{Command: []string{self, "node", "--config"}, Dir: s.Dir,
		Hosts: len(s.File.Hosts), Seed: s.File.Seed, Unsynced: mode, App: app,
		// Why a process has ended is in the report; a warning would say it twice.
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	for i := range s.File.Hosts {
		h := &s.File.Hosts[i]
		cfg.Clocks = append(cfg.Clocks, realnode.ClockError{Offset: node.Time(h.ClockOffset),
			DriftPPM: int64(h.ClockDriftPPM)})
	}
	c, err := realnode.StartCluster(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &local{c, mode}, nil
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

type nodeCmd struct {
	Config string `required:"" type:"existingfile" placeholder:"FILE" help:"JSON file that says who this host is; the runner writes it."`
}

func (c *nodeCmd) Help() string {
	return "Serves one host of the local world. `pitch run --world local` starts it; it talks to the " +
		"runner over its standard input and output, and ends when they are closed."
}

func (c *nodeCmd) Run(s *streams) error {
	cfg, err := realnode.LoadNodeConfig(c.Config)
	if err != nil {
		return usageError{err}
	}
	var app nodeApp
	if err := json.Unmarshal(cfg.App, &app); err != nil {
		return usageError{fmt.Errorf("%s: app: %w", c.Config, err)}
	}
	f, err := scenario.Options{Strategies: scenario.Strategies()}.Parse(c.Config, []byte(app.Scenario))
	if err != nil {
		return usageError{err}
	}
	specs, err := f.Specs(cfg.Host, localWorld())
	if err != nil {
		return usageError{err}
	}
	return realnode.Run(s.ctx, cfg, specs, scenario.Wrap)
}
