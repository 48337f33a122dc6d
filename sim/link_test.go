package sim

import (
	"encoding/binary"
	"testing"

	"github.com/container-football/pitch/node"
)

func number(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func numbered(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

func TestLinksAreFirstInFirstOut(t *testing.T) {
	cfg := Config{Hosts: 3, Seed: 6, Network: Network{
		Latency: Latency{node.Microsecond, node.Millisecond}, Bandwidth: 1e9}}
	r := newRig(t, cfg, node.Spec{})
	random := node.NewStream(6, "sends")
	for i := range uint64(2000) {
		from, to := node.ID(1+random.Below(3)), node.ID(1+random.Below(3))
		r.on(from, func(out *node.Effects) {
			out.Send(node.Addr{Host: to}, control, numbered(i), nil, int64(random.Below(10_000)))
		})
		r.run(node.Time(random.Below(100_000)))
	}
	r.run(node.Second)
	total := 0
	for to := range node.ID(4) {
		last := map[node.ID]uint64{}
		for _, s := range r.take(to) {
			n := number(s.ev.Data)
			if before, ok := last[s.ev.From.Host]; ok && n < before {
				t.Fatalf("message %d of host %d came after %d", n, s.ev.From.Host, before)
			}
			last[s.ev.From.Host] = n
			total++
		}
	}
	if total != 2000 {
		t.Errorf("%d of 2000 messages arrived", total)
	}
}

func TestMessagesOccupyTheirLinkOneAfterAnother(t *testing.T) {
	// A kilobyte takes a microsecond. The wire of each direction is its own.
	cfg := Config{Hosts: 3, Network: Network{Latency: Latency{Base: 50 * node.Microsecond},
		Bandwidth: 1e9}}
	r := newRig(t, cfg, node.Spec{})
	t0 := r.Now()
	r.on(1, func(out *node.Effects) {
		for range 3 {
			out.Send(node.Addr{Host: 2}, control, numbered(0), nil, 992)
		}
		out.Send(node.Addr{Host: 3}, control, numbered(0), nil, 4992)
	})
	r.on(2, func(out *node.Effects) { out.Send(node.Addr{Host: 1}, control, numbered(0), nil, 1992) })
	r.run(100 * node.Microsecond)
	r.on(1, func(out *node.Effects) { out.Send(node.Addr{Host: 2}, control, numbered(0), nil, 992) })
	r.run(node.Second)
	for _, c := range []struct {
		host node.ID
		want []node.Time // in microseconds
	}{
		{1, []node.Time{52}},
		{2, []node.Time{51, 52, 53, 151}}, // the last one found the wire free
		{3, []node.Time{55}},
	} {
		got := r.take(c.host)
		if len(got) != len(c.want) {
			t.Fatalf("host %d got %d messages", c.host, len(got))
		}
		for i, us := range c.want {
			if at := got[i].at - t0; at != us*node.Microsecond {
				t.Errorf("message %d reached host %d after %v, expected %d us", i, c.host, at, us)
			}
		}
	}
}

func TestAMessageToAHostThatIsDownOrDoesNotExistIsLost(t *testing.T) {
	r := newRig(t, Config{Hosts: 2}, node.Spec{})
	if err := r.Crash(2, node.Keep); err != nil {
		t.Fatal(err)
	}
	r.on(1, func(out *node.Effects) {
		out.Send(node.Addr{Host: 2}, control, numbered(1), nil, 0)
		out.Send(node.Addr{Host: 9}, control, numbered(1), nil, 0)
		out.Send(node.Addr{}, control, numbered(1), nil, 0)
		out.Send(node.Addr{Host: 1, Machine: 5}, control, numbered(1), nil, 0)
	})
	r.run(node.Second)
	if err := r.Start(2); err != nil {
		t.Fatal(err)
	}
	r.await(node.ObsUp)
	r.run(node.Second)
	if n := len(r.take(1)) + len(r.take(2)); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

func TestAMessageMayOutliveTheHostThatSentIt(t *testing.T) {
	r := newRig(t, Config{Hosts: 2}, node.Spec{})
	r.on(1, func(out *node.Effects) { out.Send(node.Addr{Host: 2}, control, numbered(1), nil, 0) })
	if err := r.Crash(1, node.LoseAll); err != nil {
		t.Fatal(err)
	}
	r.run(node.Second)
	if n := len(r.take(2)); n != 1 {
		t.Errorf("%d messages arrived, expected 1", n)
	}
}
