package realnode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/handoff"
	"github.com/container-football/pitch/realnode/harness"
)

// ClusterConfig describes the processes of a run.
type ClusterConfig struct {
	// Command starts the daemon of one host: a program and its arguments, to which the path of the
	// host's configuration is appended. The program calls daemon.Run with daemon.StdioRunner.
	Command []string
	// Env is added to the environment of the processes.
	Env []string
	// Dir holds, for each host, a folder with its configuration, its certificate, its log and its
	// data. It is made if it does not exist. Data of an earlier run in it is used, and incarnations
	// count on.
	Dir string
	// Remove says that Close deletes Dir.
	Remove bool
	// Hosts is how many hosts there are, numbered from 1.
	Hosts int
	// Seed goes to every host.
	Seed uint64
	// Unsynced says what Crash does to data that was not synced. Default: lose-some.
	Unsynced node.Unsynced
	// Clocks says how wrong the hosts' own clocks are; Clocks[i] is that of host i+1. Hosts
	// beyond its end have exact ones.
	Clocks []ClockError
	// SyncLimits says how many replicas of a host may copy at a time; SyncLimits[i] is that of host i+1.
	// 0, and beyond its end: all.
	SyncLimits []int
	// Resources are those that each host has a replica of, at its first start. Members are called
	// by [HostName].
	Resources func(host node.ID) []*daemon.Definition
	// Insecure lets the hosts talk over plain TCP. Default: TLS, as between real hosts.
	Insecure bool
	// StartLimit is how long a process may take until it is ready. Default 30 s.
	StartLimit time.Duration
	// Log is where the runner's side reports. Default: slog.Default().
	Log *slog.Logger
}

// ClockError is how wrong a clock is.
type ClockError struct {
	Offset   node.Time // how far it is ahead; may be negative
	DriftPPM int64     // how much faster it runs, in parts per million
}

const (
	maxHosts          = 1 << 16
	defaultStartLimit = 30 * time.Second
	tellLimit         = 5 * time.Second // until all hosts know an address or have been given up
)

// ErrClosed is returned by methods of a cluster that has been closed.
var ErrClosed = errors.New("cluster is closed")

// Cluster is the runner's end of the local world. Its methods may be called by any goroutine,
// with one exception: Next belongs to one at a time.
type Cluster struct {
	cfg   ClusterConfig
	clock engine.Clock
	epoch int64
	obs   *handoff.Queue[node.Observation]
	start *starter
	tasks sync.WaitGroup
	quit  chan struct{} // closed by Close
	stop  func() bool   // ends the watch over the context

	mu      sync.Mutex
	change  *sync.Cond // some child's state has changed
	hosts   []*host    // by number less one
	version uint64     // of the table of addresses
	number  uint64     // of the latest command to a fault layer
	closing bool
	closed  chan struct{} // closed when Close is done
	result  error

	cur   handoff.Batch[node.Observation] // belongs to Next
	taken int
	timer *time.Timer
}

// host is one host over all its lives.
type host struct {
	id    node.ID
	dir   string
	names map[uint32]string // of resources, by machine
	child *child            // the latest process; nil before the first
}

