package nodetest

import (
	"bytes"
	"fmt"

	"github.com/container-football/pitch/node"
)

type story struct {
	name  string
	setup Setup
	tell  func(u *user)
}

var stories = []story{
	{"boot is the first event and tells who one is", Setup{Hosts: 3}, tellBoot},
	{"requests are answered", Setup{}, tellRequests},
	{"messages keep their order", Setup{Hosts: 2}, tellOrder},
	{"messages of one class keep their order", Setup{Hosts: 2}, tellClasses},
	{"messages to oneself come in a later step", Setup{}, tellOwnMessages},
	{"messages to nobody vanish", Setup{Hosts: 2}, tellNobody},
	{"messages to a dead host vanish", Setup{Hosts: 2}, tellDeadHost},
	{"requests to a dead host are not answered", Setup{Hosts: 2}, tellDeadRequest},
	{"timers fire in the order of their times", Setup{}, tellTimers},
	{"timers can be moved and cancelled", Setup{}, tellMovedTimers},
	{"a timer of no delay fires in a later step", Setup{}, tellZeroTimer},
	{"timers of two machines are apart", Setup{}, tellTwoMachines},

	{"every disk request ends once", Setup{}, tellCompletions},
	{"a volume gives back what was written", Setup{Unsynced: node.LoseAll}, tellVolume},
	{"a volume refuses what is outside of it", Setup{}, tellVolumeBounds},
	{"zeroed sectors read as zeros", Setup{}, tellZero},
	{"a map tells where data is", Setup{Unsynced: node.LoseAll}, tellMap},
	{"a volume grows and shrinks", Setup{Unsynced: node.LoseAll}, tellResize},
	{"a log grows at its end", Setup{Unsynced: node.LoseAll}, tellLog},
	{"a log refuses what makes no sense", Setup{}, tellLogRefuses},
	{"segments are listed, cut and deleted", Setup{}, tellSegments},
	{"devices are apart", Setup{}, tellDevices},

	{"synced data survives if unsynced is kept", Setup{Unsynced: node.Keep}, tellSynced},
	{"synced data survives if unsynced is lost", Setup{Unsynced: node.LoseAll}, tellSynced},
	{"synced data survives if some unsynced is lost", Setup{}, tellSynced},
	{"all unsynced data survives", Setup{Unsynced: node.Keep}, tellUnsyncedKept},
	{"all unsynced data is lost", Setup{Unsynced: node.LoseAll}, tellUnsyncedLost},
	{"some unsynced data is lost", Setup{}, tellUnsyncedSome},
	{"zeros survive like other data if unsynced is kept", Setup{Unsynced: node.Keep}, tellZeroKept},
	{"zeros are lost like other data", Setup{Unsynced: node.LoseAll}, tellZeroLost},
	{"zeros may be lost like other data", Setup{}, tellZeroSome},
	{"a sync covers what had ended", Setup{Unsynced: node.LoseAll}, tellCovered},
	{"cutting and deleting are durable", Setup{Unsynced: node.LoseAll}, tellDurableCut},
	{"a dump shows what was synced", Setup{Unsynced: node.LoseAll}, tellDump},

	{"a new incarnation knows nothing of the old", Setup{Hosts: 2}, tellIncarnations},
	{"a restarted host is found again", Setup{Hosts: 3}, tellReunion},
	{"a paused host goes on later", Setup{Hosts: 2}, tellPause},
	{"what cannot be is an error", Setup{Hosts: 2}, tellErrors},

	{"a fault layer loses messages", Setup{Hosts: 2, Layer: true}, tellLoss},
	{"a fault layer keeps classes apart", Setup{Hosts: 2, Layer: true}, tellClasses},
	{"a fault layer has timers", Setup{Hosts: 2, Layer: true}, tellHold},
	{"a fault layer begins anew with its host", Setup{Hosts: 2, Layer: true}, tellNewLayer},
}

func addr(host node.ID, machine uint32) node.Addr { return node.Addr{Host: host, Machine: machine} }

