package study

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/model"
)

// small is a study of twelve cells and three questions, one of them an estimate.
const small = `
schema = 1
name   = "small"
title  = "Shards and BigClusters"
seed   = 7

[params]
p = 0.01

[precision]
rel_err = 0.2

[[axis]]
param  = "n"
values = [2, 4, 6, 8]

[[axis]]
param  = "k"
from   = 1
to     = 3
points = 3

[[ask]]
name    = "shards"
measure = "incident"
params  = { placement = "shards" }
engines = ["best", "simulation"]

[[ask]]
name    = "BigCluster"
measure = "incident"
params  = { placement = "bigcluster" }
`

func planOf(t testing.TB, text string) *Plan {
	t.Helper()
	f, err := Parse("small.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func runIn(t testing.TB, p *Plan, opt Options) *Result {
	t.Helper()
	opt.Version = "1"
	r, err := Run(context.Background(), p, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func journalOf(t testing.TB, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAStudyAsksEveryQuestionInEveryCell(t *testing.T) {
	p := planOf(t, small)
	r := runIn(t, p, Options{Dir: t.TempDir()})
	if p.Cells() != 12 || len(r.Rows) != 36 || !r.Complete() || r.Failed() != 0 {
		t.Fatalf("%d cells, %d rows", p.Cells(), len(r.Rows))
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		c := p.Cell(row.Cell)
		n, k := c.Inputs[0].(float64), c.Inputs[1].(float64)
		want := -math.Expm1(n * math.Log1p(-math.Pow(0.01, k)))
		switch {
		case row.Ask == 0 && row.Engine == "best" && math.Abs(float64(row.Value)/want-1) > 1e-12:
			t.Errorf("n = %g, k = %g: %g, want %g", n, k, row.Value, want)
		case row.Engine == "simulation" && !row.Estimate():
			t.Errorf("n = %g, k = %g: an estimate without an interval", n, k)
		}
	}
	for _, a := range r.Agreements() {
		if a.Cells != 12 || a.Far > 0 {
			t.Errorf("%+v", a)
		}
	}
}

// What a killed run leaves is a prefix of its journal, and what a dying disk leaves may be
// anything. The run after it must end with the same bytes.
func TestAKilledStudyEndsWithTheSameBytes(t *testing.T) {
	p := planOf(t, small)
	whole := t.TempDir()
	runIn(t, p, Options{Dir: whole})
	want := journalOf(t, whole)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		dir := t.TempDir()
		left := bytes.Clone(want[:random.IntN(len(want)+1)])
		if i%2 == 1 && len(left) > 0 {
			left[random.IntN(len(left))] ^= byte(1 + random.IntN(255))
		}
		head := bytes.IndexByte(left, '\n')
		if err := os.WriteFile(filepath.Join(dir, JournalName), left, 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := Run(context.Background(), p, Options{Dir: dir, Version: "1"})
		if head >= 0 && !bytes.Equal(left[:head], want[:head]) {
			if !errors.Is(err, ErrOther) {
				t.Fatalf("a damaged header: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := journalOf(t, dir); !bytes.Equal(got, want) {
			t.Fatalf("after %d of %d bytes were left, the journal is\n%s\nwant\n%s", len(left), len(want), got,
				want)
		}
		if i%2 == 0 && head >= 0 && r.Resumed != bytes.Count(left, []byte("\n"))-1 {
			t.Errorf("%d cells were taken over of %d lines", r.Resumed, bytes.Count(left, []byte("\n"))-1)
		}
	}
}

func TestAnInterruptedStudyKeepsWhatItHas(t *testing.T) {
	p := planOf(t, small)
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	_, err := Run(ctx, p, Options{Dir: dir, Version: "1", Threads: 1, Progress: func(done, of int) {
		if done == 5 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r := runIn(t, p, Options{Dir: dir})
	if r.Resumed < 5 || r.Resumed == p.Cells() || len(r.Rows) != 36 {
		t.Errorf("%d cells were taken over", r.Resumed)
	}
	again := runIn(t, p, Options{Dir: dir, Progress: func(done, of int) {
		if of != 0 {
			t.Errorf("a complete study has %d cells to do", of)
		}
	}})
	if again.Resumed != p.Cells() {
		t.Errorf("%d cells were taken over of a complete study", again.Resumed)
	}
}

func TestSevenShardsInAnyOrderAreOneRun(t *testing.T) {
	p := planOf(t, small)
	whole, root := t.TempDir(), t.TempDir()
	runIn(t, p, Options{Dir: whole})
	var dirs []string
	cells := 0
	for i := 1; i <= 7; i++ {
		dir := filepath.Join(root, Shard{i, 7}.String()[:1])
		r := runIn(t, p, Options{Dir: dir, Shard: Shard{i, 7}, Threads: i % 3})
		dirs = append(dirs, dir)
		cells += len(r.Rows) / 3
	}
	if cells != p.Cells() {
		t.Fatalf("the shards have %d cells", cells)
	}
	for i := range 5 {
		rand.New(rand.NewPCG(uint64(i), 0)).Shuffle(7, func(a, b int) { dirs[a], dirs[b] = dirs[b], dirs[a] })
		to := t.TempDir()
		if _, err := Merge(p, dirs, Options{Dir: to, Version: "1"}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(journalOf(t, to), journalOf(t, whole)) {
			t.Fatalf("merged as %v, the bytes differ", dirs)
		}
	}
}

func TestShardsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	p := planOf(t, small)
	root := t.TempDir()
	shard := func(name string, p *Plan, s Shard, version string) string {
		dir := filepath.Join(root, name)
		if _, err := Run(context.Background(), p, Options{Dir: dir, Shard: s, Version: version}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one, two := shard("one", p, Shard{1, 2}, "1"), shard("two", p, Shard{2, 2}, "1")
	third := shard("third", p, Shard{1, 3}, "1")
	other := shard("other", planOf(t, small+"\n# changed\n"), Shard{2, 2}, "1")
	newer := shard("newer", p, Shard{2, 2}, "2")
	cut := shard("cut", p, Shard{2, 2}, "1")
	text := journalOf(t, cut)
	if err := os.WriteFile(filepath.Join(cut, JournalName), text[:len(text)-9], 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		dirs []string
		want error
		text string
	}{
		{"another study file", []string{one, other}, ErrOther, "another version of the study file"},
		{"another version", []string{one, newer}, ErrOther, "version 2 of pitch, not 1"},
		{"twice", []string{one, two, one}, ErrOther, "both hold shard 1/2"},
		{"of another division", []string{one, third}, ErrOther, "shard 1/3, but others are of 2"},
		{"missing", []string{two}, ErrIncomplete, "shard 1/2 is missing"},
		{"not complete", []string{one, cut}, ErrIncomplete, "shard 2/2 has 5 of its 6 cells"},
		{"nothing there", []string{one, root}, fs.ErrNotExist, "holds no results of a study"},
	} {
		to := t.TempDir()
		_, err := Merge(p, c.dirs, Options{Dir: to, Version: "1"})
		if !errors.Is(err, c.want) || !bytes.Contains([]byte(err.Error()), []byte(c.text)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if left, _ := os.ReadDir(to); len(left) > 0 {
			t.Errorf("%s: files are left of a refused merge", c.name)
		}
	}
	if _, err := Merge(p, []string{one, two}, Options{Dir: newer, Version: "1"}); !errors.Is(err, ErrOther) {
		t.Errorf("a merge over other results: %v", err)
	}
}

func TestResultsOfAnotherRunAreNeitherMixedInNorLost(t *testing.T) {
	p := planOf(t, small)
	dir := t.TempDir()
	runIn(t, p, Options{Dir: dir})
	before := journalOf(t, dir)
	changed := planOf(t, small+"\n# changed\n")
	_, err := Run(context.Background(), changed, Options{Dir: dir, Version: "1"})
	if !errors.Is(err, ErrOther) || !bytes.Equal(journalOf(t, dir), before) {
		t.Errorf("%v", err)
	}
	if _, err = Run(context.Background(), p, Options{Dir: dir, Version: "2"}); !errors.Is(err, ErrOther) {
		t.Errorf("another version: %v", err)
	}
	runIn(t, changed, Options{Dir: dir, Fresh: true})
	if bytes.Equal(journalOf(t, dir), before) {
		t.Error("fresh kept the old results")
	}
	unlock, err := durable.Lock(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Run(context.Background(), changed, Options{Dir: dir, Version: "1"}); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("two runs in one folder: %v", err)
	}
	unlock()
}

// An answer must not depend on where in the study it stands: more values on an axis, or more
// questions, leave the others as they are.
func TestAnAnswerDependsOnItsQuestionAlone(t *testing.T) {
	p := planOf(t, small)
	bigger := planOf(t, string(bytes.Replace([]byte(small), []byte("[2, 4, 6, 8]"), []byte("[3, 4, 5, 6, 7]"), 1)))
	a, b := runIn(t, p, Options{Dir: t.TempDir()}), runIn(t, bigger, Options{Dir: t.TempDir(), Threads: 1})
	find := func(r *Result, n, k float64) *Row {
		for cell := range r.Plan.Cells() {
			if c := r.Plan.Cell(cell); c.Inputs[0] == any(n) && c.Inputs[1] == any(k) {
				return r.Row(cell, 0, 1)
			}
		}
		t.Fatal("no such cell")
		return nil
	}
	for _, n := range []float64{4, 6} {
		if x, y := find(a, n, 2), find(b, n, 2); x.Value != y.Value || x.Seed != y.Seed || x.Seed == 0 {
			t.Errorf("n = %g: %v with seed %d, %v with seed %d", n, x.Value, x.Seed, y.Value, y.Seed)
		}
	}
}

// failing is an engine that has no answers.
type failing struct{ err error }

func (f failing) Check(string, model.Params) error { return nil }

func (f failing) Ask(context.Context, string, model.Params, model.Options) (model.Answer, error) {
	return model.Answer{}, f.err
}

func TestACellWithoutAnAnswerSaysWhy(t *testing.T) {
	f, err := Parse("small.toml", bytes.Replace([]byte(small), []byte(`"best", "simulation"`), []byte(`"fleet"`), 1))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(func(Fleet) Engine { return failing{errors.New("no fleet today")} })
	if err != nil {
		t.Fatal(err)
	}
	r := runIn(t, p, Options{Dir: t.TempDir()})
	if r.Failed() != 12 || r.Rows[0].Error != "no fleet today" || !math.IsNaN(float64(r.Rows[0].Value)) {
		t.Errorf("%d failed, %+v", r.Failed(), r.Rows[0])
	}
}

func FuzzJournal(f *testing.F) {
	p := planOf(f, small)
	dir := f.TempDir()
	runIn(f, p, Options{Dir: dir})
	whole := journalOf(f, dir)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("00000000 {}\n"))
	good, err := readJournal(filepath.Join(dir, JournalName), p)
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "journal")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		j, err := readJournal(path, p)
		if err != nil {
			return
		}
		for cell, rows := range j.cells {
			if len(rows) != len(good.cells[cell]) {
				t.Fatalf("cell %d has %d rows", cell, len(rows))
			}
		}
	})
}
