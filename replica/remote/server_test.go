package remote

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// serving is a server at a primary under epoch 3, alone unless members are given.
func serving(t *testing.T, members ...node.Addr) (*desk, *fake) {
	f := &fake{status: replica.Status{Role: replica.RolePrimary, Epoch: 3, Sectors: 100, Changes: 1}}
	members = append(members, here)
	f.status.Members = members
	return newDesk(t, NewServer(f, ServerConfig{Members: members, Geometry: shape})), f
}

func openOf(try uint64) message { return message{kind: kindOpen, nonce: nonce{1, try}} }

// granted opens a session, which must be granted.
func (d *desk) granted(from node.Addr, m message) message {
	d.t.Helper()
	for _, s := range d.hear(from, m) {
		if s.kind == kindGrant && s.to == from && s.nonce == m.nonce {
			return s.message
		}
	}
	d.t.Fatal("no session was granted")
	return message{}
}

func write(life session, seq, floor uint64) message {
	return message{kind: kindRequest, op: node.OpWrite, life: life, seq: seq, floor: floor, off: 4, n: 1}
}

// become changes the state of the replica, which says so in the next step.
func (d *desk) become(f *fake, role replica.Role, epoch uint64) []sent {
	f.status.Role, f.status.Epoch = role, epoch
	f.status.Changes++
	return d.step(&node.Event{Kind: node.KindTimer, Tag: 1})
}

func TestAServerAddsNothingUntilSomebodyElsewhereAsks(t *testing.T) {
	_, f := serving(t)
	s := NewServer(f, ServerConfig{Geometry: shape})
	var out node.Effects
	ev := node.Event{Kind: node.KindRequest, Op: node.OpWrite, Tag: 9, N: 1, Data: make([]byte, 8)}
	n := testing.AllocsPerRun(100, func() {
		f.done = f.done[:0]
		out.Reset()
		s.Step(1, &ev, &out)
	})
	if n != 0 || out.Len() != 1 || out.At(0).Tag != 9 || len(f.watchers) > 0 {
		t.Errorf("%v allocations, %d effects, %d watchers", n, out.Len(), len(f.watchers))
	}
}

func TestARepeatedChangeTakesEffectOnce(t *testing.T) {
	d, f := serving(t)
	g := d.granted(guest, openOf(1))
	for range 3 {
		list := d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...)
		d.expect(list, kindAnswer)
		if a := list[0]; a.code != node.OK || a.seq != 1 || a.served != 3 {
			t.Fatalf("answer %+v", a)
		}
	}
	d.expect(d.hear(guest, write(g.life, 2, 2), make([]byte, 8)...), kindAnswer)
	d.expect(d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...))        // late
	d.expect(d.hear(guest, write(g.life, 2+window, 2), make([]byte, 8)...)) // beyond the window
	if len(f.done) != 2 || f.durable != 2 {
		t.Errorf("the replica was asked for %v, %d durable", f.done, f.durable)
	}
	f.hold = true
	d.expect(d.hear(guest, write(g.life, 3, 3), make([]byte, 8)...))
	d.expect(d.hear(guest, write(g.life, 3, 3), make([]byte, 8)...))
	if f.hold = false; len(f.done) != 3 {
		t.Errorf("a request under way was repeated")
	}
	d.expect(d.step(&node.Event{Kind: node.KindTimer, Tag: 1}), kindAnswer)
}

func TestWhatComesFromAnotherSessionIsRefused(t *testing.T) {
	d, f := serving(t)
	old := d.granted(guest, openOf(1))
	g := d.granted(guest, openOf(2))
	d.expect(d.hear(guest, write(old.life, 1, 1), make([]byte, 8)...), kindGone)
	d.expect(d.hear(stranger, write(g.life, 1, 1), make([]byte, 8)...), kindGone)
	d.expect(d.become(f, replica.RoleClosed, 3), kindGone)
	d.expect(d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...), kindGone)
	d.expect(d.hear(guest, openOf(3)), kindElsewhere)
	d.become(f, replica.RolePrimary, 5) // again, after somebody else
	d.expect(d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...), kindGone)
	if len(f.done) != 0 {
		t.Errorf("the replica was asked for %v", f.done)
	}
}

