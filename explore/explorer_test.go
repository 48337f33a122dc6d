package explore

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-football/pitch/scenario"
)

// scripted is a worker whose reports a test decides.
type scripted func(Job) (Report, error)

func (s scripted) Run(_ context.Context, j Job) (Report, error) { return s(j) }
func (s scripted) Close() error                                 { return nil }

func starting(w Worker) func() (Worker, error) { return func() (Worker, error) { return w, nil } }

func TestSchedulesThatReachNewStatesAreChanged(t *testing.T) {
	f := noisy(t)
	var names []string
	e := &Explorer{Files: []*scenario.File{f}, Seed: 1, Runs: 400}
	e.Start = starting(scripted(func(j Job) (Report, error) {
		names = append(names, j.Name.String())
		rep := Report{Job: j}
		if j.Name[0] == 3 { // the more it is changed, the more there is to see
			for i := range j.Name {
				rep.Coverage = append(rep.Coverage, uint64(i))
			}
		}
		return rep, nil
	}))
	totals, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changed, deepest := 0, 0
	for _, n := range names {
		if strings.HasPrefix(n, "3.") {
			changed++
			deepest = max(deepest, strings.Count(n, "."))
		} else if strings.Contains(n, ".") {
			t.Errorf("%s was tried, though its seed has shown nothing new", n)
		}
	}
	if totals.Runs != 400 || changed < 100 || changed > 300 || deepest < 5 {
		t.Errorf("%d runs, %d of them changes of 3, up to %d changes one upon the other; expected 400, about a half, "+
			"and several", totals.Runs, changed, deepest)
	}
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != 400 {
		t.Errorf("only %d of 400 schedules are different", n)
	}
}

func TestTheCorpusIsRunFirst(t *testing.T) {
	var jobs []Job
	e := &Explorer{Files: []*scenario.File{noisy(t)}, Corpus: []*scenario.File{noisy(t), noisy(t)}, Runs: 3}
	e.Start = starting(scripted(func(j Job) (Report, error) {
		jobs = append(jobs, j)
		return Report{Job: j}, nil
	}))
	totals, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) != 5 || jobs[0].File != 1 || jobs[1].File != 2 || jobs[2].File != 0 || len(jobs[0].Name) != 0 {
		t.Errorf("jobs: %v; expected both of the corpus, as they are, and then three of the scenario", jobs)
	}
	if !slices.Equal(totals.ByFile, []int{3, 1, 1}) {
		t.Errorf("runs by file: %v", totals.ByFile)
	}
}

func TestAWorkerThatDiesIsAFinding(t *testing.T) {
	started := 0
	var found []Report
	e := &Explorer{Files: []*scenario.File{noisy(t)}, Runs: 4, Fresh: 1, Seed: 1}
	e.Start = func() (Worker, error) {
		started++
		return scripted(func(j Job) (Report, error) {
			if j.Name[0] == 2 {
				return Report{}, errors.New("killed")
			}
			return Report{Job: j}, nil
		}), nil
	}
	e.Done = func(rep Report, _ Totals) {
		if rep.Sign != "" {
			found = append(found, rep)
		}
	}
	totals, err := e.Run(t.Context())
	if err != nil || totals.Runs != 4 || totals.Failed != 1 || started != 2 {
		t.Errorf("error %v, %+v, %d workers; expected 4 runs, one failed, two workers", err, totals, started)
	}
	if len(found) != 1 || found[0].Sign != SignHarness || !strings.Contains(found[0].Reason, "killed") {
		t.Errorf("found: %+v", found)
	}
}

func TestNoWorkerCanBeStarted(t *testing.T) {
	e := &Explorer{Files: []*scenario.File{noisy(t)}, Jobs: 2}
	e.Start = func() (Worker, error) { return nil, errors.New("no memory") }
	if _, err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("error %v", err)
	}
}

func TestANameIsAlwaysTheSameSchedule(t *testing.T) {
	f := noisy(t)
	for _, name := range []Name{{1}, {7}, {7, 1}, {7, 1, 4, 2}, {1 << 40, 9}} {
		a, b := Schedule(f, name), Schedule(f, name)
		if !a.Equal(b) {
			t.Errorf("%s: two schedules", name)
		}
		if _, err := a.Marshal(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.Random.Faults) > 0 {
			t.Errorf("%s: there are random faults left", name)
		}
		parsed, err := ParseName(name.String())
		if err != nil || !slices.Equal(parsed, name) {
			t.Errorf("%s is read as %v, %v", name, parsed, err)
		}
	}
	if Schedule(f, Name{7, 1}).Equal(Schedule(f, Name{7})) {
		t.Error("a change changes nothing")
	}
	for _, bad := range []string{"", "x", "1.", "1..2", "-1"} {
		if _, err := ParseName(bad); err == nil {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

func TestSwarmsDiffer(t *testing.T) {
	f := noisy(t)
	kinds, few, many := map[string]int{}, 0, 0
	for seed := range uint64(300) {
		s := swarm(f, seed)
		for _, k := range s.Random.Faults {
			kinds[k]++
		}
		switch n := s.Random.Rate.Faults; {
		case n <= 2:
			few++
		case n >= 10:
			many++
		}
	}
	for _, k := range Kinds(f) {
		if kinds[k] < 100 || kinds[k] > 200 {
			t.Errorf("%s is in %d of 300 swarms, expected about a half", k, kinds[k])
		}
	}
	if few < 30 || many < 30 {
		t.Errorf("%d of 300 swarms have one or two faults, %d ten and more; expected some of each", few, many)
	}
}

func TestACrashIsNoFaultForWhatDoesNotSurviveOne(t *testing.T) {
	f := noisy(t)
	f.Resources[0].Ack = "logged"
	if k := Kinds(f); slices.Contains(k, "crash") || slices.Contains(k, "torn-write") || !slices.Contains(k, "pause") {
		t.Errorf("kinds for ack = logged: %v", k)
	}
	f.Resources[0].Ack = "durable"
	f.Steps = append(f.Steps, scenario.Step{Do: scenario.DoSetAck, Resource: "r", Ack: "submitted"})
	if k := Kinds(f); slices.Contains(k, "crash") {
		t.Errorf("kinds for what a step makes submitted: %v", k)
	}
}

// TestMain lets the test's own program be a worker.
func TestMain(m *testing.M) {
	switch os.Getenv("EXPLORE_WORKER") {
	case "":
		os.Exit(m.Run())
	case "hang":
		time.Sleep(time.Hour)
	case "die":
		os.Exit(3)
	case "garbage":
		os.Stdout.WriteString("hello\n")
	}
}

func TestAProcessThatDoesNotAnswer(t *testing.T) {
	for how, want := range map[string]string{"hang": "no answer within", "die": "EOF", "garbage": "invalid character"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "EXPLORE_WORKER="+how)
		w, err := Spawn(cmd, 300*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		// One that dies may take the job or not: either is an error.
		if _, err := w.Run(t.Context(), Job{Name: Name{1}}); err == nil ||
			!strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "pipe") {
			t.Errorf("%s: error %v, expected %q", how, err, want)
		}
		_ = w.Close() // it has failed
	}
}