func send(to node.Addr, first node.Tag, n int64) command {
	return command{op: node.OpSend, to: to, tag: first, n: n}
}

func timer(tag node.Tag, after node.Time) command {
	return command{op: node.OpTimer, tag: tag, n: int64(after)}
}

func tellBoot(u *user) {
	seeds := make(map[uint64]node.Addr)
	for id := range u.setup.Hosts {
		for m := range uint32(2) {
			at := addr(node.ID(id+1), m)
			n := u.take(at, 1)
			if len(n) != 1 || n[0].Kind != node.KindBoot || n[0].From != at || n[0].N != 1 {
				u.t.Fatalf("%v noted %+v, expected the boot of its incarnation 1", at, n)
			}
			if other, ok := seeds[n[0].Seed]; ok {
				u.t.Errorf("%v and %v have the same seed", at, other)
			}
			seeds[n[0].Seed] = at
		}
	}
}

func tellRequests(u *user) {
	at := addr(1, 1)
	for _, size := range []int{0, 1, 511, 65536, 1 << 20} {
		data := bytes.Repeat([]byte{byte(size), 'x'}, size/2)
		o := u.answer(at, u.ask(at, verbEcho, int64(size), data))
		if !bytes.Equal(o.Data, data) || o.Epoch != uint64(size) {
			u.t.Errorf("%d bytes came back as %d, epoch %d", len(data), len(o.Data), o.Epoch)
		}
	}
	tags := make(map[node.Tag]byte)
	for i := range 200 {
		tags[u.ask(at, verbEcho, 0, []byte{byte(i)})] = byte(i)
	}
	for range 200 {
		o := u.await("echo", func(o *node.Observation) bool { return o.Kind == node.ObsReply })
		if want, ok := tags[o.Tag]; !ok || len(o.Data) != 1 || o.Data[0] != want {
			u.t.Errorf("request %d was answered %v, expected [%d]; asked: %v", o.Tag, o.Data, want, ok)
		}
		delete(tags, o.Tag)
	}
	tag := u.ask(addr(1, 7), verbEcho, 0, nil)
	if o, ok := u.within(quiet, isReply(tag)); ok {
		u.t.Errorf("a machine that does not exist answered %v", o)
	}
}

// numbers checks that notes are messages from a sender with consecutive numbers.
func (u *user) numbers(notes []note, from node.Addr, first, n int) {
	u.t.Helper()
	if len(notes) != n {
		u.t.Errorf("%d messages from %v, expected %d", len(notes), from, n)
	}
	for i, x := range notes {
		r := reader{b: x.Data}
		if got := int(r.u64()); x.Kind != node.KindMessage || x.From != from || got != first+i {
			u.t.Fatalf("event %d: %v from %v, number %d; expected message %d from %v",
				i, x.Kind, x.From, got, first+i, from)
		}
	}
}

// tellClasses sends messages of all classes. One class may overtake another; within one the order
// holds, and nothing is lost.
func tellClasses(u *user) {
	a, b := addr(1, 0), addr(2, 1)
	u.forget(a, b)
	const each, far = 100, 1000
	var list []command
	for i := range node.Tag(each) {
		for c := range node.Tag(node.Classes) {
			m := send(b, c*far+i, 1)
			m.seg, m.off = uint64(c), int64(i*100)
			list = append(list, m)
		}
	}
	u.do(a, list...)
	byClass := make([][]note, node.Classes)
	for _, n := range u.take(b, len(list)) {
		c := (&reader{b: n.Data}).u64() / far
		if c >= uint64(node.Classes) {
			u.t.Fatalf("a message of class %d", c)
		}
		byClass[c] = append(byClass[c], n)
	}
	for c := range byClass {
		u.numbers(byClass[c], a, c*far, each)
	}
}

