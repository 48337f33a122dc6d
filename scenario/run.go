package scenario

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// RunOptions is how a scenario is run.
type RunOptions struct {
	World *WorldKind
	Seed  uint64
	Dir   string // for files of the world; it may stay empty for a world that needs none
	// Samples keeps the states of replicas over time, for pictures.
	Samples bool
	// Coverage keeps which states replicas were in together, and which followed which.
	Coverage bool
	// Progress, if set, is told now and then how many operations of how many are done.
	Progress func(done, total int)
}

// Run runs f and judges what it has shown. An error is one of the harness: what went wrong in the
// run itself is in the result.
func Run(ctx context.Context, f *File, opt RunOptions) (*Result, error) {
	began := time.Now()
	replay := expand(f, opt.Seed)
	res := &Result{Scenario: f.Name, File: f.Path, World: opt.World.Name, Seed: opt.Seed,
		Replay: replay}
	w, err := opt.World.Open(ctx, Setup{File: replay, Dir: opt.Dir})
	if err != nil {
		return nil, fmt.Errorf("%s: %s world: %w", f.Name, opt.World.Name, err)
	}
	r := newRunner(ctx, replay, opt, w, res)
	err = r.run()
	if err == nil {
		err = r.judge()
	}
	if d, ok := w.(Digester); ok && err == nil {
		res.Digest = fmt.Sprintf("%016x", d.Digest())
		res.Counts.Events = d.Events()
	}
	if cerr := w.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("cleaning up: %w", cerr)
	}
	res.Elapsed = time.Since(began)
	if err != nil {
		return nil, fmt.Errorf("%s in %s, seed %d: %w", f.Name, opt.World.Name, opt.Seed, err)
	}
	return res, nil
}

// runner drives one run.
type runner struct {
	ctx   context.Context
	file  *File
	opt   RunOptions
	world World
	res   *Result

	hosts     []hostState
	resources []resourceState
	loads     []*workload
	steps     []stepState
	verbs     map[node.Tag]int // step that waits for the answer
	nextVerb  node.Tag
	timers    []timer // what ends by itself, and restarts, by due
	nextID    uint64  // of the next write
	history   check.History
	images    []image
	polled    node.Time // when states were asked for last
	pollAcked int       // operations that were acknowledged then
	begun     bool      // every host is up and every resource is served
	quiet     bool      // the workloads are done; faults have ended
	calmSince node.Time
	limit     node.Time
	buf       []byte // content of the write being submitted
	final     finalReads
	coverage  coverage
}

type hostState struct {
	id      node.ID
	phase   phase
	paused  bool
	pauses  int // how often it was paused: a pause ends its own time, not that of a later one
	starts  uint64
	links   []faults.Link // by destination
	cut     []bool        // by destination
	disk    faults.Disk
	crashes []node.Time
	turns   replica.Turns // where the world leaves them to the runner
	most    int           // replicas that had their turn to copy at one time
}

// phase is where a host is between two starts. A crash and a start take time, in which neither
// the one nor the other can be asked for.
type phase uint8

const (
	starting phase = iota
	up
	dying // crashed; the world has not said yet that it has ended
	down
)

type resourceState struct {
	res     *Resource
	geo     node.Geometry
	members []node.ID // who has a replica, member or not
	route   node.ID   // where the clients go
	// followed is the epoch of the newest primary that they were sent to.
	followed uint64
	status   []statusOf
	forced   bool      // a forced failover took place
	gaveUp   node.Time // when the last one began
	given    []given   // what steps have made replicas give up
	past     past      // what its replicas have ever had in their logs
}

type statusOf struct {
	known   bool // under the host's present incarnation
	asked   bool
	sent    node.Time // when it was asked last
	at      node.Time
	turn    span      // of its present turn to copy
	turned  node.Time // when it took what it was told of its turn
	current replica.Status
	raw     []byte // what current was decoded from
	steady  int    // how many answers before were the same
}

type timer struct {
	at node.Time
	do func() error
}

// image is what a host's disks held at a crash.
type image struct {
	at       node.Time
	host     node.ID
	resource int
	dump     node.Dump
}

// Tags of the runner's requests: the class in the highest byte.
const (
	tagOp     node.Tag = 1 << 56
	tagStatus node.Tag = 2 << 56
	tagVerb   node.Tag = 3 << 56
	tagFinal  node.Tag = 4 << 56
	tagTurn   node.Tag = 5 << 56
	tagMask   node.Tag = 0xff << 56
)

func newRunner(ctx context.Context, f *File, opt RunOptions, w World, res *Result) *runner {
	r := &runner{ctx: ctx, file: f, opt: opt, world: w, res: res, nextID: 1,
		verbs: make(map[node.Tag]int), limit: node.Time(f.TimeLimit)}
	for i := range f.Hosts {
		r.hosts = append(r.hosts, hostState{id: node.ID(i + 1),
			links: make([]faults.Link, len(f.Hosts)+1), cut: make([]bool, len(f.Hosts)+1)})
	}
	for i := range f.Resources {
		rs := resourceState{res: &f.Resources[i], geo: f.Resources[i].Geometry(opt.World)}
		for _, name := range rs.res.Holders() {
			rs.members = append(rs.members, f.HostID(name))
		}
		rs.route = rs.members[0]
		rs.status = make([]statusOf, len(rs.members))
		r.resources = append(r.resources, rs)
	}
	for i := range f.Steps {
		s := stepState{step: &f.Steps[i]}
		for _, t := range s.step.When.Terms {
			s.asks = s.asks || findFunction(t.Fn).asksReplica()
		}
		r.steps = append(r.steps, s)
	}
	return r
}

