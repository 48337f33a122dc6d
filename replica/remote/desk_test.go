package remote

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

var (
	here     = node.Addr{Host: 1, Machine: 7} // the server, and the client of client tests
	other    = node.Addr{Host: 2, Machine: 7} // the other member
	guest    = node.Addr{Host: 3, Machine: 7}
	stranger = node.Addr{Host: 4, Machine: 7}
	shape    = node.Geometry{Sectors: 100, SectorSize: 4096, Carry: 8}
)

// fake is a replica that does at once what it is asked for, or when it is let.
type fake struct {
	status   replica.Status
	apart    bool // its history is another one
	hold     bool
	done     []node.Op
	held     []node.Tag
	watchers []node.Tag
	durable  int
}

func (f *fake) Step(_ node.Time, ev *node.Event, out *node.Effects) {
	st := f.status
	if ev.Kind != node.KindRequest {
		for _, tag := range f.watchers {
			out.Reply(tag, node.OK, st.Epoch, st.Encode())
		}
		f.watchers = nil
		for _, tag := range f.held {
			out.Reply(tag, node.OK, st.Epoch, nil)
		}
		f.held = nil
		return
	}
	switch {
	case ev.Op == replica.OpStatus, ev.Op == replica.OpWatch && uint64(ev.N) != st.Changes:
		out.Reply(ev.Tag, node.OK, st.Epoch, st.Encode())
	case ev.Op == replica.OpWatch:
		f.watchers = append(f.watchers, ev.Tag)
	case ev.Op == replica.OpContinues && f.apart:
		out.Reply(ev.Tag, node.Refused, st.Epoch, []byte("by force"))
	case ev.Op >= node.OpVerb:
		out.Reply(ev.Tag, node.OK, st.Epoch, nil)
	case st.Role != replica.RolePrimary:
		out.Reply(ev.Tag, node.NotPrimary, st.Epoch, nil)
	default:
		f.done = append(f.done, ev.Op)
		if ev.Seg&node.FlagDurable != 0 {
			f.durable++
		}
		if f.hold {
			f.held = append(f.held, ev.Tag)
		} else if ev.Op == node.OpRead {
			out.Reply(ev.Tag, node.OK, st.Epoch, make([]byte, 8*ev.N))
		} else {
			out.Reply(ev.Tag, node.OK, st.Epoch, nil)
		}
	}
}

// desk steps one machine by hand.
type desk struct {
	t       *testing.T
	machine node.Machine
	now     node.Time
	out     node.Effects
	answers map[node.Tag]node.Code
	texts   map[node.Tag]string
}

// sent is a message that a step has sent.
type sent struct {
	message
	to   node.Addr
	body string
}

func newDesk(t *testing.T, m node.Machine) *desk {
	d := &desk{t: t, machine: m, answers: map[node.Tag]node.Code{}, texts: map[node.Tag]string{}}
	d.step(&node.Event{Kind: node.KindBoot, From: here, N: 5})
	return d
}

func (d *desk) step(ev *node.Event) (list []sent) {
	d.t.Helper()
	d.out.Reset()
	d.machine.Step(d.now, ev, &d.out)
	for i := range d.out.Len() {
		f := d.out.At(i)
		data := d.out.Data(f)
		switch f.Op {
		case node.OpSend:
			m, body, err := decode(data)
			if err != nil {
				d.t.Fatal(err)
			}
			list = append(list, sent{m, f.To, string(body)})
		case node.OpReply:
			if _, twice := d.answers[f.Tag]; twice {
				d.t.Fatalf("request %d was answered twice", f.Tag)
			}
			d.answers[f.Tag], d.texts[f.Tag] = f.Code, string(data)
		case node.OpTimer:
		default:
			d.t.Fatalf("effect %v", f.Op)
		}
	}
	return list
}

// hear delivers a message.
func (d *desk) hear(from node.Addr, m message, body ...byte) []sent {
	d.t.Helper()
	var head [messageSize]byte
	m.encode(&head)
	return d.step(&node.Event{Kind: node.KindMessage, From: from, Data: append(head[:], body...)})
}

func (d *desk) ask(tag node.Tag, op node.Op, off, n int64) []sent {
	d.t.Helper()
	ev := &node.Event{Kind: node.KindRequest, Op: op, Tag: tag, Off: off, N: n}
	if op == node.OpWrite {
		ev.Data = make([]byte, 8*n)
	}
	return d.step(ev)
}

func (d *desk) tick(tag node.Tag, after node.Time) []sent {
	d.t.Helper()
	d.now += after
	return d.step(&node.Event{Kind: node.KindTimer, Tag: tag})
}

// kinds are those of messages, in order.
func kinds(list []sent) (out []kind) {
	for _, s := range list {
		out = append(out, s.kind)
	}
	return out
}

func (d *desk) expect(list []sent, want ...kind) {
	d.t.Helper()
	if got := kinds(list); !slices.Equal(got, want) {
		d.t.Fatalf("sent %v, expected %v", got, want)
	}
}