func tellOrder(u *user) {
	a, b := addr(1, 0), addr(2, 1)
	u.forget(a, b)
	const rounds, each = 10, 50
	for i := range rounds {
		c := send(b, node.Tag(i*each), each)
		c.off = int64(i * i * 40) // sizes differ: small ones must not overtake
		u.do(a, c)
		c.to = a
		u.do(b, c)
	}
	u.numbers(u.take(b, rounds*each), a, 0, rounds*each)
	u.numbers(u.take(a, rounds*each), b, 0, rounds*each)
	if n := u.rest(b); len(n) > 0 {
		u.t.Errorf("%d events more than were sent", len(n))
	}
}

func tellOwnMessages(u *user) {
	a, b := addr(1, 0), addr(1, 1)
	u.forget(a, b)
	step := u.do(a, send(b, 100, 3), send(a, 200, 3))
	u.numbers(u.take(b, 3), a, 100, 3)
	own := u.take(a, 3)
	u.numbers(own, a, 200, 3)
	for _, n := range own {
		if n.step <= step {
			u.t.Errorf("sent in step %d, received in step %d", step, n.step)
		}
	}
	u.do(b, send(a, 300, 1))
	u.numbers(u.take(a, 1), b, 300, 1)
}

func tellNobody(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.forget(a, b)
	u.do(a, send(addr(0, 0), 1, 1), send(addr(3, 0), 1, 1), send(addr(1<<31, 0), 1, 1),
		send(addr(2, 9), 1, 1), send(addr(1, 9), 1, 1), send(b, 7, 1))
	u.numbers(u.take(b, 1), a, 7, 1)
	for _, at := range []node.Addr{a, b} {
		if n := u.rest(at); len(n) > 0 {
			u.t.Errorf("%v noted %+v", at, n)
		}
	}
}

func tellDeadHost(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.forget(a, b)
	u.crash(2)
	u.do(a, send(b, 0, 5))
	if n := u.rest(a); len(n) > 0 {
		u.t.Errorf("the sender noted %+v", n)
	}
	u.start(2)
	u.do(a, send(b, 100, 1))
	n := u.take(b, 2)
	if n[0].Kind != node.KindBoot {
		u.t.Errorf("first event is %v, expected boot", n[0].Kind)
	}
	u.numbers(n[1:], a, 100, 1)
}

func tellDeadRequest(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.crash(2)
	tag := u.ask(b, verbEcho, 0, []byte("anybody?"))
	u.answer(a, u.ask(a, verbEcho, 0, nil))
	if o, ok := u.within(quiet, isReply(tag)); ok {
		u.t.Errorf("a dead host answered %+v", o)
	}
	u.start(2)
	u.answer(b, u.ask(b, verbEcho, 0, nil))
	if o, ok := u.within(quiet, isReply(tag)); ok {
		u.t.Errorf("a request to a dead host was answered after its restart: %+v", o)
	}
}

// fired checks that notes are timers with these tags.
func (u *user) fired(notes []note, tags ...node.Tag) {
	u.t.Helper()
	text := ""
	for _, n := range notes {
		text += fmt.Sprintf(" %v %d", n.Kind, n.Tag)
	}
	if len(notes) != len(tags) {
		u.t.Fatalf("noted%s, expected timers %v", text, tags)
	}
	for i, n := range notes {
		if n.Kind != node.KindTimer || n.Tag != tags[i] {
			u.t.Fatalf("noted%s, expected timers %v", text, tags)
		}
	}
}

func tellTimers(u *user) {
	at := addr(1, 0)
	u.forget(at)
	const ms = node.Millisecond
	u.do(at, timer(3, 12*ms), timer(1, 4*ms), timer(4, 16*ms), timer(2, 8*ms), timer(5, 16*ms))
	n := u.take(at, 5)
	u.fired(n, 1, 2, 3, 4, 5)
	for i := 1; i < len(n); i++ {
		if n[i].step <= n[i-1].step || n[i].now < n[i-1].now {
			u.t.Errorf("timer %d: step %d at %v, after step %d at %v", n[i].Tag, n[i].step, n[i].now,
				n[i-1].step, n[i-1].now)
		}
	}
	// The first and the last were set in the same step.
	if d := n[3].now - n[0].now; d < 0 {
		u.t.Errorf("time went back by %v", -d)
	}
	before := u.w.Now()
	u.do(at, timer(6, 10*ms))
	u.fired(u.take(at, 1), 6)
	if d := u.w.Now() - before; d < 10*ms {
		u.t.Errorf("a timer of 10ms fired after %v", d)
	}
}

