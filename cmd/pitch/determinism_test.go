package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"testing"
)

// shippedRun are the arguments that run every shipped scenario in the simulator, with a few seeds.
func shippedRun(t *testing.T, json string) []string {
	t.Helper()
	files, err := filepath.Glob("../../scenarios/*.toml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	args := []string{"run", "--world", "sim", "--seeds", "1..3", "--json", json, "--out", t.TempDir()}
	return append(args, files...)
}

// timeless reads results without what the clock on the wall said.
func timeless(t *testing.T, json string) []byte {
	t.Helper()
	b, err := os.ReadFile(json)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte(`"digest"`)); n < 15 {
		t.Fatalf("only %d results have a digest", n)
	}
	return regexp.MustCompile(`"elapsed_ns": \d+`).ReplaceAll(b, nil)
}

func TestResultsDependNeitherOnTheRunNorOnTheNumberOfCores(t *testing.T) {
	var first []byte
	for i, cores := range []int{1, 2, 1, 4} {
		json := filepath.Join(t.TempDir(), "results.json")
		before := runtime.GOMAXPROCS(cores)
		var out bytes.Buffer
		code := Main(shippedRun(t, json), &out, &out)
		runtime.GOMAXPROCS(before)
		if code != 0 {
			t.Fatalf("exit code %d:\n%s", code, &out)
		}
		got := timeless(t, json)
		if i == 0 {
			first = got
		} else if !bytes.Equal(got, first) {
			t.Fatalf("with %d cores:\n%s\nwith one core:\n%s", cores, got, first)
		}
	}
}

// TestResultsDoNotDependOnTheProcessor runs a 32-bit build, in which int is smaller, floating
// point is another unit's, and the layout of memory is another one.
func TestResultsDoNotDependOnTheProcessor(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the whole program for another processor")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skipf("NOT CHECKED: 386 binaries are built and run on linux/amd64, not on %s/%s",
			runtime.GOOS, runtime.GOARCH)
	}
	bin := filepath.Join(t.TempDir(), "pitch-386")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=386", "GO386=softfloat")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building for 386: %v\n%s", err, text)
	}
	json := filepath.Join(t.TempDir(), "results.json")
	text, err := exec.Command(bin, shippedRun(t, json)...).CombinedOutput()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Skip("NOT CHECKED: this machine runs no 386 binaries")
	}
	if err != nil {
		t.Fatalf("386: %v\n%s", err, text)
	}
	small := timeless(t, json)
	var out bytes.Buffer
	if code := Main(shippedRun(t, json), &out, &out); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, &out)
	}
	if large := timeless(t, json); !bytes.Equal(small, large) {
		t.Errorf("386:\n%s\namd64:\n%s", small, large)
	}
}
