package nodetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// World is what stands outside of the hosts: the end that users and the runner hold.
type World interface {
	// Now is the time that Next counts by.
	Now() node.Time
	// Submit hands a request to a host. A host that is down does nothing with it.
	Submit(req node.Request)
	// Next waits until something can be observed, or until deadline: then it returns false.
	Next(deadline node.Time) (node.Observation, bool)
	// Crash ends a host at once; ObsDown follows. Mode is that of the Setup.
	Crash(host node.ID, mode node.Unsynced) error
	// Start starts a host that is down; ObsUp follows.
	Start(host node.ID) error
	// Pause stops a host from taking steps until Resume. What is sent to it waits.
	Pause(host node.ID) error
	Resume(host node.ID) error
	// Control hands a command to a host's fault layer and returns its error.
	Control(host node.ID, cmd []byte) error
	// Dump reads what the disks of a machine hold.
	Dump(host node.ID, machine uint32) (node.Dump, error)
	// Close ends everything. It may be called twice.
	Close() error
}

// Setup is the world that a story needs.
type Setup struct {
	Hosts    int
	Geometry node.Geometry // Carry is zero: the world's own test fills it in, a multiple of 8
	Unsynced node.Unsynced // the mode of all crashes in this story
	Seed     uint64
	Layer    bool // hosts have the fault layer Wrap
}

// Wrap is the fault layer that s asks for: nil if none.
func (s Setup) Wrap() node.Wrap {
	if s.Layer {
		return Wrap
	}
	return nil
}

