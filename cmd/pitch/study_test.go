package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// slow is a study whose cells take some milliseconds each.
const slow = `
schema = 1
name   = "slow"
title  = "Estimates that take their time"

[precision]
rel_err = 0.03

[[axis]]
param  = "n"
from   = 2
to     = 60
points = 59

[[ask]]
name    = "triples"
measure = "incident"
params  = { placement = "shards", k = 3, p = 0.1 }
engines = ["simulation"]
`

// A study is killed again and again, as early as it has written anything, until it comes to its
// end. What it then leaves is what an undisturbed run leaves.
func TestAStudyKilledAgainAndAgainEndsWithTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slow.toml"), []byte(slow), 0o666); err != nil {
		t.Fatal(err)
	}
	start := func(out string) *exec.Cmd {
		cmd := exec.Command("pitch", "study", "slow.toml", "--out", out, "--formats", "none", "--threads", "1")
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	if err := start("whole").Wait(); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(dir, "killed/slow/answers.journal")
	size := func() int64 {
		info, err := os.Stat(journal)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	kills := 0
	for ; ; kills++ {
		before := size()
		cmd := start("killed")
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		tick := time.NewTicker(time.Millisecond)
		done := false
		for more := before + 400; !done && size() < more; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatal(err)
				}
				done = true
			case <-tick.C:
			}
		}
		tick.Stop()
		if done {
			break
		}
		if err := cmd.Process.Kill(); err == nil {
			<-ended
		}
	}
	t.Logf("killed %d times", kills)
	if kills < 3 {
		t.Errorf("the study was killed only %d times", kills)
	}
	for _, name := range []string{"slow.csv", "slow.jsonl", "slow.parquet", "slow.md", "answers.journal"} {
		a, err := os.ReadFile(filepath.Join(dir, "whole/slow", name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "killed/slow", name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs, %v", name, err)
		}
	}
}

// Every shipped study runs with one command, has an answer to all it asks, and draws its pictures.
func TestShippedStudiesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("ten seconds of studies")
	}
	out := t.TempDir()
	var said, errs bytes.Buffer
	if code := Main([]string{"study", "../../studies", "--out", out, "--formats", "svg"}, &said, &errs); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, said.String(), errs.String())
	}
	files, err := filepath.Glob("../../studies/*.toml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d studies, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".toml")
		pictures, err := filepath.Glob(filepath.Join(out, name, name+"-*.svg"))
		if err != nil || len(pictures) == 0 {
			t.Errorf("%s has no picture", name)
		}
	}
}

// What a reader of the how-to copies from it must work as it stands there.
func TestTheStudyOfTheHowToRuns(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/run-a-study.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```toml\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no study")
	}
	path := filepath.Join(t.TempDir(), "my-racks.toml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var said, errs bytes.Buffer
	if code := Main([]string{"study", path, "--out", t.TempDir()}, &said, &errs); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, said.String(), errs.String())
	}
}
