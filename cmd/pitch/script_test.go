package main

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this test binary be pitch, too, for the scripts and for the processes of the local
// world, which are started from the same file.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pitch": func() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts tells stories about the command line: see testdata/script.
func TestScripts(t *testing.T) {
	scenarios, err := filepath.Abs("../../scenarios")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SCENARIOS", scenarios)
			env.Setenv("STUDIES", filepath.Join(scenarios, "../studies"))
			env.Setenv("WORKED", filepath.Join(scenarios, "../model/testdata/worked-values.jsonl"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"answers": answers,
			"json":    isJSON,
			"none":    none,
			"lines":   lines,
			"replace": replace,
		},
	})
}

// exits CODE COMMAND… runs a command that must end with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var e *exec.ExitError
		if !errors.As(err, &e) {
			ts.Fatalf("%v", err)
		}
		code = e.ExitCode()
	}
	if code != want {
		ts.Fatalf("the exit code is %d, expected %d", code, want)
	}
}

// answers QUERIES REPLIES checks that each query with an expected value has a reply that fits it.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: answers QUERIES REPLIES")
	}
	got := map[string]float64{}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		var r struct {
			ID    string
			Value *float64
		}
		ts.Check(json.Unmarshal([]byte(line), &r))
		if r.Value == nil {
			ts.Fatalf("no value: %s", line)
		}
		got[r.ID] = *r.Value
	}
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var q struct {
			ID     string
			Expect float64
			RelTol float64 `json:"rel_tol"`
		}
		ts.Check(json.Unmarshal([]byte(line), &q))
		x, ok := got[q.ID]
		if !ok || math.Abs(x-q.Expect) > q.RelTol*math.Abs(q.Expect) {
			ts.Fatalf("%s: got %v, expected %v", q.ID, x, q.Expect)
		}
		n++
	}
	if n == 0 || n != len(got) {
		ts.Fatalf("%d queries, %d replies", n, len(got))
	}
}

// json FILE checks that a file, or stdout, is JSON.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	if json.Valid([]byte(ts.ReadFile(args[0]))) == neg {
		ts.Fatalf("%s: JSON is %v", args[0], !neg)
	}
}

// none PATTERN checks that no file fits a pattern.
func none(ts *testscript.TestScript, neg bool, args []string) {
	for _, pattern := range args {
		found, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(found) > 0 != neg {
			ts.Fatalf("%s: found %q", pattern, found)
		}
	}
}

// lines N FILE checks that a file, or stdout or stderr, has so many lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	text := ts.ReadFile(args[1])
	if n := strings.Count(text, "\n"); n != want || text != "" && !strings.HasSuffix(text, "\n") {
		ts.Fatalf("%s has %d lines, expected %d:\n%s", args[1], n, want, text)
	}
}

// replace FILE OLD NEW changes a text that stands in a file exactly once.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[1]); n != 1 {
		ts.Fatalf("%s has %q %d times", args[0], args[1], n)
	}
	text = strings.Replace(text, args[1], args[2], 1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}
