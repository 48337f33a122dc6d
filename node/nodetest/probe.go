package nodetest

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
)

// What a probe can be asked for.
const (
	verbDo   = node.OpVerb + iota // Data: commands; answered at once
	verbTake                      // answered with the notes, when there are at least N of them
	verbEcho                      // answered with Data, and with N as the epoch
)

// stampSize is what a probe tells sectors apart by: each holds one number, again and again.
const stampSize = 8

// torn stands for a sector that does not hold the same number throughout.
const torn = ^uint64(0)

// command is one effect that a probe is told to have.
type command struct {
	op      node.Op
	dev     node.Dev
	tag     node.Tag
	to      node.Addr
	seg     uint64 // OpSend: the class
	off, n  int64  // OpSend: bytes of padding, number of messages; OpTimer: n is the time
	content []byte // OpWrite: one stamp a sector; OpLogAppend: the bytes
}

// note is one event as a probe saw it.
type note struct {
	node.Event
	step uint64    // which step of the probe it was, from 1
	now  node.Time // on the host's clock
}

// probe does what it is told and notes what it sees.
type probe struct {
	carry   []uint32 // of its volumes
	steps   uint64
	inStep  bool
	notes   []byte
	count   int64
	waiting bool // a take is to be answered
	take    node.Tag
	atLeast int64
	buf     []byte
}

var _ node.Machine = (*probe)(nil)

// Specs are the machines of every host: two probes, the first with two volumes and two logs, the
// second with one of each.
func Specs(g node.Geometry) []node.Spec {
	if g.Carry == 0 || g.Carry%stampSize != 0 {
		panic(fmt.Sprintf("nodetest: geometry carries %d bytes a sector, expected a multiple of %d",
			g.Carry, stampSize))
	}
	spec := func(n int) node.Spec {
		var s node.Spec
		carry := make([]uint32, n)
		for i := range n {
			s.Volumes = append(s.Volumes, g)
			carry[i] = g.Carry
		}
		s.Logs = n
		s.New = func() node.Machine { return &probe{carry: carry} }
		return s
	}
	return []node.Spec{spec(2), spec(1)}
}

// Step implements node.Machine.
func (p *probe) Step(now node.Time, ev *node.Event, out *node.Effects) {
	if p.inStep {
		panic("nodetest: a step began inside another")
	}
	p.inStep = true
	defer func() { p.inStep = false }()
	p.steps++
	if ev.Kind == node.KindRequest {
		p.request(ev, out)
	} else {
		p.note(now, ev)
	}
	if p.waiting && p.count >= p.atLeast {
		out.Reply(p.take, node.OK, 0, p.notes)
		p.notes, p.count, p.waiting = p.notes[:0], 0, false
	}
}

func (p *probe) request(ev *node.Event, out *node.Effects) {
	switch ev.Op {
	case verbDo:
		list, err := decodeCommands(ev.Data)
		if err != nil {
			out.Reply(ev.Tag, node.Invalid, 0, []byte(err.Error()))
			return
		}
		for i := range list {
			p.do(&list[i], out)
		}
		out.Reply(ev.Tag, node.OK, p.steps, nil)
	case verbTake:
		p.take, p.atLeast, p.waiting = ev.Tag, ev.N, true
	case verbEcho:
		out.Reply(ev.Tag, node.OK, uint64(ev.N), ev.Data)
	default:
		out.Reply(ev.Tag, node.Invalid, 0, nil)
	}
}

func (p *probe) do(c *command, out *node.Effects) {
	switch c.op {
	case node.OpSend:
		for i := range c.n {
			head := binary.LittleEndian.AppendUint64(nil, uint64(c.tag)+uint64(i))
			out.Send(c.to, node.Class(c.seg), head, make([]byte, c.off), 0)
		}
	case node.OpTimer:
		out.SetTimer(c.tag, node.Time(c.n))
	case node.OpCancel:
		out.CancelTimer(c.tag)
	case node.OpRead:
		out.Read(c.dev, c.tag, c.off, c.n)
	case node.OpWrite:
		out.Write(c.dev, c.tag, c.off, p.sectors(c.dev, c.content))
	case node.OpSync:
		out.Sync(c.dev, c.tag)
	case node.OpZero:
		out.Zero(c.dev, c.tag, c.off, c.n)
	case node.OpMap:
		out.Map(c.dev, c.tag, c.off, c.n)
	case node.OpResize:
		out.Resize(c.dev, c.tag, c.n)
	case node.OpLogList:
		out.LogList(c.dev, c.tag)
	case node.OpLogAppend:
		out.LogAppend(c.dev, c.tag, c.seg, c.off, c.content, 0)
	case node.OpLogRead:
		out.LogRead(c.dev, c.tag, c.seg, c.off, c.n)
	case node.OpLogSync:
		out.LogSync(c.dev, c.tag, c.seg)
	case node.OpLogTrunc:
		out.LogTruncate(c.dev, c.tag, c.seg, c.n)
	case node.OpLogNote:
		out.LogNote(c.dev, c.tag, c.seg, c.content)
	case node.OpLogDelete:
		out.LogDelete(c.dev, c.tag, c.seg)
	default:
		panic(fmt.Sprintf("nodetest: command %v", c.op))
	}
}

// sectors makes the content of whole sectors from one stamp each.
func (p *probe) sectors(dev node.Dev, stamps []byte) []byte {
	p.buf = p.buf[:0]
	for ; len(stamps) > 0; stamps = stamps[stampSize:] {
		for range p.carry[dev] / stampSize {
			p.buf = append(p.buf, stamps[:stampSize]...)
		}
	}
	return p.buf
}

// stamps is the inverse of sectors.
func (p *probe) stamps(dev node.Dev, content []byte) []byte {
	return stampsOf(content, int(p.carry[dev]))
}

func stampsOf(content []byte, carry int) []byte {
	var list []byte
	for ; len(content) >= carry; content = content[carry:] {
		stamp := binary.LittleEndian.Uint64(content)
		for i := stampSize; i < carry; i += stampSize {
			if binary.LittleEndian.Uint64(content[i:]) != stamp {
				stamp = torn
			}
		}
		list = binary.LittleEndian.AppendUint64(list, stamp)
	}
	return list
}

func (p *probe) note(now node.Time, ev *node.Event) {
	n := note{Event: *ev, step: p.steps, now: now}
	if ev.Kind == node.KindDone && ev.Op == node.OpRead && ev.Code == node.OK {
		n.Data = p.stamps(ev.Dev, ev.Data)
	}
	p.notes = appendNote(p.notes, &n)
	p.count++
}
