package sim

import (
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/sim/queue"
)

// Sim is one simulated cluster. It is not safe for use by several goroutines.
type Sim struct {
	cfg    Config
	now    node.Time
	seq    uint64
	queue  queue.Queue
	items  []item
	free   []int32
	pool   pool
	hosts  []*host
	cur    node.Event   // the event being delivered: the slab may move under a pointer
	out    node.Effects // of the step under way
	last   []byte       // data of the observation handed out last
	digest uint64
	count  uint64
}

type itemKind uint8

const (
	itemEvent itemKind = iota // for a machine of one incarnation (inc 0: of any)
	itemTimer                 // like itemEvent, if the timer still stands
	itemDone                  // like itemEvent, and something ends in the disk (aux)
	itemBoot
	itemObs // for whoever stands outside
)

// item is a pending event. Host, machine and incarnation say for whom.
type item struct {
	ev      node.Event
	host    *host
	disk    device
	epoch   uint64 // itemObs: epoch of a reply
	aux     uint64 // itemDone: what ends; itemTimer: generation
	inc     int64
	machine uint32
	kind    itemKind
	obs     node.ObsKind
}

// device is what a completion comes back to.
type device interface {
	// finish carries out what completes and returns the data and code for the event. Data that
	// comes from the pool is put back by the caller.
	finish(aux uint64, ev *node.Event)
}

// New makes a cluster at time zero with every host down. Start starts them.
func New(cfg Config) (*Sim, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Sim{cfg: cfg}
	for id := 1; id <= cfg.Hosts; id++ {
		s.hosts = append(s.hosts, newHost(s, node.ID(id)))
	}
	return s, nil
}

// Now is the time of the simulation, exact whatever the hosts' clocks say.
func (s *Sim) Now() node.Time { return s.now }

// Digest is a hash of every event delivered so far.
func (s *Sim) Digest() uint64 { return node.Hash(s.digest, s.count) }

// Events is the number of events delivered so far.
func (s *Sim) Events() uint64 { return s.count }

func (s *Sim) host(id node.ID) (*host, error) {
	if id < 1 || uint64(id) > uint64(len(s.hosts)) { // an int may be too small for an id
		return nil, fmt.Errorf("sim: no host %d, expected 1 to %d", id, len(s.hosts))
	}
	return s.hosts[id-1], nil
}

// push puts it into the queue, due at time at, and returns a pointer that is valid until the
// next push.
func (s *Sim) push(at node.Time) *item {
	var slot int32
	if n := len(s.free); n > 0 {
		slot = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		s.items = append(s.items, item{})
		slot = int32(len(s.items) - 1)
	}
	s.seq++
	s.queue.Push(queue.Entry{At: at, Seq: s.seq, Slot: slot})
	it := &s.items[slot]
	*it = item{}
	return it
}

// Submit hands req to a machine. A host that is down does not answer.
func (s *Sim) Submit(req node.Request) {
	h, err := s.host(req.Host)
	if err != nil || h.node == nil {
		return
	}
	data := s.copy(req.Data)
	it := s.push(s.now)
	it.host, it.machine, it.inc = h, req.Machine, h.inc
	it.ev = node.Event{Kind: node.KindRequest, Op: req.Op, Tag: req.Tag, Off: req.Sector, N: req.N,
		Seg: req.Flags, Data: data}
}

func (s *Sim) copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	c := s.pool.get(len(b))
	copy(c, b)
	return c
}

// Next runs until something can be observed from outside, or until the time is deadline: then
// it returns false. Data of the observation is valid until the next call.
func (s *Sim) Next(deadline node.Time) (node.Observation, bool) {
	if s.last != nil {
		s.pool.put(s.last)
		s.last = nil
	}
	for s.queue.Len() > 0 && s.queue.Min().At <= deadline {
		e := s.queue.Pop()
		s.now = max(s.now, e.At)
		it := &s.items[e.Slot]
		if it.kind == itemObs {
			o := node.Observation{Kind: it.obs, Host: it.host.id, Tag: it.ev.Tag, Code: it.ev.Code,
				Epoch: it.epoch, At: s.now, Data: it.ev.Data}
			s.last = it.ev.Data
			s.fold(it)
			s.free = append(s.free, e.Slot)
			return o, true
		}
		s.step(it, e)
	}
	s.now = max(s.now, deadline)
	return node.Observation{}, false
}

// step delivers one event to a machine, unless it has become void.
func (s *Sim) step(it *item, e queue.Entry) {
	h, slot := it.host, e.Slot
	if h.paused && it.kind != itemBoot {
		h.stash = append(h.stash, e) // delivered after Resume, in the same order
		return
	}
	if it.kind == itemBoot {
		if it.inc == h.inc {
			h.boot()
		}
	} else if h.node != nil && (it.inc == 0 || it.inc == h.inc) &&
		(it.kind != itemTimer || h.timerDue(it)) {
		s.cur = it.ev
		machine := it.machine
		if it.kind == itemDone {
			it.disk.finish(it.aux, &s.cur)
			it = &s.items[slot]
			it.ev.Data = s.cur.Data
		}
		s.fold(it)
		if s.cfg.Trace != nil {
			s.cfg.Trace(s.now, node.Addr{Host: h.id, Machine: machine}, &s.cur)
		}
		h.node.Deliver(machine, &s.cur)
	}
	it = &s.items[slot]
	if it.ev.Data != nil {
		s.pool.put(it.ev.Data)
		it.ev.Data = nil
	}
	s.free = append(s.free, slot)
}

// fold puts one event into the digest: a sum of products with odd constants over its words,
// then one full mix. The products do not wait for one another.
func (s *Sim) fold(it *item) {
	const a, b, c, d = 0x9fb21c651e98df25, 0xd6e8feb86659fd93, 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	ev := &it.ev
	s.count++
	w := uint64(s.now)*a + uint64(ev.Tag)*b + uint64(ev.Off)*c + uint64(ev.N)*d +
		(uint64(it.host.id)<<32|uint64(it.machine))*(a^c) +
		(uint64(ev.From.Host)<<32|uint64(ev.From.Machine))*(b^d) + ev.Seg*(a^d) + it.epoch*(b^c) +
		uint64(ev.Kind)<<8 + uint64(ev.Op)<<16 + uint64(ev.Dev)<<24 + uint64(ev.Code)<<32 +
		uint64(it.obs)<<40
	data := ev.Data
	h := s.digest
	for len(data) >= 8 {
		v := uint64(data[0]) | uint64(data[1])<<8 | uint64(data[2])<<16 | uint64(data[3])<<24 |
			uint64(data[4])<<32 | uint64(data[5])<<40 | uint64(data[6])<<48 | uint64(data[7])<<56
		h = (h ^ v) * a
		h ^= h >> 29
		data = data[8:]
	}
	for _, x := range data {
		h = (h ^ uint64(x)) * a
	}
	s.digest = node.Hash(h, w)
}
