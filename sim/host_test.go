package sim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestAPausedHostTakesItsStepsLaterInTheSameOrder(t *testing.T) {
	var wantOrder []string
	spec := node.Spec{Volumes: []node.Geometry{{Sectors: 8, SectorSize: 512, Carry: 8}}}
	for _, pause := range []bool{false, true} {
		r := newRig(t, Config{Hosts: 2, Seed: 3}, spec)
		random := node.NewStream(3, "pause")
		ask := func() {
			for i := range uint64(10) {
				r.on(1, func(out *node.Effects) {
					out.SetTimer(node.Tag(i), node.Time(random.Below(500_000)))
					out.Write(0, node.Tag(100+i), 0, numbered(i))
				})
				r.on(2, func(out *node.Effects) { out.Send(node.Addr{Host: 1}, control, numbered(i), nil, 0) })
			}
		}
		ask()
		if pause {
			if err := r.Pause(1); err != nil {
				t.Fatal(err)
			}
			before := len(r.seen[1])
			r.run(node.Second)
			if n := len(r.seen[1]); n != before {
				t.Fatalf("a paused host took %d steps", n-before)
			}
			if err := r.Resume(1); err != nil {
				t.Fatal(err)
			}
		}
		r.run(node.Second)
		var order []string
		for _, s := range r.take(1) {
			order = append(order, fmt.Sprint(s.ev.Kind, s.ev.Tag, s.ev.Data))
		}
		if len(order) != 30 {
			t.Fatalf("%d events, expected 30", len(order))
		}
		if pause && !slices.Equal(order, wantOrder) {
			t.Errorf("order after a pause\n%v\nwithout\n%v", order, wantOrder)
		}
		wantOrder = order
	}
}