func tellMovedTimers(u *user) {
	at := addr(1, 0)
	u.forget(at)
	const ms = node.Millisecond
	cancel := func(tag node.Tag) command { return command{op: node.OpCancel, tag: tag} }
	u.do(at, timer(1, 5*ms), timer(2, 10*ms), timer(3, 60_000*ms), timer(4, 3*ms), timer(5, 4*ms),
		timer(1, 30*ms),  // later
		timer(3, 20*ms),  // earlier
		cancel(2),        // never
		cancel(77),       // is not set
		cancel(4),        // and then
		timer(4, 25*ms),  // set anew
		timer(5, 15*ms),  // later
		timer(5, 500*ms), // later still
		timer(5, 10*ms))  // and earlier again
	u.fired(u.take(at, 4), 5, 3, 4, 1)
	if n := u.rest(at); len(n) > 0 {
		u.t.Errorf("more events: %+v", n)
	}
	u.do(at, timer(1, 1*ms)) // a tag can be used again
	u.fired(u.take(at, 1), 1)
	u.do(at, timer(1, 1*ms), cancel(1))
	if n := u.rest(at); len(n) > 0 {
		u.t.Errorf("a cancelled timer fired: %+v", n)
	}
}

func tellZeroTimer(u *user) {
	at := addr(1, 0)
	u.forget(at)
	step := u.do(at, timer(1, 0), timer(2, -5*node.Second), timer(3, 0))
	n := u.take(at, 3)
	u.fired(n, 1, 2, 3)
	if n[0].step <= step {
		u.t.Errorf("set in step %d, fired in step %d", step, n[0].step)
	}
}

func tellTwoMachines(u *user) {
	a, b := addr(1, 0), addr(1, 1)
	u.forget(a, b)
	u.do(a, timer(1, 10*node.Millisecond))
	u.do(b, timer(1, 5*node.Millisecond), command{op: node.OpCancel, tag: 1})
	u.fired(u.take(a, 1), 1)
	if n := u.rest(b); len(n) > 0 {
		u.t.Errorf("more events: %+v", n)
	}
}

func tellIncarnations(u *user) {
	a := addr(1, 0)
	boot := u.take(a, 1)[0]
	for life := int64(2); life <= 4; life++ {
		// All of this is under way when the host ends.
		u.do(a, timer(1, 5*node.Millisecond), timer(2, 0), write(0, 3, 0, 1), write(0, 4, 1, 2),
			command{op: node.OpSync, tag: 5}, command{op: node.OpLogList, tag: 6}, send(a, 1, 3))
		u.crash(1)
		u.start(1)
		notes := u.rest(a)
		if len(notes) < 1 || notes[0].Kind != node.KindBoot || notes[0].N != life {
			u.t.Fatalf("life %d begins with %+v", life, notes)
		}
		if boot.Kind != node.KindBoot || boot.From != notes[0].From {
			u.t.Errorf("the host was %v and is %v", boot.From, notes[0].From)
		}
		for _, n := range notes[1:] {
			if n.Kind != node.KindMessage { // those may come
				u.t.Errorf("life %d: %v %v, tag %d of a former life", life, n.Kind, n.Op, n.Tag)
			}
		}
		if notes[0].step != 1 {
			u.t.Errorf("boot is step %d", notes[0].step)
		}
	}
}

func tellReunion(u *user) {
	all := []node.Addr{addr(1, 0), addr(2, 1), addr(3, 0)}
	u.forget(all...)
	for round := range 2 {
		for _, dead := range all {
			u.crash(dead.Host)
			u.start(dead.Host)
			u.forget(dead)
			for _, from := range all {
				for _, to := range all {
					u.do(from, send(to, node.Tag(round*10), 3))
					u.numbers(u.take(to, 3), from, round*10, 3)
				}
			}
		}
	}
}

