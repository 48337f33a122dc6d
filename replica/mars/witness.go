package mars

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Witness is a voter without data: see [Config.Lease]. It makes the number of voters odd, so that one of
// a pair can serve when the other one is dead. It remembers the newest version and group, durably, on
// the first log of its machine, and has no volume. Make it with [NewWitness].
type Witness struct {
	cfg  Config
	self node.Addr
	out  *node.Effects // of the current step

	ver, told        version // the newest, and what of that is durable
	group, toldGroup group
	voter            voter
	asks             []leaseAsk // not answered yet: what they ask about is not durable

	ready bool           // it has read what it has known before
	segs  []node.Segment // while booting: those that were not read yet
	gen   uint64         // of the newest record
	seg   uint64         // where the next record is written: each has a segment of its own
	old   []uint64       // segments to delete once a newer record is durable

	seen     witnessed
	changes  uint64     // of it
	watchers []node.Tag // who wait for the next

	saving      bool
	savingVer   version
	savingGroup group
}

// NewWitness makes the witness of a group. Of cfg it uses Members, Resource and Lease.
func NewWitness(cfg Config) *Witness {
	cfg.setDefaults()
	g := group{resource: cfg.Resource, members: cfg.Members}
	return &Witness{cfg: cfg, group: g, toldGroup: g, voter: voter{length: cfg.Lease}}
}

var _ node.Machine = (*Witness)(nil)

// Step implements node.Machine.
func (w *Witness) Step(now node.Time, ev *node.Event, out *node.Effects) {
	w.out = out
	switch ev.Kind {
	case node.KindBoot:
		w.self = ev.From
		w.voter.boot(now)
		out.LogList(devLog, tagBoot)
	case node.KindMessage:
		w.onMessage(ev)
	case node.KindDone:
		w.onDone(ev)
	case node.KindRequest:
		w.onRequest(now, ev)
	}
	if w.ready {
		w.save()
		w.answer(now)
	}
	w.noteChange(now)
	w.out = nil
}

// onRequest tells what the witness knows: of a replica's verbs it has none.
func (w *Witness) onRequest(now node.Time, ev *node.Event) {
	switch {
	case ev.Op == replica.OpWatch && uint64(ev.N) == w.changes:
		w.watchers = append(w.watchers, ev.Tag)
	case ev.Op == replica.OpWatch, ev.Op == replica.OpStatus:
		w.out.Reply(ev.Tag, node.OK, w.ver.epoch(), w.status(now))
	default:
		w.out.Reply(ev.Tag, node.Invalid, w.ver.epoch(),
			[]byte("this host is the witness of the resource, and has no replica of it"))
	}
}

// witnessed is what Status.Changes counts the changes of.
type witnessed struct {
	ready bool
	ver   version
	group uint64
	to    node.ID
}

// noteChange answers those who wait for something else than they know.
func (w *Witness) noteChange(now node.Time) {
	v := witnessed{w.ready, w.told, w.toldGroup.name(), w.voter.to}
	if v == w.seen {
		return
	}
	w.seen = v
	w.changes++
	for _, tag := range w.watchers {
		w.out.Reply(tag, node.OK, w.ver.epoch(), w.status(now))
	}
	w.watchers = w.watchers[:0]
}

func (w *Witness) status(now node.Time) []byte {
	s := replica.Status{Role: replica.RoleWitness, Primary: w.told.host, Epoch: w.told.epoch(),
		Members: w.toldGroup.members, Group: w.toldGroup.name(), Leased: w.voter.to != 0 && now < w.voter.until}
	if !w.ready {
		s = replica.Status{Role: replica.RoleBooting}
	}
	s.Changes = w.changes
	return s.Encode()
}

func (w *Witness) onMessage(ev *node.Event) {
	msg, body, err := decodeMessage(ev.Data)
	if err != nil || !w.ready || msg.kind != msgLease {
		return // whoever sent it will try again
	}
	g, ok := groupOf(&msg, body, w.cfg.Resource)
	if !ok {
		return
	}
	if w.group.older(g) {
		w.group = g
	}
	if !w.group.has(ev.From) {
		return
	}
	if w.ver.older(msg.ver) {
		w.ver = msg.ver
	}
	w.asks = slices.DeleteFunc(w.asks, func(a leaseAsk) bool { return a.from == ev.From })
	w.asks = append(w.asks, leaseAsk{ev.From, msg, g.id()})
}

