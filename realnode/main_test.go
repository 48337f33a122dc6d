package realnode

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/node/nodetest"
	"github.com/container-football/pitch/realnode/daemon"
)

// The test binary plays three parts, told by an environment variable: the tests, the process of
// a host, and a runner that a test kills.
const (
	roleVar    = "PITCH_REALNODE_TEST"
	roleNode   = "node"
	roleRunner = "runner"
)

// Strategies of these tests.
const (
	plain      = "plain"         // a testMachine
	panics     = "panic-at-boot" // one that does not want to boot
	probes     = "probe"         // those of package nodetest
	layeredVar = "PITCH_REALNODE_LAYER"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleVar) {
	case "":
		os.Exit(m.Run())
	case roleNode:
		err = nodeMain(os.Args[len(os.Args)-1])
	case roleRunner:
		err = runnerMain(os.Args[len(os.Args)-1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func nodeMain(path string) error {
	cfg, err := daemon.LoadConfig(path)
	if err != nil {
		return err
	}
	opt := daemon.Options{Config: cfg, Build: build}
	if os.Getenv(layeredVar) != "" {
		opt.Wrap = nodetest.Wrap
	}
	if opt.Runner, err = daemon.StdioRunner(); err != nil {
		return err
	}
	return daemon.Run(context.Background(), opt)
}

// build makes the machine of a definition of these tests.
func build(def *daemon.Definition, _ []node.Addr, _ node.Addr) (node.Spec, error) {
	if def.Strategy == probes {
		return nodetest.Specs(def.Geometry())[def.Number], nil
	}
	return node.Spec{Volumes: []node.Geometry{def.Geometry()}, Logs: 1,
		New: func() node.Machine { return &testMachine{name: def.Strategy} }}, nil
}

// definition is machine number of a host, in these tests.
func definition(strategy string, number int, g node.Geometry) *daemon.Definition {
	return &daemon.Definition{Schema: daemon.Schema, CompressLog: "none", Name: fmt.Sprintf("r%d", number),
		Number: int64(number), UUID: fmt.Sprintf("%032x", number), Strategy: strategy,
		Size: units.Bytes(g.Bytes(int64(g.Sectors))), Sector: units.Bytes(g.SectorSize),
		Members: []string{HostName(1)}, Ack: "durable", Buffer: 1 << 20, FetchWindow: 1 << 20}
}

// testConfig is a cluster of this test binary, with one machine a host.
func testConfig(t testing.TB, hosts int, strategy string) ClusterConfig {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return ClusterConfig{Command: []string{exe}, Env: []string{roleVar + "=" + roleNode},
		Dir: filepath.Join(t.TempDir(), "run"), Hosts: hosts, Resources: onePlain(strategy),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func onePlain(strategy string) func(node.ID) []*daemon.Definition {
	g := node.Geometry{Sectors: 64, SectorSize: 4096}
	return func(node.ID) []*daemon.Definition {
		return []*daemon.Definition{definition(strategy, 0, g)}
	}
}

func startCluster(t testing.TB, cfg ClusterConfig) *Cluster {
	t.Helper()
	c, err := StartCluster(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func TestWorld(t *testing.T) {
	nodetest.Run(t, func(t *testing.T, s nodetest.Setup) nodetest.World {
		s.Geometry.Carry = s.Geometry.SectorSize
		cfg := testConfig(t, s.Hosts, probes)
		cfg.Seed, cfg.Unsynced = s.Seed, s.Unsynced
		cfg.Resources = func(node.ID) (list []*daemon.Definition) {
			for i := range nodetest.Specs(s.Geometry) {
				list = append(list, definition(probes, i, s.Geometry))
			}
			return list
		}
		if s.Layer {
			cfg.Env = append(cfg.Env, layeredVar+"=1")
		}
		return startCluster(t, cfg)
	})
}

// patience is how long these tests wait for what must happen.
const patience = 30 * node.Second

// await takes observations until one fits.
func await(t testing.TB, c *Cluster, what string,
	fits func(o node.Observation) bool) node.Observation {
	t.Helper()
	for deadline := c.Now() + patience; ; {
		o, ok := c.Next(deadline)
		if !ok {
			t.Fatalf("no %s within %v", what, patience)
		}
		if fits(o) {
			return o
		}
		if o.Kind == node.ObsDown && o.Note != "killed by the runner" {
			t.Logf("host %d is down: %s", o.Host, o.Note)
		}
	}
}

func awaitUp(t testing.TB, c *Cluster, n int) {
	t.Helper()
	for range n {
		await(t, c, "ObsUp", func(o node.Observation) bool { return o.Kind == node.ObsUp })
	}
}

// What a testMachine can be asked for.
const (
	verbEcho  = node.OpVerb + iota
	verbPanic // dies of it
	verbHang  // never returns from the step
	verbExit  // ends the process with status 7
	verbLog   // appends Data to a log, syncs it and answers
	verbPing  // sends Data to host N, machine 0, which sends it back; answers then
	verbFlood // sends Data to host N, Sector times
	verbCount // answers with the number of messages received, as the epoch
	verbNow   // answers with the time, as the epoch
	verbTimer // answers after N nanoseconds
)

type testMachine struct {
	name     string
	self     node.Addr
	seg      uint64 // of the log: one each life
	size     int64
	count    uint64 // messages received
	ended    int    // appends that have ended since the latest sync began
	pings    []node.Tag
	unsynced []node.Tag // appended since the sync that runs, if any
	syncing  []node.Tag
}

const tagAppend, tagSync = 1, 2

// Step implements node.Machine.
func (m *testMachine) Step(now node.Time, ev *node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.KindBoot:
		m.self, m.seg = ev.From, uint64(ev.N)
		if m.name == panics {
			panic("this machine does not want to boot")
		}
	case node.KindMessage:
		m.message(ev, out)
	case node.KindDone:
		m.done(ev, out)
	case node.KindTimer:
		out.Reply(ev.Tag, node.OK, 0, nil)
	case node.KindRequest:
		m.request(now, ev, out)
	}
}

func (m *testMachine) message(ev *node.Event, out *node.Effects) {
	m.count++
	switch {
	case len(ev.Data) == 0:
	case ev.Data[0] == 'p':
		out.Send(ev.From, 0, []byte("a"), ev.Data[1:], 0)
	case ev.Data[0] == 'a' && len(m.pings) > 0:
		out.Reply(m.pings[0], node.OK, 0, nil)
		m.pings = m.pings[1:]
	}
}

func (m *testMachine) request(now node.Time, ev *node.Event, out *node.Effects) {
	switch ev.Op {
	case verbEcho:
		out.Reply(ev.Tag, node.OK, 0, ev.Data)
	case verbPanic:
		panic("a broken invariant")
	case verbHang:
		select {}
	case verbExit:
		fmt.Println("a stray print")
		os.Exit(7)
	case verbLog:
		out.LogAppend(0, tagAppend, m.seg, m.size, ev.Data, 0)
		m.size += int64(len(ev.Data))
		m.unsynced = append(m.unsynced, ev.Tag)
	case verbPing:
		m.pings = append(m.pings, ev.Tag)
		out.Send(node.Addr{Host: node.ID(ev.N)}, 0, []byte("p"), ev.Data, 0)
	case verbFlood:
		for range ev.Off {
			out.Send(node.Addr{Host: node.ID(ev.N)}, 0, []byte("f"), ev.Data, 0)
		}
		out.Reply(ev.Tag, node.OK, 0, nil)
	case verbCount:
		out.Reply(ev.Tag, node.OK, m.count, nil)
	case verbNow:
		out.Reply(ev.Tag, node.OK, uint64(now), nil)
	case verbTimer:
		out.SetTimer(ev.Tag, node.Time(ev.N))
	}
}

func (m *testMachine) done(ev *node.Event, out *node.Effects) {
	if ev.Code != node.OK {
		panic(fmt.Sprintf("%v: %v", ev.Op, ev.Code))
	}
	if ev.Tag == tagSync {
		for _, tag := range m.syncing {
			out.Reply(tag, node.OK, 0, nil)
		}
		m.syncing = m.syncing[:0]
	}
	if ev.Tag == tagAppend {
		m.ended++
	}
	if n := m.ended; n > 0 && len(m.syncing) == 0 {
		m.syncing = append(m.syncing, m.unsynced[:n]...)
		m.unsynced = m.unsynced[:copy(m.unsynced, m.unsynced[n:])]
		m.ended = 0
		out.LogSync(0, tagSync, m.seg)
	}
}

// waitFor waits for a channel.
func waitFor(t testing.TB, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(time.Duration(patience)):
		t.Fatalf("%s: not within %v", what, patience)
	}
}