func (r *runner) host(id node.ID) *hostState { return &r.hosts[id-1] }

func (r *runner) run() error {
	for i := range r.file.Workloads {
		w, err := r.newWorkload(i)
		if err != nil {
			return err
		}
		r.loads = append(r.loads, w)
		r.history = slices.Grow(r.history, w.total)
	}
	if err := r.loop(func() bool { return r.allUp() && r.served() }); err != nil {
		return fmt.Errorf("start-up: %w", err)
	}
	r.begun = true
	for _, w := range r.loads {
		w.start(r.world.Now())
	}
	err := r.loop(func() bool { return r.loadsDone() && r.stepsDone() })
	if err != nil && !errors.Is(err, errLimit) {
		return err
	}
	if err != nil {
		r.res.Reason = r.whyStuck()
	}
	if err := r.calm(); err != nil {
		return err
	}
	r.res.Time, r.res.Coverage = r.world.Now(), r.coverage.list
	return nil
}

var errLimit = errors.New("the time limit was reached")

// loop runs until done holds, or the time limit.
func (r *runner) loop(done func() bool) error {
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		now := r.world.Now()
		if err := r.dueTimers(now); err != nil {
			return err
		}
		if !r.quiet {
			if err := r.fireSteps(now); err != nil {
				return err
			}
		}
		if r.begun && !r.quiet {
			for _, w := range r.loads {
				w.issue(now)
			}
		}
		if now >= r.nextPoll() {
			r.askStatus(now)
		}
		if done() {
			return nil
		}
		if now >= r.limit {
			return errLimit
		}
		o, ok := r.world.Next(r.deadline())
		if ok {
			if err := r.observe(&o); err != nil {
				return err
			}
		}
	}
}

// deadline is when something has to be done though nothing is observed.
func (r *runner) deadline() node.Time {
	at := min(r.nextPoll(), r.limit)
	for _, t := range r.timers {
		at = min(at, t.at)
	}
	if r.quiet {
		return at
	}
	for _, w := range r.loads {
		if r.begun {
			at = min(at, w.wake())
		}
	}
	for i := range r.steps {
		s := &r.steps[i]
		if !s.begun && s.step.When.IsZero() {
			at = min(at, node.Time(s.step.At))
		} else if s.begun && !s.fired && s.tag == 0 {
			at = min(at, s.retry)
		}
	}
	return max(at, r.world.Now()+1)
}

func (r *runner) observe(o *node.Observation) error {
	switch o.Kind {
	case node.ObsUp:
		h := r.host(o.Host)
		h.phase, h.starts = up, h.starts+1
		r.holdCopies(h)
		return r.control(h)
	case node.ObsDown:
		return r.hostDown(o)
	}
	switch o.Tag & tagMask {
	case tagOp:
		r.loads[o.Tag>>40&0xffff].answered(o)
	case tagStatus:
		return r.gotStatus(o)
	case tagVerb:
		return r.verbAnswered(o)
	case tagFinal:
		return r.finalRead(o)
	case tagTurn:
		r.turnTaken(o)
	}
	return nil
}

func (r *runner) hostDown(o *node.Observation) error {
	h := r.host(o.Host)
	expected := h.phase == dying
	h.phase, h.paused = down, false
	h.crashes = append(h.crashes, o.At)
	if !expected {
		return fmt.Errorf("host %s ended by itself: %s", r.file.HostName(o.Host), o.Note)
	}
	for i := range r.resources {
		rs := &r.resources[i]
		for m, id := range rs.members {
			if id != o.Host {
				continue
			}
			rs.status[m] = statusOf{at: o.At}
			r.sample(i, m)
			r.cover(i)
			d, err := r.world.Dump(o.Host, uint32(i))
			if err != nil {
				return fmt.Errorf("reading the disks of %s: %w", r.file.HostName(o.Host), err)
			}
			r.images = append(r.images, image{o.At, o.Host, i, d})
		}
	}
	for _, w := range r.loads {
		w.hostDown(o.Host, o.At)
	}
	r.verbHostDown(o.Host)
	if r.quiet {
		return r.restart(h, -1, "")
	}
	return nil
}

func (r *runner) allUp() bool {
	for i := range r.hosts {
		if r.hosts[i].phase != up {
			return false
		}
	}
	return true
}

// served says whether every resource has a primary.
func (r *runner) served() bool {
	for i := range r.resources {
		if r.primaryOf(&r.resources[i]) == 0 {
			return false
		}
	}
	return true
}