// TestWhatWaitedForTheEndOfAPauseComesBeforeWhatIsDueThen resumes a host at the very moment at
// which another message arrives: the one that came before must not be overtaken.
func TestWhatWaitedForTheEndOfAPauseComesBeforeWhatIsDueThen(t *testing.T) {
	cfg := Config{Hosts: 2, Network: Network{Latency: Latency{Base: 100}, Bandwidth: 1e9}}
	r := newRig(t, cfg, node.Spec{})
	answer := r.push(r.Now() + 300) // the runner is woken then
	answer.kind, answer.obs, answer.host = itemObs, node.ObsReply, r.hosts[1]
	r.on(2, func(out *node.Effects) {
		for i := range uint64(2) { // a hundred bytes each: they arrive after 200 and 300 ns
			out.Send(node.Addr{Host: 1}, control, numbered(i), nil, 100-8)
		}
	})
	if err := r.Pause(1); err != nil {
		t.Fatal(err)
	}
	r.await(node.ObsReply)
	if err := r.Resume(1); err != nil {
		t.Fatal(err)
	}
	r.run(0)
	got := r.take(1)
	if len(got) != 2 || number(got[0].ev.Data) != 0 || number(got[1].ev.Data) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestACrashEndsAPauseAndVoidsWhatWaited(t *testing.T) {
	r := newRig(t, Config{Hosts: 2}, node.Spec{})
	r.on(1, func(out *node.Effects) { out.SetTimer(1, 1000) })
	if err := r.Pause(1); err != nil {
		t.Fatal(err)
	}
	r.run(node.Millisecond)
	r.crash(1, node.Keep)
	r.on(1, func(out *node.Effects) { out.SetTimer(2, 1000) })
	r.run(node.Second)
	if got := r.take(1); len(got) != 1 || got[0].ev.Tag != 2 {
		t.Errorf("a new life began with %+v", got)
	}
}

func TestHostsThatCannotDoWhatIsAskedSaySo(t *testing.T) {
	r := newRig(t, Config{Hosts: 1}, node.Spec{})
	for what, err := range map[string]error{
		"start of a host that is up":  r.Start(1),
		"start of nobody":             r.Start(0),
		"crash of a host too many":    r.Crash(2, node.Keep),
		"control without a layer":     r.Control(1, nil),
		"pause of a host too many":    r.Pause(2),
		"resume of a host too many":   r.Resume(2),
		"dump of a host too many":     second(r.Dump(2, 0)),
		"dump of a machine too many":  second(r.Dump(1, 1)),
		"a cluster without hosts":     second(New(Config{Specs: r.cfg.Specs})),
		"a cluster without machines":  second(New(Config{Hosts: 1})),
		"a cluster of too many hosts": second(New(Config{Hosts: 1<<20 + 1, Specs: r.cfg.Specs})),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if err := r.Crash(1, node.Keep); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"crash of a host that is down":   r.Crash(1, node.Keep),
		"pause of a host that is down":   r.Pause(1),
		"control of a host that is down": r.Control(1, nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// digestOf is the digest of a short run in which host 1 sends body, writes it and answers with it.
func digestOf(t *testing.T, body []byte, change func(out *node.Effects)) uint64 {
	t.Helper()
	spec := node.Spec{Logs: 1,
		Volumes: []node.Geometry{{Sectors: 8, SectorSize: 512, Carry: 8}}}
	r := newRig(t, Config{Hosts: 2}, spec)
	r.on(1, func(out *node.Effects) {
		out.Send(node.Addr{Host: 2}, control, body, nil, int64(64-len(body)))
		if change != nil {
			change(out)
		}
	})
	r.run(node.Second)
	return r.Digest()
}

func TestTheDigestDependsOnEveryByteThatIsDelivered(t *testing.T) {
	random := node.NewStream(1, "bodies")
	known := map[uint64]string{}
	note := func(what string, d uint64) {
		t.Helper()
		if old, ok := known[d]; ok {
			t.Errorf("%s and %s have the same digest", what, old)
		}
		known[d] = what
	}
	body := make([]byte, 37) // four words and five bytes
	for i := range body {
		body[i] = byte(random.Uint64())
	}
	note("the original", digestOf(t, body, nil))
	for i := range body {
		for _, bit := range []byte{1, 16, 128} {
			b := slices.Clone(body)
			b[i] ^= bit
			note(fmt.Sprintf("byte %d xor %d", i, bit), digestOf(t, b, nil))
		}
	}
	for n := range body {
		note(fmt.Sprintf("%d bytes", n), digestOf(t, body[:n], nil))
		note(fmt.Sprintf("%d zeros", n+1), digestOf(t, make([]byte, n+1), nil))
	}
}

func TestTheDigestDependsOnEverythingElseOfAnEvent(t *testing.T) {
	body := []byte("the same")
	known := map[uint64]int{digestOf(t, body, nil): -1}
	for i, change := range []func(out *node.Effects){
		func(out *node.Effects) { out.SetTimer(1, 100) },
		func(out *node.Effects) { out.SetTimer(2, 100) },
		func(out *node.Effects) { out.SetTimer(1, 101) },
		func(out *node.Effects) { out.Write(0, 1, 0, numbered(1)) },
		func(out *node.Effects) { out.Write(0, 1, 1, numbered(1)) },
		func(out *node.Effects) { out.Write(0, 1, 8, numbered(1)) }, // invalid
		func(out *node.Effects) { out.Sync(0, 1) },
		func(out *node.Effects) { out.Read(0, 1, 0, 1) },
		func(out *node.Effects) { out.Read(0, 1, 0, 2) },
		func(out *node.Effects) { out.LogAppend(0, 1, 1, 0, body, 0) },
		func(out *node.Effects) { out.LogAppend(0, 1, 2, 0, body, 0) },
		func(out *node.Effects) { out.LogAppend(0, 1, 1, 0, body, 1) },
		func(out *node.Effects) { out.Reply(1, node.OK, 0, nil) },
		func(out *node.Effects) { out.Reply(1, node.Refused, 0, nil) },
		func(out *node.Effects) { out.Reply(1, node.OK, 1, nil) },
		func(out *node.Effects) { out.Reply(2, node.OK, 0, nil) },
		func(out *node.Effects) { out.Reply(1, node.OK, 0, body) },
		func(out *node.Effects) { out.Send(node.Addr{Host: 2, Machine: 1}, control, body, nil, 0) },
		func(out *node.Effects) { out.Send(node.Addr{Host: 1}, control, body, nil, 0) },
	} {
		d := digestOf(t, body, change)
		if old, ok := known[d]; ok {
			t.Errorf("changes %d and %d have the same digest", i, old)
		}
		known[d] = i
	}
}
