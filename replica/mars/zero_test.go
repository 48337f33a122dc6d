package mars

import (
	"bytes"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// TestZeroListAgainstAnArray adds ranges at random and compares with one number a sector.
func TestZeroListAgainstAnArray(t *testing.T) {
	for seed := range uint64(500) {
		random := node.NewStream(seed, "zeros")
		var l zeroList
		var plain [40]int64
		for i := range int64(20) {
			first := int64(random.Below(40))
			end := first + 1 + int64(random.Below(uint64(40-first)))
			if random.Chance(0.1) {
				before := i - int64(random.Below(5))
				l = l.drop(before)
				for s := range plain {
					if plain[s] < before {
						plain[s] = 0
					}
				}
			}
			l = l.add(zeroRange{first: first, end: end, at: i + 1})
			for s := first; s < end; s++ {
				plain[s] = i + 1
			}
			for s := range int64(40) {
				at := int64(0)
				if k := l.find(s); k < len(l) && l[k].first <= s {
					at = l[k].at
				}
				if at != plain[s] {
					t.Fatalf("seed %d: sector %d was zeroed by %d, expected %d: %v", seed, s, at, plain[s], l)
				}
			}
			for k := range l {
				if l[k].first >= l[k].end || k > 0 && l[k-1].end > l[k].first {
					t.Fatalf("seed %d: %v", seed, l)
				}
			}
		}
	}
}

// TestWindowKeepsTheNewestOfWritesAndZeros replays random records, in one window and in several,
// and compares with doing one after the other. The desk fails if requests of a window overlap.
func TestWindowKeepsTheNewestOfWritesAndZeros(t *testing.T) {
	zeros := 0
	for seed := range uint64(1000) {
		random := node.NewStream(seed, "window")
		d := NewDesk(t, 2, pair(small))
		d.Boot()
		log := stream{geo: small}
		log.begin(1, 1, 1, Created)
		want := make([]byte, 8*small.Sectors)
		for i := range 1 + random.Below(30) {
			first := int64(random.Below(60))
			n := 1 + int64(random.Below(4))
			if random.Chance(0.4) {
				if random.Chance(0.3) {
					n = 64 - first
				}
				log.zero(1, 2, first, n, false)
				clear(want[8*first : 8*(first+n)])
				zeros++
				continue
			}
			data := bytes.Repeat([]byte{byte(i + 1)}, int(8*n))
			log.write(1, 2, first, data, false)
			copy(want[8*first:], data)
		}
		d.tell(1, message{kind: msgHello, ver: version{2, 1}, durable: log.at.pos}, nil)
		if random.Chance(0.5) {
			d.tell(1, message{kind: msgData, ver: version{2, 1}, durable: log.at.pos}, log.buf)
		} else { // frame by frame
			for from := int64(0); from < log.at.pos; {
				end, _ := log.chunk(from, log.at.pos, 1)
				d.hear(1, message{kind: msgData, ver: version{2, 1}, mark: mark{pos: from},
					durable: log.at.pos}, log.bytes(from, end))
				from = end
				for range random.Below(6) {
					d.Complete()
				}
			}
		}
		d.Run()
		if s := d.Status(); s.Applied != log.at.pos {
			t.Fatalf("seed %d: %+v", seed, s)
		}
		if !bytes.Equal(d.Volume, want) {
			t.Fatalf("seed %d: the volume holds\n%x, expected\n%x", seed, d.Volume, want)
		}
		if again := after(t, d, true); seed%10 == 0 { // and from the log on disk
			again.Logs[devMeta] = make(map[uint64]*DeskFile)
			again.Volume = make([]byte, len(want))
			again.Boot()
			again.Run()
			if !bytes.Equal(again.Volume, want) {
				t.Fatalf("seed %d: from disk, the volume holds\n%x, expected\n%x", seed, again.Volume, want)
			}
		}
	}
	if zeros < 1000 {
		t.Errorf("%d zeros", zeros)
	}
}

// What is in the buffer hides the volume: writes over zeros, and zeros over writes.
func TestReadsSeePendingZeros(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 16, 1)
	d.Ticks(2)
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpWrite || f.Op == node.OpZero }
	zero := func(first, n int64) {
		t.Helper()
		if o, ok := d.Ask(node.OpZero, first, n, nil); !ok || o.Code != node.OK {
			t.Fatalf("zero: answered %v, %v", ok, o.Code)
		}
	}
	d.write(t, 0, 1, 2) // a window is under way and stays so
	zero(2, 10)
	d.write(t, 4, 2, 3)
	zero(5, 1)
	o, _ := d.Ask(node.OpRead, 0, 16, nil)
	var got []byte
	for i := 0; i < len(o.Data); i += 8 {
		got = append(got, o.Data[i])
	}
	if want := []byte{2, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1}; !bytes.Equal(got, want) {
		t.Errorf("found %v, expected %v", got, want)
	}
	reads := slices.ContainsFunc(d.held, func(ev node.Event) bool { return ev.Op == node.OpZero })
	if reads {
		t.Error("the second window did not wait for the first")
	}
	if o, _ := d.Ask(node.OpRead, 2, 10, nil); o.Code != node.OK || len(d.Machine.io.zeros) != 3 {
		t.Errorf("%v, %d pending ranges", o.Code, len(d.Machine.io.zeros))
	}
	d.Hold, d.queue, d.held = nil, append(d.queue, d.held...), nil
	d.Run()
	if n := len(d.Machine.io.zeros); n != 0 {
		t.Errorf("%d ranges pending in the end", n)
	}
}

// Zeros that nobody writes back must not pile up without bound.
func TestPendingZerosAreBounded(t *testing.T) {
	cfg := pair(node.Geometry{Sectors: 1 << 20, SectorSize: 4096, Carry: 8})
	cfg.Buffer = 1 << 30
	d := primary(t, cfg)
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpZero || f.Op == node.OpWrite }
	acked := 0
	for i := range int64(maxZeros + 100) {
		if o, ok := d.Ask(node.OpZero, 2*i, 1, nil); ok && o.Code == node.OK {
			acked++
		} else {
			d.Answers[node.Tag(1<<40+i)] = node.Observation{} // keeps tags unique
		}
	}
	if acked < maxZeros || acked >= maxZeros+100 {
		t.Errorf("%d of %d are let in", acked, maxZeros+100)
	}
	d.Hold, d.queue, d.held = nil, append(d.queue, d.held...), nil
	d.Run()
	if n := len(d.Machine.io.waiting) + len(d.Machine.io.zeros); n != 0 {
		t.Errorf("%d wait in the end", n)
	}
}