func TestASessionBeginsWhenAllOfTheOneBeforeHasEnded(t *testing.T) {
	d, f := serving(t)
	g := d.granted(guest, openOf(1))
	f.hold = true
	d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...)
	d.expect(d.hear(guest, openOf(2)))
	d.step(&node.Event{Kind: node.KindTimer, Tag: 1})
	d.granted(guest, openOf(2))
}

func TestANewPrimaryAsksForTheNewestStamp(t *testing.T) {
	for _, silent := range []bool{false, true} {
		d, f := serving(t, other)
		m := openOf(1)
		m.flags, m.stamp, m.prev, m.prevHost = flagResume, stamp{2, 1}, 2, other.Host
		list := d.hear(guest, m)
		d.expect(list, kindAsk)
		if silent {
			d.expect(d.tick(tagTick, 400*node.Millisecond), kindAsk)
			d.tick(tagTick, 200*node.Millisecond)
			d.granted(guest, m)
			continue
		}
		d.hear(other, message{kind: kindClaim, nonce: list[0].nonce, stamp: stamp{2, 2}, holder: stranger})
		list = d.hear(guest, m)
		d.expect(list, kindRefused)
		if list[0].op != reasonFenced {
			t.Errorf("refused for reason %d", list[0].op)
		}
		m = openOf(1)
		m.flags, m.stamp, m.prev, m.prevHost = flagResume, stamp{2, 2}, 2, other.Host
		if g := d.granted(stranger, m); g.stamp != m.stamp || len(f.done) > 0 {
			t.Errorf("stamp %v", g.stamp)
		}
	}
}

func TestOpens(t *testing.T) {
	resume := func(s stamp) message {
		m := openOf(5)
		m.flags, m.stamp, m.prev, m.prevHost = flagResume, s, 2, here.Host
		return m
	}
	for _, c := range []struct {
		name  string
		setup func(d *desk, f *fake)
		from  node.Addr
		open  message
		want  reason // 0: granted
	}{
		{"free", func(*desk, *fake) {}, guest, openOf(1), 0},
		{"held", func(d *desk, _ *fake) { d.granted(stranger, openOf(1)) }, guest, openOf(1), reasonInUse},
		{"force", func(d *desk, _ *fake) { d.granted(stranger, openOf(1)) }, guest,
			message{kind: kindOpen, flags: flagForce, nonce: nonce{1, 1}}, 0},
		{"shared", func(d *desk, _ *fake) { d.granted(stranger, openOf(1)) }, guest,
			message{kind: kindOpen, flags: flagShared, nonce: nonce{1, 1}}, 0},
		{"silent holder", func(d *desk, _ *fake) {
			d.granted(stranger, openOf(1))
			d.now += 31 * node.Second
		}, guest, openOf(1), 0},
		{"holder restarted", func(d *desk, _ *fake) { d.granted(guest, openOf(1)) }, guest,
			message{kind: kindOpen, nonce: nonce{2, 1}}, 0},
		{"closed", func(d *desk, _ *fake) {
			g := d.granted(stranger, openOf(1))
			d.expect(d.hear(stranger, message{kind: kindClose, life: g.life}), kindClosed)
		}, guest, openOf(1), 0},
		{"local user", func(_ *desk, f *fake) { f.status.Open = 1 }, guest, openOf(1), reasonInUse},
		{"goes on", func(*desk, *fake) {}, guest, resume(stamp{2, 1}), 0},
		{"goes on after local changes", func(d *desk, _ *fake) { d.ask(1, node.OpWrite, 0, 1) }, guest,
			resume(stamp{2, 1}), reasonFenced},
		{"old stamp", func(d *desk, _ *fake) { d.granted(stranger, openOf(1)) }, guest,
			resume(stamp{2, 9}), reasonFenced},
		{"other history", func(_ *desk, f *fake) { f.apart = true }, guest, resume(stamp{2, 1}), reasonLost},
	} {
		d, f := serving(t)
		c.setup(d, f)
		if c.want == 0 {
			d.granted(c.from, c.open)
			continue
		}
		list := d.hear(c.from, c.open)
		if d.expect(list, kindRefused); list[0].op != c.want || list[0].body == "" {
			t.Errorf("%s: refused for reason %d, %q, expected %d", c.name, list[0].op, list[0].body, c.want)
		}
	}
}

