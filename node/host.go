package node

import "fmt"

// Spec says how to make one machine of a host and which devices it has. The machine's number is
// the host's first number plus its place in the list.
type Spec struct {
	New     func() Machine
	Volumes []Geometry // volume Dev(i) has this geometry
	Logs    int        // logs Dev(0) .. Dev(Logs-1)
}

// Host runs the machines of one host, one incarnation long, in one world. A world makes a new
// one each time the host starts.
type Host struct {
	id    ID
	first uint32
	world World
	layer Layer // nil without faults
	slots []slot
	out   *Effects
	busy  bool
}

type slot struct {
	machine Machine
	volumes []Volume
	logs    []Log
}

// NewHost makes machines of host id in world w, numbered from first on. A nil wrap means no fault
// layer.
func NewHost(id ID, first uint32, specs []Spec, w World, wrap Wrap) *Host {
	h := &Host{id: id, first: first, world: w, out: new(Effects)}
	if wrap != nil {
		if h.layer = wrap(id, w, h.Deliver); h.layer != nil {
			h.world = h.layer
		}
	}
	for i, spec := range specs {
		s, m := slot{machine: spec.New()}, first+uint32(i)
		for d := range spec.Volumes {
			s.volumes = append(s.volumes, h.world.Volume(m, Dev(d)))
		}
		for d := range spec.Logs {
			s.logs = append(s.logs, h.world.Log(m, Dev(d)))
		}
		h.slots = append(h.slots, s)
	}
	return h
}

// Share has the host collect effects in out, which other hosts may use as well if all are driven from
// one goroutine: what many hosts share stays in the processor's caches. Out must be empty.
func (h *Host) Share(out *Effects) { h.out = out }

// Machine returns machine m, for tests and reports.
func (h *Host) Machine(m uint32) Machine { return h.slots[m-h.first].machine }

// Boot tells every machine that the host has started. Incarnation counts from 1.
func (h *Host) Boot(incarnation int64, seed uint64) {
	for i := range h.slots {
		m := h.first + uint32(i)
		h.Deliver(m, &Event{Kind: KindBoot, From: Addr{h.id, m}, N: incarnation,
			Seed: Hash(seed, uint64(m))})
	}
}

// Control hands a command to the fault layer.
func (h *Host) Control(cmd []byte) error {
	if h.layer == nil {
		return fmt.Errorf("host %d has no fault layer", h.id)
	}
	return h.layer.Control(cmd)
}

// Deliver gives one event to machine m and carries out what it asks for. The world calls it from
// one goroutine, never from inside a call that this host made: that would break the law that
// completions come later, so it panics.
func (h *Host) Deliver(m uint32, ev *Event) {
	if m == LayerMachine {
		if ev.Kind == KindTimer && h.layer != nil {
			h.layer.Wake(h.world.Now(), ev.Tag)
		}
		return
	}
	if uint64(m-h.first) >= uint64(len(h.slots)) {
		return // a message to a machine that this host does not have is lost
	}
	if h.busy {
		panic(fmt.Sprintf("host %d: %v event for machine %d inside a step", h.id, ev.Kind, m))
	}
	h.busy = true
	s := &h.slots[m-h.first]
	s.machine.Step(h.world.Now(), ev, h.out)
	for i := range h.out.list {
		h.carryOut(m, s, &h.out.list[i])
	}
	h.out.Reset()
	h.busy = false
}

func (h *Host) carryOut(m uint32, s *slot, f *Effect) {
	switch f.Op {
	case OpSend:
		h.world.Send(Addr{h.id, m}, f.To, f.Class, h.out.Data(f), f.Cost)
	case OpTimer:
		h.world.SetTimer(m, f.Tag, Time(f.Cost))
	case OpCancel:
		h.world.CancelTimer(m, f.Tag)
	case OpReply:
		h.world.Reply(m, f.Tag, f.Code, f.Seg, h.out.Data(f))
	case OpRead:
		s.volumes[f.Dev].Read(f.Tag, f.Off, f.N)
	case OpWrite:
		s.volumes[f.Dev].Write(f.Tag, f.Off, h.out.Data(f))
	case OpSync:
		s.volumes[f.Dev].Sync(f.Tag)
	case OpZero:
		s.volumes[f.Dev].Zero(f.Tag, f.Off, f.N)
	case OpMap:
		s.volumes[f.Dev].Map(f.Tag, f.Off, f.N)
	case OpResize:
		s.volumes[f.Dev].Resize(f.Tag, f.N)
	case OpLogList:
		s.logs[f.Dev].List(f.Tag)
	case OpLogAppend:
		s.logs[f.Dev].Append(f.Tag, f.Seg, f.Off, h.out.Data(f), f.Cost)
	case OpLogRead:
		s.logs[f.Dev].Read(f.Tag, f.Seg, f.Off, f.N)
	case OpLogSync:
		s.logs[f.Dev].Sync(f.Tag, f.Seg)
	case OpLogTrunc:
		s.logs[f.Dev].Truncate(f.Tag, f.Seg, f.N)
	case OpLogNote:
		s.logs[f.Dev].Note(f.Tag, f.Seg, h.out.Data(f))
	case OpLogDelete:
		s.logs[f.Dev].Delete(f.Tag, f.Seg)
	default:
		panic(fmt.Sprintf("host %d machine %d: effect %v", h.id, m, f.Op))
	}
}