// Run checks a world. Start makes one with s.Hosts hosts, which are starting: each will be
// observed with ObsUp. Run closes it.
func Run(t *testing.T, start func(t *testing.T, s Setup) World) {
	for i, st := range stories {
		t.Run(st.name, func(t *testing.T) {
			s := st.setup
			s.Hosts = max(s.Hosts, 1)
			s.Geometry = node.Geometry{Sectors: sectors, SectorSize: 4096}
			s.Seed = node.Hash(0x0ddba11, uint64(i))
			w := start(t, s)
			u := &user{t: t, w: w, setup: s}
			t.Cleanup(func() {
				if err := w.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			for id := range s.Hosts {
				u.awaitUp(node.ID(id + 1))
			}
			st.tell(u)
			if err := w.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// sectors is the size of every volume.
const sectors = 256

// patience is how long a story waits for what must happen: long, because it costs nothing where
// all is well, and machines that run tests can be slow. Quiet is how long it waits for what must
// not happen.
const (
	patience = 30 * node.Second
	quiet    = 20 * node.Millisecond
)

// user is who tells a story.
type user struct {
	t     *testing.T
	w     World
	setup Setup
	tag   node.Tag
	seen  []node.Observation // taken from the world and not asked for yet
}

// await returns the first observation that fits, and fails the test if none comes in time.
func (u *user) await(what string, fits func(o *node.Observation) bool) node.Observation {
	u.t.Helper()
	o, ok := u.within(patience, fits)
	if !ok {
		u.t.Fatalf("no %s within %v; seen besides: %s", what, patience, u.others())
	}
	return o
}

// within is await without failure.
func (u *user) within(d node.Time, fits func(o *node.Observation) bool) (node.Observation, bool) {
	for i := range u.seen {
		if fits(&u.seen[i]) {
			o := u.seen[i]
			u.seen = slices.Delete(u.seen, i, i+1)
			return o, true
		}
	}
	for deadline := u.w.Now() + d; ; {
		o, ok := u.w.Next(deadline)
		if !ok {
			return node.Observation{}, false
		}
		o.Data = slices.Clone(o.Data)
		if fits(&o) {
			return o, true
		}
		u.seen = append(u.seen, o)
	}
}

func (u *user) others() string {
	s := ""
	for _, o := range u.seen {
		s += fmt.Sprintf("[kind %d, host %d, tag %d, %v %s]", o.Kind, o.Host, o.Tag, o.Code, o.Note)
	}
	return s
}

func (u *user) awaitUp(id node.ID) {
	u.t.Helper()
	u.await(fmt.Sprintf("ObsUp of host %d", id), func(o *node.Observation) bool {
		return o.Kind == node.ObsUp && o.Host == id
	})
}

// crash crashes a host the way the setup says.
func (u *user) crash(id node.ID) {
	u.t.Helper()
	u.must(u.w.Crash(id, u.setup.Unsynced))
	u.await(fmt.Sprintf("ObsDown of host %d", id), func(o *node.Observation) bool {
		return o.Kind == node.ObsDown && o.Host == id
	})
}

// start starts a host and returns the notes on its boot: that of machine 0 first.
func (u *user) start(id node.ID) {
	u.t.Helper()
	u.must(u.w.Start(id))
	u.awaitUp(id)
}

func (u *user) must(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

// ask submits a request and returns its tag.
func (u *user) ask(to node.Addr, op node.Op, n int64, data []byte) node.Tag {
	u.tag++
	u.w.Submit(node.Request{Host: to.Host, Machine: to.Machine, Op: op, Tag: u.tag, N: n, Data: data})
	return u.tag
}

func isReply(tag node.Tag) func(o *node.Observation) bool {
	return func(o *node.Observation) bool { return o.Kind == node.ObsReply && o.Tag == tag }
}

// answer waits for the reply to a request and checks that it went well.
func (u *user) answer(to node.Addr, tag node.Tag) node.Observation {
	u.t.Helper()
	o := u.await(fmt.Sprintf("answer of %v", to), isReply(tag))
	if o.Code != node.OK || o.Host != to.Host {
		u.t.Fatalf("answer of %v: %v %s from host %d", to, o.Code, o.Data, o.Host)
	}
	return o
}

// do lets a probe have effects, in one step, and returns the number of that step.
func (u *user) do(at node.Addr, list ...command) uint64 {
	u.t.Helper()
	var text []byte
	for i := range list {
		text = appendCommand(text, &list[i])
	}
	return u.answer(at, u.ask(at, verbDo, 0, text)).Epoch
}

// take returns what a probe has noted since the last time, as soon as that is n events or more.
func (u *user) take(at node.Addr, n int) []note {
	u.t.Helper()
	return u.notes(u.answer(at, u.ask(at, verbTake, int64(n), nil)))
}

func (u *user) notes(o node.Observation) []note {
	u.t.Helper()
	list, err := decodeNotes(o.Data)
	u.must(err)
	return list
}

// forget throws the notes on the boot away.
func (u *user) forget(list ...node.Addr) {
	u.t.Helper()
	for _, at := range list {
		u.take(at, 1)
	}
}

// run lets a probe have effects and returns the completions, in the order of the effects.
func (u *user) run(at node.Addr, list ...command) []note {
	u.t.Helper()
	u.do(at, list...)
	notes := u.take(at, len(list))
	if len(notes) != len(list) {
		u.t.Fatalf("%d events for %d requests: %+v", len(notes), len(list), notes)
	}
	sorted := make([]note, len(list))
	for i, c := range list {
		k := slices.IndexFunc(notes, func(n note) bool {
			return n.Kind == node.KindDone && n.Tag == c.tag && n.Op == c.op && n.Dev == c.dev
		})
		if k < 0 {
			u.t.Fatalf("no completion of %v, tag %d, device %d: %+v", c.op, c.tag, c.dev, notes)
		}
		sorted[i] = notes[k]
	}
	return sorted
}

// good is run, and fails if a request does not end well.
func (u *user) good(at node.Addr, list ...command) []note {
	u.t.Helper()
	notes := u.run(at, list...)
	for i := range notes {
		if notes[i].Code != node.OK {
			u.t.Fatalf("%v, tag %d: %v", notes[i].Op, notes[i].Tag, notes[i].Code)
		}
	}
	return notes
}

// rest waits, by a timer of the probe, until what was under way has had time to arrive, and
// returns what the probe has noted meanwhile, without the timer.
func (u *user) rest(at node.Addr) []note {
	u.t.Helper()
	const tag = 1 << 40
	u.do(at, command{op: node.OpTimer, tag: tag, n: int64(quiet)})
	var all []note
	for {
		all = append(all, u.take(at, 1)...)
		if last := all[len(all)-1]; last.Kind == node.KindTimer && last.Tag == tag {
			return all[:len(all)-1]
		}
	}
}