// answer answers all, once what they ask about is durable.
func (w *Witness) answer(now node.Time) {
	if w.told != w.ver || w.toldGroup.id() != w.group.id() {
		return
	}
	for i := range w.asks {
		a := &w.asks[i]
		why, length := leaseOlder, node.Time(0)
		if a.msg.ver == w.told && a.group == w.toldGroup.id() {
			why, length = w.voter.promise(now, a.from.Host, w.told, node.Time(a.msg.credit))
		}
		r := leaseReply(&a.msg, why, length, w.voter.to)
		r.ver = w.told
		var head [messageSize]byte
		r.encode(&head)
		var body []byte
		if w.toldGroup.changed() {
			body = w.toldGroup.encode()
		}
		w.out.Send(a.from, node.ClassControl, head[:], body, 0)
	}
	w.asks = w.asks[:0]
}

// save makes durable what is known, if it is not and nothing is being written. What fails is tried
// again with the next event: those who ask do not cease.
func (w *Witness) save() {
	if w.saving || w.told == w.ver && w.toldGroup.id() == w.group.id() {
		return
	}
	w.gen++
	w.saving, w.savingVer, w.savingGroup = true, w.ver, w.group
	s := state{ver: w.ver, sectors: 1, long: w.group.changed()}
	if s.long {
		s.group = w.group
	}
	w.out.LogAppend(devLog, tagMetaAppend, w.seg, 0, s.encode(nil, w.gen), 0)
}

func (w *Witness) onDone(ev *node.Event) {
	switch ev.Tag {
	case tagBoot:
		w.bootStep(ev)
	case tagMetaAppend:
		if ev.Code != node.OK {
			w.failed()
			return
		}
		w.out.LogSync(devLog, tagMetaSync, w.seg)
	case tagMetaSync:
		if ev.Code != node.OK {
			w.failed()
			return
		}
		for _, seg := range w.old {
			w.out.LogDelete(devLog, tagMetaDelete, seg)
		}
		w.old = append(w.old[:0], w.seg)
		w.seg++
		w.saving, w.told, w.toldGroup = false, w.savingVer, w.savingGroup
	}
}

// failed gives a segment up.
func (w *Witness) failed() {
	w.saving = false
	w.old = append(w.old, w.seg)
	w.seg++
}

// bootStep looks for the newest valid record. A crash may have left a newer segment empty or torn, and
// that of a process alone what is not synced. A witness whose log cannot be read grants nothing.
func (w *Witness) bootStep(ev *node.Event) {
	if ev.Code != node.OK {
		return
	}
	switch ev.Op {
	case node.OpLogList:
		segs, err := node.DecodeSegments(ev.Data)
		if err != nil {
			return
		}
		w.segs = segs
		for _, s := range segs {
			w.old = append(w.old, s.ID)
			w.seg = s.ID + 1
		}
	case node.OpLogRead:
		if s, gen, ok := decodeState(ev.Data); ok {
			w.ver, w.told, w.gen = s.ver, s.ver, gen
			if s.group.changed() {
				w.group, w.toldGroup = s.group, s.group
			}
			w.out.LogSync(devLog, tagBoot, ev.Seg)
			return
		}
	case node.OpLogSync:
		w.ready = true
		return
	}
	if len(w.segs) == 0 {
		w.ready = true
		return
	}
	last := w.segs[len(w.segs)-1]
	w.segs = w.segs[:len(w.segs)-1]
	w.out.LogRead(devLog, tagBoot, last.ID, 0, metaMaxBytes+metaSize)
}

// String shows the witness in traces.
func (w *Witness) String() string {
	return fmt.Sprintf("mars witness, epoch %d primary %d, promised to host %d", w.ver.epoch(),
		w.ver.host, w.voter.to)
}
