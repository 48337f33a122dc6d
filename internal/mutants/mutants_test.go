// Package mutants holds deliberately broken builds of the machines, as patches, and the test
// that each is caught: by a scenario, with a small counterexample, or by a test of a package. A mutant
// that survives is a hole in the scenarios, the faults, the checks or the tests; a patch that no longer
// applies has to be made anew.
package mutants_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
)

// seeds is how many seeds a mutant has to be caught in.
const seeds = "1..10"

// maxOps is how long a counterexample may be.
const maxOps = 6

func TestEveryMutantIsCaught(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	patches, err := filepath.Glob("patches/*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("no patches: %v", err)
	}
	for _, patch := range patches {
		t.Run(strings.TrimSuffix(filepath.Base(patch), ".patch"), func(t *testing.T) {
			t.Parallel()
			patch, err := filepath.Abs(patch)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(patch)
			if err != nil {
				t.Fatal(err)
			}
			file := overlay(t, root, patch)
			if m := regexp.MustCompile(`(?m)^Scenario: (\S+)$`).FindSubmatch(text); m != nil {
				caught(t, root, build(t, root, file), string(m[1]))
				return
			}
			m := regexp.MustCompile(`(?m)^Test: (\S+) (\S+)$`).FindSubmatch(text)
			if m == nil {
				t.Fatal("the patch names neither its scenario nor its test")
			}
			failed(t, root, file, string(m[1]), string(m[2]))
		})
	}
}

// overlay applies a patch to copies of the sources that it changes, and returns the file that has go build
// take these.
func overlay(t *testing.T, root, patch string) string {
	t.Helper()
	dir := t.TempDir()
	list := output(t, root, "git", "apply", "--numstat", patch)
	files := struct{ Replace map[string]string }{map[string]string{}}
	for line := range strings.Lines(list) {
		name := strings.Fields(line)[2]
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, "src", name)
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, src, 0o644); err != nil {
			t.Fatal(err)
		}
		files.Replace[filepath.Join(root, name)] = copied
	}
	// Outside of a repository git applies a patch to plain files.
	output(t, filepath.Join(dir, "src"), "git", "apply", patch)
	spec, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, spec, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// build makes a pitch with an overlay.
func build(t *testing.T, root, overlay string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "pitch")
	output(t, root, "go", "build", "-overlay", overlay, "-o", bin, "./cmd/pitch")
	return bin
}

// failed runs tests of a package with an overlay: at least one must fail, by saying so.
func failed(t *testing.T, root, overlay, pkg, names string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "tests")
	output(t, root, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", bin, pkg)
	cmd := exec.Command(bin, "-test.run", "^("+names+")$", "-test.failfast", "-test.timeout", "60s")
	cmd.Dir = filepath.Join(root, pkg)
	out, err := cmd.CombinedOutput()
	first := regexp.MustCompile(`(?m)^--- FAIL: .*$`).Find(out)
	if code := cmd.ProcessState.ExitCode(); code != 1 || first == nil {
		t.Fatalf("exit code %d (%v), expected a test that fails\n%s", code, err, out)
	}
	t.Logf("caught: %s", first)
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	// A folder of ours may lie inside a repository: git must not look for one.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// caught runs the mutant over all seeds: at least one must show a violation, with a small
// counterexample.
func caught(t *testing.T, root, pitch, file string) {
	t.Helper()
	dir := t.TempDir()
	results := filepath.Join(dir, "results.json")
	cmd := exec.Command(pitch, "run", filepath.Join(root, file), "--world", "sim", "--seeds", seeds,
		"--json", results, "--out", dir, "--keep", "0")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Fatalf("exit code %d (%v), expected 1\n%s", code, err, out)
	}
	f, err := os.Open(results)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := reports.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	runs, shortest := 0, maxOps+1
	for _, res := range all {
		if res.Outcome != scenario.Violated {
			continue
		}
		runs++
		for _, c := range res.Checks {
			if c.Verdict != check.Violated || c.Violation == nil {
				continue
			}
			n := len(c.Violation.Ops) + len(c.Violation.Records)
			if n > 0 && n < shortest {
				shortest = n
				t.Logf("seed %d: %v", res.Seed, c)
			}
		}
	}
	if shortest > maxOps {
		t.Fatalf("no counterexample of at most %d operations\n%s", maxOps, out)
	}
	t.Logf("caught with %d of %d seeds; smallest counterexample: %d operations", runs, len(all),
		shortest)
}