// The network has kept an open back until the volume belonged to somebody else.
func TestALateOpenTakesNothingBack(t *testing.T) {
	d, _ := serving(t)
	force := message{kind: kindOpen, flags: flagForce, nonce: nonce{1, 2}}
	d.granted(guest, force)
	d.granted(guest, openOf(3))
	g := d.granted(stranger, message{kind: kindOpen, flags: flagForce, nonce: nonce{1, 1}})
	d.expect(d.hear(guest, force))
	d.expect(d.hear(stranger, write(g.life, 1, 1), make([]byte, 8)...), kindAnswer)
}

func TestReadersDoNotChange(t *testing.T) {
	d, f := serving(t)
	g := d.granted(guest, message{kind: kindOpen, flags: flagShared, nonce: nonce{1, 1}})
	list := d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...)
	if d.expect(list, kindAnswer); list[0].code != node.Refused || len(f.done) > 0 {
		t.Errorf("answered %v", list[0].code)
	}
	if d.ask(1, node.OpWrite, 0, 1); d.answers[1] != node.OK {
		t.Errorf("a reader keeps local users from writing: %v", d.answers[1])
	}
}

func TestUsersOfThePrimaryRespectTheHolder(t *testing.T) {
	d, f := serving(t)
	g := d.granted(guest, openOf(1))
	for tag, op := range []node.Op{node.OpWrite, node.OpZero, replica.OpOpen, replica.OpSecondary} {
		if d.ask(node.Tag(tag), op, 0, 1); d.answers[node.Tag(tag)] != node.Refused {
			t.Errorf("%v: %v", op, d.answers[node.Tag(tag)])
		}
	}
	if d.ask(10, node.OpRead, 0, 1); d.answers[10] != node.OK {
		t.Errorf("a read: %v", d.answers[10])
	}
	if d.ask(11, replica.OpPrimary, 0, 0); d.answers[11] != node.OK {
		t.Errorf("a handover: %v", d.answers[11])
	}
	d.now += 31 * node.Second // nobody has heard of the holder
	if d.ask(12, node.OpWrite, 0, 1); d.answers[12] != node.OK {
		t.Errorf("a write after the holder fell silent: %v", d.answers[12])
	}
	d.expect(d.hear(guest, write(g.life, 1, 1), make([]byte, 8)...), kindGone)
	m := openOf(2)
	m.flags, m.stamp, m.prev, m.prevHost = flagResume, g.stamp, 3, here.Host
	if list := d.hear(guest, m); len(list) != 1 || list[0].op != reasonFenced || len(f.done) != 2 {
		t.Errorf("the holder came back: %v", kinds(list))
	}
}

// An operator sees who uses the volume from elsewhere, and whether it is still there.
func TestWhoUsesTheVolume(t *testing.T) {
	d, _ := serving(t)
	guests := func(tag node.Tag) []replica.Guest {
		t.Helper()
		d.ask(tag, replica.OpGuests, 0, 0)
		list, err := replica.DecodeGuests([]byte(d.texts[tag]))
		if err != nil || d.answers[tag] != node.OK {
			t.Fatalf("%v, %v", d.answers[tag], err)
		}
		return list
	}
	if list := guests(1); len(list) > 0 {
		t.Errorf("at first there are %v", list)
	}
	d.granted(guest, openOf(1))
	d.granted(stranger, message{kind: kindOpen, flags: flagShared, nonce: nonce{1, 1}})
	want := []replica.Guest{{Host: guest.Host}, {Host: stranger.Host, Shared: true}}
	if list := guests(2); !slices.Equal(list, want) {
		t.Errorf("there are %v, expected %v", list, want)
	}
	d.now += 31 * node.Second
	for i := range want {
		want[i].Silent = true
	}
	if list := guests(3); !slices.Equal(list, want) {
		t.Errorf("there are %v, expected %v", list, want)
	}
}