// primaryOf is the host that serves, as its own last status says; of several the one with the
// highest epoch, or 0.
func (r *runner) primaryOf(rs *resourceState) node.ID {
	id, epoch := node.ID(0), uint64(0)
	for m := range rs.members {
		s := &rs.status[m]
		if s.known && s.current.Role == replica.RolePrimary && s.current.Epoch > epoch {
			id, epoch = rs.members[m], s.current.Epoch
		}
	}
	return id
}

func (r *runner) loadsDone() bool {
	return !slices.ContainsFunc(r.loads, func(w *workload) bool { return !w.done() })
}

func (r *runner) acked() (n int) {
	for _, w := range r.loads {
		n += w.acked
	}
	return n
}

// Replicas are asked for their state at each poll while somebody waits for what they say. Else
// it is only for the picture: then after pollOps operations, and at least at every idlePolls-th.
const (
	pollOps   = 8
	idlePolls = 20
)

func (r *runner) nextPoll() node.Time {
	soon := r.polled + r.opt.World.Poll
	if !r.begun || r.quiet || r.polled == 0 || r.acked() >= r.pollAcked+pollOps {
		return soon
	}
	for i := range r.hosts {
		if r.file.Hosts[i].SyncLimit > 0 {
			return soon // who copies is watched, and somebody may wait for it
		}
	}
	for i := range r.steps {
		if s := &r.steps[i]; !s.fired && s.asks {
			return soon
		}
	}
	return r.polled + idlePolls*r.opt.World.Poll
}

// askStatus asks every replica for its state.
func (r *runner) askStatus(now node.Time) {
	r.polled, r.pollAcked = now, r.acked()
	if r.opt.Progress != nil {
		total := 0
		for _, w := range r.loads {
			total += w.total
		}
		r.opt.Progress(r.acked(), total)
	}
	for i := range r.resources {
		rs := &r.resources[i]
		for m, id := range rs.members {
			s := &rs.status[m]
			if r.host(id).phase != up || s.asked {
				continue
			}
			s.asked, s.sent = true, now
			r.world.Submit(node.Request{Host: id, Machine: uint32(i), Op: replica.OpStatus,
				Tag: tagStatus | node.Tag(r.host(id).starts&0xffff)<<32 | node.Tag(i)<<16 | node.Tag(m)})
		}
	}
}

func (r *runner) gotStatus(o *node.Observation) error {
	i, m := int(o.Tag>>16&0xffff), int(o.Tag&0xffff)
	s := &r.resources[i].status[m]
	if uint64(o.Tag>>32&0xffff) != r.host(o.Host).starts&0xffff {
		return nil // of a former incarnation
	}
	before := *s
	if s.known && bytes.Equal(s.raw, o.Data) {
		s.at, s.asked = o.At, false
		s.steady++
	} else {
		st, err := replica.DecodeStatus(o.Data)
		if err != nil {
			return fmt.Errorf("status of %s: %w", r.file.HostName(o.Host), err)
		}
		*s = statusOf{known: true, sent: s.sent, at: o.At, turned: s.turned, current: st,
			raw: append(s.raw[:0], o.Data...)}
	}
	r.noteTurn(i, m, &before)
	r.sample(i, m)
	r.cover(i)
	return nil
}

func (r *runner) sample(resource, member int) {
	if !r.opt.Samples {
		return
	}
	rs := &r.resources[resource]
	s := &rs.status[member]
	r.res.Samples = append(r.res.Samples, Sample{At: s.at, Host: rs.members[member],
		Resource: resource, Up: s.known, Status: s.current, Acked: r.acked()})
}

func (r *runner) fired(step int, verb, name, format string, args ...any) {
	r.res.Fired = append(r.res.Fired, Fired{At: r.world.Now(), Step: step, Verb: verb, Name: name,
		Text: fmt.Sprintf(format, args...)})
}

// after plans something that the runner does by itself.
func (r *runner) after(d Duration, do func() error) {
	r.timers = append(r.timers, timer{r.world.Now() + node.Time(d), do})
	slices.SortStableFunc(r.timers, func(a, b timer) int { return cmp.Compare(a.at, b.at) })
}

func (r *runner) dueTimers(now node.Time) error {
	for len(r.timers) > 0 && r.timers[0].at <= now {
		t := r.timers[0]
		r.timers = r.timers[1:]
		if err := t.do(); err != nil {
			return err
		}
	}
	return nil
}

// control tells a host's fault layer all that is wrong with it.
func (r *runner) control(h *hostState) error {
	if h.phase != up {
		return nil
	}
	n := &r.file.Network
	s := faults.State{Seed: r.opt.Seed, Start: h.starts, Disk: h.disk}
	for to := 1; to <= len(r.hosts); to++ {
		l := h.links[to]
		if l == (faults.Link{}) && !r.quiet {
			l = faults.Link{Loss: n.Loss, Duplicate: n.Duplicate, Reorder: n.Reorder}
		}
		l.Cut = h.cut[to]
		l.To = node.ID(to)
		if node.ID(to) != h.id && l != (faults.Link{To: l.To}) {
			s.Links = append(s.Links, l)
		}
	}
	return r.world.Control(h.id, []byte(s.String()))
}
