package reports

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/sim"
)

// simulate runs a shipped scenario and keeps its samples.
func simulate(t *testing.T, name string) *scenario.Result {
	t.Helper()
	f, err := scenario.Load(filepath.Join("..", "scenarios", name+".toml"))
	if err != nil {
		t.Fatal(err)
	}
	k := &scenario.WorldKind{Name: "sim", Carry: func(uint32) uint32 { return 8 },
		Poll: 5 * node.Millisecond, Timeout: 5 * node.Second}
	k.Open = func(_ context.Context, s scenario.Setup) (scenario.World, error) {
		w, err := sim.New(sim.Config{Hosts: len(s.File.Hosts), Seed: s.File.Seed,
			Wrap: scenario.Wrap, Specs: func(id node.ID) []node.Spec {
				specs, err := s.File.Specs(id, k)
				if err != nil {
					panic(err)
				}
				return specs
			}})
		if err != nil {
			return nil, err
		}
		return w, w.StartAll()
	}
	res, err := scenario.Run(context.Background(), f,
		scenario.RunOptions{World: k, Seed: f.Seed, Samples: true})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestTimelineIsDeterministic draws the shipped scenarios in every format, each twice. With
// PITCH_REPORTS_OUT the pictures stay there, to be looked at.
func TestTimelineIsDeterministic(t *testing.T) {
	keep := os.Getenv("PITCH_REPORTS_OUT")
	names := []string{"forced-failover"}
	if keep != "" {
		names = append(names, "partition-catch-up", "planned-handover", "three-hosts", "quiet-run",
			"secondary-crash", "primary-crash-recovery")
	}
	for _, name := range names {
		for _, format := range []string{"svg", "png", "pdf"} {
			t.Run(name+"."+format, func(t *testing.T) {
				var files [2]bytes.Buffer
				for i := range files {
					// A run of its own each time: nothing may hang on what was drawn before.
					err := Timeline(&files[i], simulate(t, name), TimelineOptions{Format: format})
					if err != nil {
						t.Fatal(err)
					}
				}
				if files[0].Len() < 5000 {
					t.Errorf("the picture has %d bytes", files[0].Len())
				}
				if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
					t.Error("two pictures of equal runs differ")
				}
				if keep == "" {
					return
				}
				path := filepath.Join(keep, name+"."+format)
				if err := os.WriteFile(path, files[0].Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func TestTimelineTellsTheStoryOfAFailover(t *testing.T) {
	res := simulate(t, "forced-failover")
	var svg bytes.Buffer
	if err := Timeline(&svg, res, TimelineOptions{}); err != nil {
		t.Fatal(err)
	}
	lost := count(res.Losses[0].Ops, "acknowledged write") + " lost"
	for _, want := range []string{lost, "cut off by the failover", "down", "primary",
		"longest time without an ack", "crash A, unsynced data: lose-some", "time (ms)"} {
		if !bytes.Contains(svg.Bytes(), []byte(">"+want)) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	s, err := newStory(res, "lv3")
	if err != nil {
		t.Fatal(err)
	}
	if s.cut == nil || s.cut.track.name != "A" {
		t.Fatalf("cut: %+v", s.cut)
	}
	if got := s.cut.track.last.EndSeq - uint64(s.cut.fork); got != uint64(res.Losses[0].Records) {
		t.Errorf("%d records beyond the fork, not %d", got, res.Losses[0].Records)
	}
	if got := len(s.acks); got != res.Counts.Acked {
		t.Errorf("%d acknowledgements drawn, not %d", got, res.Counts.Acked)
	}
}

// TestTimelineCountsAnOperationOnce is about operations on several sectors, which the history
// holds once a sector.
func TestTimelineCountsAnOperationOnce(t *testing.T) {
	res := simulate(t, "three-hosts")
	s, err := newStory(res, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.acks); got != res.Counts.Acked {
		t.Errorf("%d acknowledgements drawn, not %d", got, res.Counts.Acked)
	}
}

func TestTimelineOfLittle(t *testing.T) {
	res := simulate(t, "three-hosts")
	res.Replay, res.History, res.Fired = nil, nil, nil
	all := res.Samples
	for _, n := range []int{1, 2, len(all)} {
		res.Samples = all[:n]
		if err := Timeline(io.Discard, res, TimelineOptions{}); err != nil {
			t.Errorf("%d samples: %v", n, err)
		}
	}
	res.Samples = nil
	if err := Timeline(io.Discard, res, TimelineOptions{}); !errors.Is(err, ErrNoSamples) {
		t.Errorf("no samples: %v", err)
	}
}

func TestTimelineRefusesWrongOptions(t *testing.T) {
	res := simulate(t, "three-hosts")
	for _, opt := range []TimelineOptions{{Format: "gif"}, {Resource: "nobody"}, {Width: 10},
		{Width: math.NaN()}, {DPI: 10000}} {
		if err := Timeline(io.Discard, res, opt); err == nil {
			t.Errorf("%+v was accepted", opt)
		}
	}
}

func TestMarksDoNotTouch(t *testing.T) {
	res := simulate(t, "forced-failover")
	for i := range 200 {
		res.Fired = append(res.Fired, scenario.Fired{At: node.Time(i*i) * 8 * node.Microsecond})
	}
	s, err := newStory(res, "")
	if err != nil {
		t.Fatal(err)
	}
	d := newDrawing(s, TimelineOptions{Width: 600}, &formats[0])
	next := 1
	for i := range d.marks {
		m := &d.marks[i]
		if m.first != next {
			t.Fatalf("mark %d begins with %d, not %d", i, m.first, next)
		}
		next = m.last + 1
		for k := range i {
			o := &d.marks[k]
			if o.row == m.row && m.x-o.x < (d.markWidth(m)+d.markWidth(o))/2 {
				t.Errorf("%s and %s touch", o.text(), m.text())
			}
		}
	}
	if next != len(s.fired)+1 {
		t.Errorf("marks end with %d of %d", next-1, len(s.fired))
	}
}