func tellPause(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.forget(a, b)
	u.do(b, timer(1, 5*node.Millisecond))
	u.fired(u.take(b, 1), 1) // it is awake
	u.must(u.w.Pause(2))
	u.do(a, send(b, 10, 20))
	tag := u.ask(b, verbTake, 20, nil)
	if _, ok := u.within(2*quiet, isReply(tag)); ok {
		u.t.Error("a paused host answered")
	}
	u.answer(a, u.ask(a, verbEcho, 0, nil)) // the other one is not paused
	u.must(u.w.Resume(2))
	u.numbers(u.notes(u.answer(b, tag)), a, 10, 20)
	u.must(u.w.Pause(2))
	u.crash(2) // a paused host can crash
	u.start(2)
	u.answer(b, u.ask(b, verbEcho, 0, nil)) // and is not paused after that
}

func tellErrors(u *user) {
	wrong := func(what string, err error) {
		u.t.Helper()
		if err == nil {
			u.t.Errorf("%s is no error", what)
		}
	}
	mode := u.setup.Unsynced
	wrong("start of a host that is up", u.w.Start(1))
	wrong("start of host 0", u.w.Start(0))
	wrong("start of host 3 of 2", u.w.Start(3))
	wrong("crash of host 3 of 2", u.w.Crash(3, mode))
	wrong("pause of host 3 of 2", u.w.Pause(3))
	wrong("dump of host 3 of 2", dumpError(u.w.Dump(3, 0)))
	wrong("dump of machine 9 of 2", dumpError(u.w.Dump(1, 9)))
	wrong("command without a fault layer", u.w.Control(1, layerCommand(layerDrop, 1)))
	u.crash(2)
	wrong("crash of a host that is down", u.w.Crash(2, mode))
	wrong("pause of a host that is down", u.w.Pause(2))
	wrong("command to a host that is down", u.w.Control(2, layerCommand(layerDrop, 1)))
	u.w.Submit(node.Request{Host: 9, Op: verbEcho, Tag: 1}) // nothing happens
	u.must(u.w.Resume(1))                                   // nor here
}

func dumpError(_ node.Dump, err error) error { return err }

func tellLoss(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.forget(a, b)
	u.must(u.w.Control(1, layerCommand(layerDrop, 3)))
	u.do(a, send(b, 0, 9))
	u.must(u.w.Control(1, layerCommand(layerDrop, 0)))
	u.do(a, send(b, 9, 1))
	n := u.take(b, 7)
	for i, want := range []int{0, 1, 3, 4, 6, 7, 9} {
		u.numbers(n[i:i+1], a, want, 1)
	}
	if err := u.w.Control(1, []byte("nonsense")); err == nil {
		u.t.Error("a command that the layer does not know is no error")
	}
	// The layer does not stand in the way of the disks.
	u.good(a, write(0, 1, 0, 5), command{op: node.OpSync, tag: 2})
	u.good(a, appendTo(3, 1, 0, "x"), command{op: node.OpLogSync, tag: 4, seg: 1})
}

func tellHold(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.forget(a, b)
	hold := 20 * node.Millisecond
	u.must(u.w.Control(1, layerCommand(layerHold, uint64(hold))))
	before := u.w.Now()
	u.do(a, send(b, 0, 3), send(a, 10, 2))
	u.numbers(u.take(b, 3), a, 0, 3)
	u.numbers(u.take(a, 2), a, 10, 2)
	if d := u.w.Now() - before; d < hold {
		u.t.Errorf("messages held for %v came after %v", hold, d)
	}
}

func tellNewLayer(u *user) {
	a, b := addr(1, 0), addr(2, 0)
	u.must(u.w.Control(1, layerCommand(layerDrop, 1)))
	u.crash(1)
	u.start(1)
	u.forget(a, b)
	u.do(a, send(b, 0, 3))
	u.numbers(u.take(b, 3), a, 0, 3)
}
