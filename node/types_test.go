package node_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestTimeIsShownInTheUnitThatFits(t *testing.T) {
	for d, want := range map[node.Time]string{
		0: "0ns", 1: "1ns", 999: "999ns", -1: "-1ns",
		1000: "1us", 1500: "1.5us", 999_999: "999.999us", -2000: "-2us",
		node.Millisecond: "1ms", 1_234_567: "1.235ms", 10 * node.Millisecond: "10ms",
		node.Second: "1s", 1_500 * node.Millisecond: "1.5s", 100 * node.Second: "100s",
		-90 * node.Second: "-90s", 86400 * node.Second: "86400s",
	} {
		if got := d.String(); got != want {
			t.Errorf("%d ns is shown as %q, expected %q", int64(d), got, want)
		}
	}
}

func TestNamesOfKindsOpsAndCodes(t *testing.T) {
	seen := make(map[string]bool)
	one := func(name string) {
		if seen[name] || name == "" || name == "?" || strings.Contains(name, "(") {
			t.Errorf("a second or missing name: %q", name)
		}
		seen[name] = true
	}
	for k := node.KindBoot; k <= node.KindRequest; k++ {
		one(k.String())
	}
	seen = make(map[string]bool)
	for o := node.OpNone; o <= node.OpResize; o++ {
		one(o.String())
	}
	seen = make(map[string]bool)
	for c := node.OK; c <= node.TimedOut; c++ {
		one(c.String())
	}
	for got, want := range map[string]string{
		node.Kind(0).String(): "?", node.Kind(99).String(): "?", node.Op(40).String(): "?",
		node.OpVerb.String(): "verb", node.Op(255).String(): "verb",
		node.Code(8).String(): "code(8)", node.Code(255).String(): "code(255)",
		node.Addr{Host: 3, Machine: 7}.String(): "h3/7",
	} {
		if got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}

func TestGeometryChargesTheDeclaredSize(t *testing.T) {
	g := node.Geometry{Sectors: 10, SectorSize: 4096, Carry: 8}
	if got := g.Bytes(3); got != 3*4096 {
		t.Errorf("three sectors are %d bytes", got)
	}
}

func TestSegmentListingReadsBack(t *testing.T) {
	for _, segs := range [][]node.Segment{{}, {{1, 0}}, {{0, 5}, {1, 0}, {1 << 63, 1<<63 - 1}}} {
		b := node.AppendSegments([]byte("front"), segs)
		got, err := node.DecodeSegments(b[5:])
		if err != nil || len(got) != len(segs) {
			t.Fatalf("%v: %v, %v", segs, got, err)
		}
		for i := range segs {
			if got[i] != segs[i] {
				t.Errorf("%v comes back as %v", segs, got)
			}
		}
	}
}

func TestBadSegmentListingIsRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"short":    make([]byte, 15),
		"long":     make([]byte, 17),
		"twice":    node.AppendSegments(nil, []node.Segment{{1, 0}, {1, 0}}),
		"backward": node.AppendSegments(nil, []node.Segment{{2, 0}, {1, 0}}),
		"negative": node.AppendSegments(nil, []node.Segment{{1, -1}}),
	} {
		if segs, err := node.DecodeSegments(b); err == nil {
			t.Errorf("%s: it is read as %v", name, segs)
		}
	}
}

func TestRunsReadBack(t *testing.T) {
	for _, runs := range [][]node.Run{{}, {{First: 0, N: 1}}, {{First: 3, N: 4}, {First: 7, N: 1}},
		{{First: 0, N: 1 << 40}, {First: 1 << 62, N: 1<<62 - 1}}} {
		b := node.AppendRuns([]byte("front"), runs...)
		got, err := node.DecodeRuns(b[5:])
		if err != nil || !slices.Equal(got, runs) {
			t.Errorf("%v comes back as %v, %v", runs, got, err)
		}
	}
}

func TestBadRunsAreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"short":    make([]byte, 15),
		"long":     node.AppendRuns([]byte{1}, node.Run{First: 1, N: 1}),
		"empty":    node.AppendRuns(nil, node.Run{First: 1}),
		"negative": node.AppendRuns(nil, node.Run{First: -1, N: 1}),
		"length":   node.AppendRuns(nil, node.Run{First: 1, N: -1}),
		"too far":  node.AppendRuns(nil, node.Run{First: 1 << 62, N: 1 << 62}),
		"backward": node.AppendRuns(nil, node.Run{First: 5, N: 1}, node.Run{First: 1, N: 1}),
		"overlap":  node.AppendRuns(nil, node.Run{First: 5, N: 2}, node.Run{First: 6, N: 1}),
	} {
		if runs, err := node.DecodeRuns(b); err == nil {
			t.Errorf("%s: it is read as %v", name, runs)
		}
	}
}

func FuzzDecodeRuns(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 15))
	f.Add(node.AppendRuns(nil, node.Run{First: 3, N: 4}, node.Run{First: 7, N: 1}))
	f.Add(node.AppendRuns(nil, node.Run{First: 5, N: 2}, node.Run{First: 6, N: 1}))
	f.Add(node.AppendRuns(nil, node.Run{First: 1 << 62, N: 1 << 62}))
	f.Fuzz(func(t *testing.T, b []byte) {
		runs, err := node.DecodeRuns(b)
		if err != nil {
			return
		}
		next := int64(0)
		for _, r := range runs {
			if r.N < 1 || r.First < next || r.First+r.N < r.First {
				t.Fatalf("%x decodes to %v", b, runs)
			}
			next = r.First + r.N
		}
		if again := node.AppendRuns(nil, runs...); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to %v, which encodes to %x", b, runs, again)
		}
	})
}