// StartCluster starts all hosts. It returns as soon as the processes run; each of them is
// observed with ObsUp when it serves, or with ObsDown if it does not get that far. When ctx ends
// the cluster closes itself.
func StartCluster(ctx context.Context, cfg ClusterConfig) (*Cluster, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	epoch, err := engine.Monotonic()
	if err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, epoch: epoch, obs: handoff.NewQueue[node.Observation](0, 0),
		start: newStarter(), quit: make(chan struct{}), closed: make(chan struct{}),
		timer: time.NewTimer(time.Hour)}
	c.change = sync.NewCond(&c.mu)
	if c.clock, err = engine.NewClock(epoch); err != nil {
		return nil, err
	}
	for i := range cfg.Hosts {
		id := node.ID(i + 1)
		c.hosts = append(c.hosts, &host{id: id, dir: filepath.Join(cfg.Dir, HostName(id)),
			names: make(map[uint32]string)})
	}
	if err := c.prepare(); err != nil {
		c.start.stop()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if err := c.startAll(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *ClusterConfig) check() error {
	switch {
	case len(c.Command) == 0:
		return errors.New("no command")
	case c.Dir == "":
		return errors.New("no directory")
	case c.Hosts < 1 || c.Hosts > maxHosts:
		return fmt.Errorf("%d hosts, expected 1 to %d", c.Hosts, maxHosts)
	case int(c.Unsynced) >= len(node.UnsyncedNames()):
		return fmt.Errorf("unsynced mode %d is unknown", c.Unsynced)
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	c.Dir = dir
	if c.StartLimit == 0 {
		c.StartLimit = defaultStartLimit
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return nil
}

// startAll lets no host boot before all are ready: what machines send first must find the
// others there.
func (c *Cluster) startAll(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = context.AfterFunc(ctx, func() { _ = c.Close() }) // whoever calls Close is told
	var group []*child
	for _, h := range c.hosts {
		if err := c.launch(h); err != nil {
			return err
		}
		group = append(group, h.child)
	}
	c.tasks.Go(func() { c.bringUp(group) })
	return nil
}

// Now is the time since the cluster was started.
func (c *Cluster) Now() node.Time { return c.clock.Real() }

// Submit hands req to a host. A host that is not up does nothing with it: there is no reply. A
// host that is paused serves it later.
func (c *Cluster) Submit(req node.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if req.Host < 1 || int(req.Host) > len(c.hosts) {
		return
	}
	ch := c.hosts[req.Host-1].child
	if ch == nil || ch.state != stateUp {
		return
	}
	if len(req.Data) > harness.MaxBody-harness.RequestHead {
		c.observe(node.Observation{Kind: node.ObsReply, Host: req.Host, Tag: req.Tag,
			Code: node.Invalid}, nil)
		return
	}
	head := harness.EncodeRequest(&req)
	ch.orders.Put(harness.TypeRequest, head[:], req.Data)
}

// observe queues o. Its data is copied.
func (c *Cluster) observe(o node.Observation, data []byte) {
	o.At = c.Now()
	c.obs.Put(o, data)
}

// Next waits until something can be observed, or until deadline: then it returns false. Data of
// the observation is valid until the next call. Once the cluster is closed it returns false at
// once.
func (c *Cluster) Next(deadline node.Time) (node.Observation, bool) {
	for {
		select {
		case <-c.quit:
			return node.Observation{}, false
		default:
		}
		if c.taken < c.cur.Len() || c.fetch() {
			o := *c.cur.At(c.taken)
			if data := c.cur.Data(c.taken); len(data) > 0 {
				o.Data = data
			}
			c.taken++
			return o, true
		}
		left := deadline - c.Now()
		if left <= 0 {
			return node.Observation{}, false
		}
		c.timer.Reset(time.Duration(left))
		select {
		case <-c.obs.Wake():
		case <-c.timer.C:
		case <-c.quit:
		}
	}
}

func (c *Cluster) fetch() bool {
	c.taken = 0
	return c.obs.TryTake(&c.cur)
}

// live returns the running process of a host. The lock is held.
func (c *Cluster) live(id node.ID) (*child, error) {
	h, err := c.find(id)
	if err != nil {
		return nil, err
	}
	if h.child == nil || h.child.state == stateDown {
		return nil, fmt.Errorf("host %d is down", id)
	}
	return h.child, nil
}

func (c *Cluster) find(id node.ID) (*host, error) {
	if c.closing {
		return nil, ErrClosed
	}
	if id < 1 || int(id) > len(c.hosts) {
		return nil, fmt.Errorf("no host %d, expected 1 to %d", id, len(c.hosts))
	}
	return c.hosts[id-1], nil
}

// Crash kills the process of a host and waits until it is gone. Mode must be the one that the
// cluster was started with: what is lost was decided when it was written. ObsDown follows.
func (c *Cluster) Crash(id node.ID, mode node.Unsynced) error {
	if mode != c.cfg.Unsynced {
		return fmt.Errorf("crash of host %d: mode is %v, but the cluster was started with %v",
			id, mode, c.cfg.Unsynced)
	}
	c.mu.Lock()
	ch, err := c.live(id)
	if err == nil {
		ch.expected = true
	}
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("crash: %w", err)
	}
	ch.kill()
	<-ch.gone
	return nil
}

// Start starts a host that is down. ObsUp follows, when it serves and the others know where it
// listens.
func (c *Cluster) Start(id node.ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, err := c.find(id)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if h.child != nil && h.child.state != stateDown {
		return fmt.Errorf("start: host %d is already up", id)
	}
	if err := c.launch(h); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	group := []*child{h.child}
	c.tasks.Go(func() { c.bringUp(group) })
	return nil
}

// Pause stops the process of a host, and returns when it has stopped. What is sent to it waits
// in buffers; when they are full it is lost.
func (c *Cluster) Pause(id node.ID) error { return c.setPaused(id, true) }

// Resume lets a paused host go on. If it is not paused nothing happens.
func (c *Cluster) Resume(id node.ID) error { return c.setPaused(id, false) }

func (c *Cluster) setPaused(id node.ID, paused bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, err := c.live(id)
	if err == nil {
		err = ch.setPaused(paused)
	}
	if err != nil {
		return fmt.Errorf("pause, resume: %w", err)
	}
	c.change.Broadcast()
	return nil
}

// Control hands a command to the fault layer of a host and returns its answer. Nobody remembers
// commands: a restarted host has a new layer. To a paused host the command is sent, and Control
// returns nil without an answer.
func (c *Cluster) Control(id node.ID, cmd []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, err := c.live(id)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if len(cmd) > harness.MaxBody-harness.NumberHead {
		return fmt.Errorf("control of host %d: command of %d bytes, at most %d are possible",
			id, len(cmd), harness.MaxBody-harness.NumberHead)
	}
	c.number++
	n := c.number
	head := harness.EncodeNumber(n)
	ch.orders.Put(harness.TypeControl, head[:], cmd)
	for {
		text, ok := ch.answers[n]
		switch {
		case ok && text == "":
			delete(ch.answers, n)
			return nil
		case ok:
			delete(ch.answers, n)
			return fmt.Errorf("control of host %d: %s", id, text)
		case ch.state == stateDown:
			return fmt.Errorf("control: host %d went down", id)
		case ch.paused:
			return nil
		}
		c.change.Wait()
	}
}

// Dump reads what the files of a machine hold. Of a host that is up this is a moment in the
// middle of its work, without what it holds in memory.
func (c *Cluster) Dump(id node.ID, machine uint32) (node.Dump, error) {
	c.mu.Lock()
	h, err := c.find(id)
	c.mu.Unlock()
	if err != nil {
		return node.Dump{}, fmt.Errorf("dump: %w", err)
	}
	d, err := dumpMachine(c.machineDir(h, machine))
	if err != nil {
		return node.Dump{}, fmt.Errorf("dump of host %d, machine %d: %w", id, machine, err)
	}
	return d, nil
}

// Close kills every process, waits until all are gone, and deletes Dir if it was told so. It may
// be called again, and while other methods run.
func (c *Cluster) Close() error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		<-c.closed
		return c.result
	}
	c.closing = true
	for _, h := range c.hosts {
		if h.child != nil {
			h.child.expected = true
			h.child.kill()
		}
	}
	c.change.Broadcast()
	c.mu.Unlock()
	c.stop()
	c.tasks.Wait()
	c.start.stop()
	close(c.quit)
	if c.cfg.Remove {
		c.result = os.RemoveAll(c.cfg.Dir)
	}
	close(c.closed)
	return c.result
}
