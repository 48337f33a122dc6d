// Package bench holds benchmarks of the program as a whole.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/check"
)

// pitch builds the program once.
func pitch(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "pitch")
	cmd := exec.Command("go", "build", "-o", bin, "../../cmd/pitch")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

const localScenario = `schema = 1
name = "local-writes"
worlds = ["local"]
time_limit = "10m"

[[host]]
name = "A"
[[host]]
name = "B"

[[resource]]
name = "lv0"
strategy = "mars"
size = "64MiB"
replicas = ["A", "B"]

[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
write = 1.0
clients = %d
ops = %d
`

// BenchmarkLocalWrites measures acknowledged 4 KiB writes a second on one resource with two
// replicas, each write durable in the log before it is acknowledged, and holds the rate of fio's
// write + fdatasync on the same disk beside it. The ratio is the number to quote: both run within
// a minute of each other. With one client every write waits for a sync of its own; with more they
// share syncs, so that the ratio may exceed 1.
func BenchmarkLocalWrites(b *testing.B) {
	bin := pitch(b)
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			var ops, seconds, fsyncs float64
			for b.Loop() {
				n, took := localWrites(b, bin, clients)
				ops += float64(n)
				seconds += took
				fsyncs += fio(b)
			}
			rate, ref := ops/seconds, fsyncs/float64(b.N)
			b.ReportMetric(rate, "acks/s")
			b.ReportMetric(ref, "fio-fdatasync/s")
			if ref > 0 {
				b.ReportMetric(rate/ref, "acks/fdatasync")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// localWrites runs the scenario and returns how many writes were acknowledged in how many
// seconds, from the first call to the last answer.
func localWrites(b *testing.B, bin string, clients int) (int, float64) {
	b.Helper()
	dir := b.TempDir()
	file := filepath.Join(dir, "local-writes.toml")
	text := fmt.Sprintf(localScenario, clients, 4000+1000*clients)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(bin, "run", file, "--out", dir)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // the hosts' data lies on the disk that fio uses
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(filepath.Join(dir, "local-writes-local-1", "history.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	h, err := check.ReadHistory(f, f.Name())
	if err != nil {
		b.Fatal(err)
	}
	n, first, last := 0, int64(1)<<62, int64(0)
	for i := range h {
		if op := &h[i]; op.Kind == check.Write && !op.Unknown {
			n++
			first, last = min(first, op.Call), max(last, op.Return)
		}
	}
	return n, float64(last-first) / float64(time.Second)
}

// fio measures 4 KiB appends to a new file with fdatasync after each, on the disk of the test's
// folder: what our log does. It is 0 if there is no fio.
func fio(b *testing.B) float64 {
	b.Helper()
	if _, err := exec.LookPath("fio"); err != nil {
		b.Log("no fio here: nothing to compare with")
		return 0
	}
	cmd := exec.Command("fio", "--name=append", "--directory="+b.TempDir(), "--ioengine=psync",
		"--rw=write", "--bs=4k", "--fdatasync=1", "--size=64m", "--runtime=3",
		"--output-format=json", "--fallocate=none")
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("fio: %v", err)
	}
	var res struct {
		Jobs []struct{ Write struct{ IOPS float64 } }
	}
	if err := json.Unmarshal(out[strings.IndexByte(string(out), '{'):], &res); err != nil {
		b.Fatalf("fio: %v", err)
	}
	return res.Jobs[0].Write.IOPS
}

// BenchmarkMarsSuite runs all scenarios of the original's test suite with one seed in the simulator,
// each in all its variants, checks and bundles and all.
func BenchmarkMarsSuite(b *testing.B) {
	bin := pitch(b)
	var used time.Duration
	for b.Loop() {
		cmd := exec.Command(bin, "run", "../../scenarios/mars-suite", "--world", "sim", "--seed", "1",
			"--out", b.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
}

// BenchmarkThousandSeeds runs the forced failover with seeds 1 to 1000 in the simulator, on all
// cores, checks and all.
func BenchmarkThousandSeeds(b *testing.B) {
	bin := pitch(b)
	var cpu time.Duration
	for b.Loop() {
		cmd := exec.Command(bin, "run", "../../scenarios/forced-failover.toml", "--world", "sim",
			"--seeds", "1..1000", "--out", b.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			cpu += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
}
