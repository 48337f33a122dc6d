package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endless is a scenario that nobody waits for: two processes and more operations than a test has
// time for.
const endless = `schema = 1
name = "endless"
worlds = ["local"]
time_limit = "10m"
[[host]]
name = "A"
[[host]]
name = "B"
[[resource]]
name = "lv0"
strategy = "mars"
size = "1MiB"
replicas = ["A", "B"]
[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
ops = 1000000
think = "5ms"
`

// running is a run in the local world and the processes that it has started.
type running struct {
	t        *testing.T
	cmd      *exec.Cmd
	dir      string
	out, err bytes.Buffer
	nodes    map[string]int // process by host: h1, h2
}

// begin starts a run in a folder of its own and waits until both hosts have a process.
func begin(t *testing.T) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), nodes: map[string]int{}}
	if err := os.WriteFile(filepath.Join(r.dir, "endless.toml"), []byte(endless), 0o644); err != nil {
		t.Fatal(err)
	}
	r.cmd = exec.Command("pitch", "run", "endless.toml", "--json", "results.json")
	r.cmd.Dir, r.cmd.Stdout, r.cmd.Stderr = r.dir, &r.out, &r.err
	r.cmd.Env = append(os.Environ(), "TMPDIR="+r.dir)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	r.until("two processes", func() bool {
		for _, pid := range children(r.cmd.Process.Pid) {
			cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if m := hostFolder.FindSubmatch(cmdline); m != nil {
				r.nodes[string(m[1])] = pid
			}
		}
		return len(r.nodes) == 2
	})
	return r
}

var hostFolder = regexp.MustCompile(`/(h[12])/node\.toml`)

// until waits for something that must happen.
func (r *running) until(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			r.t.Fatalf("no %s within a minute\n%s%s", what, &r.out, &r.err)
		}
	}
}

// end waits for the run to end, and checks what it leaves behind: nothing that runs, nothing that
// is half done.
func (r *running) end(code int) {
	r.t.Helper()
	err := r.cmd.Wait()
	var e *exec.ExitError
	if !errors.As(err, &e) || e.ExitCode() != code {
		r.t.Errorf("ended with %v, expected exit code %d\n%s%s", err, code, &r.out, &r.err)
	}
	for host, pid := range r.nodes {
		if alive(pid) {
			r.t.Errorf("the process of %s, %d, is still there", host, pid)
		}
	}
	for _, pattern := range []string{".*", "out/.*", "out/*/.*", "pitch-*"} {
		if found, err := filepath.Glob(filepath.Join(r.dir, pattern)); err != nil || found != nil {
			r.t.Errorf("left behind: %v, %v", found, err)
		}
	}
}

// stat returns the state and the parent of a process, as the kernel tells them.
func stat(pid int) (state string, parent int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// The name stands in brackets and may hold anything.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	parent, _ = strconv.Atoi(f[1])
	return f[0], parent
}

func alive(pid int) bool {
	state, _ := stat(pid)
	return state != "" && state != "Z" && state != "X"
}

func children(parent int) (list []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if _, p := stat(pid); p == parent {
			list = append(list, pid)
		}
	}
	return list
}

func needsProc(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("NOT CHECKED: there is no /proc here")
	}
}

func TestCtrlCEndsALocalRunAndAllItsProcesses(t *testing.T) {
	needsProc(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		r := begin(t)
		if err := r.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		r.end(130)
		if !strings.Contains(r.err.String(), "pitch: interrupted; every process that was started") {
			t.Errorf("it said %q", &r.err)
		}
		if strings.Contains(r.out.String(), "passed") {
			t.Errorf("it said %q", &r.out)
		}
	}
}

func TestAProcessThatDiesByItselfFailsTheRunWhichSaysWhoAndWhy(t *testing.T) {
	needsProc(t)
	r := begin(t)
	pid := r.nodes["h2"]
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.end(70)
	// Lines are broken at spaces.
	said := strings.Join(strings.Fields(r.out.String()), " ")
	for _, part := range []string{"endless in local, seed 1: failed", "host B ended by itself",
		fmt.Sprintf("(pid %d): signal: killed", pid), "its log is out/endless-local-1/h2/stderr.log",
		"repeat: pitch run endless.toml --world local --seed 1"} {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, &r.out)
		}
	}
	if !strings.HasSuffix(r.out.String(), "\n0 passed, 1 failed, 0 skipped\n") {
		t.Errorf("it ends with %q", &r.out)
	}
	if r.err.Len() > 0 {
		t.Errorf("it also said %q", &r.err)
	}
	for _, host := range []string{"h1", "h2"} {
		log := filepath.Join(r.dir, "out/endless-local-1", host, "stderr.log")
		if _, err := os.Stat(log); err != nil {
			t.Error(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(r.dir, "results.json"))
	if err != nil || !bytes.Contains(b, []byte(`"outcome": "failed"`)) {
		t.Errorf("results: %s, %v", b, err)
	}
}

func TestTheProcessesEndWithARunnerThatIsKilled(t *testing.T) {
	needsProc(t)
	r := begin(t)
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	r.until("end of the processes", func() bool {
		return !alive(r.nodes["h1"]) && !alive(r.nodes["h2"])
	})
}
