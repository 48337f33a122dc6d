package nbd

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkFio holds this server against nbdkit, both driven by fio over a Unix socket, one
// after the other for each load. It needs both packages; run it with -benchtime=1x.
func BenchmarkFio(b *testing.B) {
	for _, name := range []string{"fio", "nbdkit"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Skipf("SKIPPED: %s is not installed", name)
		}
	}
	const size = 256 << 20
	own := func(b *testing.B, d Device) string {
		return serve(b, &Server{Exports: fixed(Export{Device: d, MultiConn: true})})
	}
	servers := []struct {
		name  string
		start func(b *testing.B) string
	}{
		{"memory/pitch", func(b *testing.B) string {
			return own(b, newMemory(size))
		}},
		{"memory/nbdkit", func(b *testing.B) string { return nbdkit(b, "memory", "256M") }},
		{"file/pitch", func(b *testing.B) string {
			return own(b, filled(b, size))
		}},
		{"file/nbdkit", func(b *testing.B) string {
			return nbdkit(b, "file", filled(b, size).f.Name())
		}},
	}
	for _, load := range []struct {
		name    string
		args    []string
		durable bool // says something about a disk only
	}{
		{"randread-4k-qd1", []string{"--rw=randread", "--bs=4k", "--iodepth=1"}, false},
		{"randread-4k-qd32", []string{"--rw=randread", "--bs=4k", "--iodepth=32"}, false},
		{"randwrite-4k-qd32", []string{"--rw=randwrite", "--bs=4k", "--iodepth=32"}, false},
		{"read-1m-qd8", []string{"--rw=read", "--bs=1m", "--iodepth=8"}, false},
		{"write-1m-qd8", []string{"--rw=write", "--bs=1m", "--iodepth=8"}, false},
		{"flushed-4k-qd1",
			[]string{"--rw=randwrite", "--bs=4k", "--iodepth=1", "--fsync=1"}, true},
		{"flushed-4k-qd32",
			[]string{"--rw=randwrite", "--bs=4k", "--iodepth=32", "--fsync=1"}, true},
	} {
		for i, s := range servers {
			if load.durable && i < 2 {
				continue
			}
			b.Run(load.name+"/"+s.name, func(b *testing.B) {
				path := s.start(b)
				for range b.N {
					runFio(b, path, load.args)
				}
			})
		}
	}
}

// nbdkit starts nbdkit for the length of the benchmark and returns its socket.
func nbdkit(b *testing.B, args ...string) string {
	path := filepath.Join(b.TempDir(), "s")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "nbdkit", append([]string{"-f", "-U", path}, args...)...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for range 100 {
		if found, _ := filepath.Glob(path); len(found) == 1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return path
}

// filled is a file without holes.
func filled(b *testing.B, size int64) *File {
	d, err := OpenFile(filepath.Join(b.TempDir(), "f"), size)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	p := make([]byte, 1<<20)
	for i := range p {
		p[i] = byte(i)
	}
	for off := int64(0); off < size; off += int64(len(p)) {
		if err := d.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Flush(); err != nil {
		b.Fatal(err)
	}
	return d
}

func runFio(b *testing.B, path string, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "fio", append([]string{"--name=b", "--ioengine=nbd",
		"--uri=nbd+unix:///?socket=" + path, "--size=256m", "--runtime=2", "--time_based",
		"--output-format=json"}, args...)...)
	cmd.Dir = b.TempDir()
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("fio: %v\n%s", err, out)
	}
	_, out, _ = bytes.Cut(out, []byte("\n")) // the engine says that it is connected
	var result struct {
		Jobs []struct {
			Read, Write struct {
				IOPS float64 `json:"iops"`
				BW   float64 `json:"bw_bytes"`
			}
		}
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.Jobs) != 1 {
		b.Fatalf("fio says %.200q: %v", out, err)
	}
	r, w := result.Jobs[0].Read, result.Jobs[0].Write
	b.ReportMetric(r.IOPS+w.IOPS, "IOPS")
	b.ReportMetric((r.BW+w.BW)/(1<<20), "MiB/s")
}
