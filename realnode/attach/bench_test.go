//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// loads are what fio does on each file system.
var loads = []struct{ name, args string }{
	{"durable-4k", "--rw=randwrite --bs=4k --ioengine=sync --fdatasync=1"},
	{"durable-4k-jobs8", "--rw=randwrite --bs=4k --ioengine=sync --fdatasync=1 --numjobs=8"},
	{"randread-4k-qd1", "--rw=randread --bs=4k --ioengine=libaio --direct=1"},
	{"randread-4k-qd32", "--rw=randread --bs=4k --ioengine=libaio --direct=1 --iodepth=32"},
	{"randwrite-4k-qd32", "--rw=randwrite --bs=4k --ioengine=libaio --direct=1 --iodepth=32"},
	{"write-1m-qd4", "--rw=write --bs=1m --ioengine=libaio --direct=1 --iodepth=4"},
	{"read-1m-qd4", "--rw=read --bs=1m --ioengine=libaio --direct=1 --iodepth=4"},
}

// BenchmarkFio holds ext4 on attached volumes against ext4 on a plain loop device over a sparse
// file on the same disk. The volumes are a sparse file, used like the plain one past the page
// cache (direct) or through it (cached), and memory. Each iteration is one second of every one of
// them in turn, so that what others do on the machine hits all. It takes fio; run it with
// -benchtime=8x. Reported are medians, in operations a second, and their ratio to the plain one.
func BenchmarkFio(b *testing.B) {
	need(b, "fio", "mkfs.ext4", "mount", "losetup")
	const size = 1 << 30
	ways := []struct {
		name, device, dir string
		rates             []float64
	}{
		{name: "loop", device: plainLoop(b, size)},
		{name: "cached", device: attached(b, newProbe(b, size), Options{}).Path()},
		{name: "direct", device: attached(b, newDirect(b, size), Options{}).Path()},
		{name: "memory", device: attached(b, &memory{data: make([]byte, size)}, Options{}).Path()},
	}
	for i := range ways {
		tool(b, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", ways[i].device)
		ways[i].dir, _ = mountedOn(b, "ext4", ways[i].device)
		fio(b, ways[i].dir, "--rw=write", "--bs=1m", "--end_fsync=1", "--time_based=0", "--runtime=0")
	}
	for _, load := range loads {
		b.Run(load.name, func(b *testing.B) {
			for i := range ways {
				ways[i].rates = nil
			}
			for range b.N {
				for i := range ways {
					w := &ways[i]
					w.rates = append(w.rates, fio(b, w.dir, strings.Fields(load.args)...))
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, w := range ways {
				b.ReportMetric(median(w.rates), w.name+"-IOPS")
				if w.name != "loop" {
					b.ReportMetric(median(w.rates)/median(ways[0].rates), w.name+"/loop")
				}
			}
		})
	}
}

func median(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	return sorted[len(sorted)/2]
}

// direct is a device over a sparse file past the page cache.
type direct struct {
	*probe
	fd int
}

func newDirect(b *testing.B, size int64) *direct {
	p := newProbe(b, size)
	fd, err := unix.Open(p.image, unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	return &direct{p, fd}
}

// ReadAt implements Device. The buffers of the FUSE library are aligned as the disk wants them.
func (d *direct) ReadAt(p []byte, off int64) error {
	n, err := unix.Pread(d.fd, p, off)
	if err == nil && n < len(p) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// WriteAt implements Device.
func (d *direct) WriteAt(p []byte, off int64) error {
	n, err := unix.Pwrite(d.fd, p, off)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// memory is a device that costs nothing: what is left is the price of attaching.
type memory struct{ data []byte }

func (m *memory) Size() int64                         { return int64(len(m.data)) }
func (m *memory) ReadAt(p []byte, off int64) error    { copy(p, m.data[off:]); return nil }
func (m *memory) WriteAt(p []byte, off int64) error   { copy(m.data[off:], p); return nil }
func (m *memory) Flush() error                        { return nil }
func (m *memory) Zero(off, n int64, punch bool) error { clear(m.data[off : off+n]); return nil }

// plainLoop is a loop device over a sparse file, with direct I/O as ours.
func plainLoop(b *testing.B, size int64) string {
	p := newProbe(b, size)
	device := strings.TrimSpace(tool(b, "losetup", "--find", "--show", "--direct-io=on",
		"--sector-size=4096", p.image))
	b.Cleanup(func() { tool(b, "losetup", "--detach", device) })
	return device
}

// fio runs for a second and returns the operations of each.
func fio(b *testing.B, dir string, args ...string) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "fio", append([]string{"--name=b", "--size=512m",
		"--filename=" + filepath.Join(dir, "file"), "--overwrite=1", "--runtime=1", "--time_based",
		"--group_reporting", "--output-format=json"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("fio: %v\n%s", err, out)
	}
	var result struct {
		Jobs []struct {
			Read, Write struct {
				IOPS float64 `json:"iops"`
			}
		}
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.Jobs) != 1 {
		b.Fatalf("fio says %.200q: %v", out, err)
	}
	r, w := result.Jobs[0].Read, result.Jobs[0].Write
	return r.IOPS + w.IOPS
}
