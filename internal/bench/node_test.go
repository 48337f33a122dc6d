package bench

import (
	"bufio"
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

	made "github.com/container-football/pitch/internal/lab"
)

// turn is how long each load runs at a time, in seconds. Rivals take turns within one run.
const turn = 2

// BenchmarkNodeNBD holds a volume of the daemon, without replicas elsewhere, against nbdkit's file
// plugin on the same disk. With fsync=1 every write is durable before the next one of the same
// client; fua is a durable write in one request.
func BenchmarkNodeNBD(b *testing.B) {
	bin := pitch(b)
	fsync := []string{"--fsync=1"}
	for _, j := range []job{
		{"randwrite", "4k", 1, fsync}, {"randwrite", "4k", 32, fsync},
		{"randwrite", "4k", 1, nil}, {"randwrite", "4k", 32, nil},
		{"randread", "4k", 1, nil}, {"randread", "4k", 32, nil},
		{"read", "1m", 8, nil}, {"write", "1m", 8, nil},
	} {
		name := fmt.Sprintf("%s-%s-qd%d", j.rw, j.bs, j.depth)
		if j.more != nil {
			name += "-fsync"
		}
		b.Run(name, func(b *testing.B) {
			l := newLab(b, bin, "alpha")
			l.vol("alpha", "create", "v", "--size", "1GiB")
			l.vol("alpha", "wait", "v", "primary")
			ours, theirs := l.uri("alpha", "v"), kit(b, 1<<30)
			for _, uri := range []string{ours, theirs} { // the same content, in the same cache
				fioRun(b, []string{"--name=x", "--ioengine=nbd", "--uri=" + uri, "--rw=write", "--bs=1m",
					"--iodepth=8", "--size=512m", "--end_fsync=1", "--output-format=json"})
				fioNBD(b, uri, job{"read", "1m", 8, nil}, 1)
			}
			compare(b, "kit", func() float64 { return fioNBD(b, ours, j, turn) },
				func() float64 { return fioNBD(b, theirs, j, turn) })
		})
	}
}

// compare runs two ways in turns and reports rates and their ratio.
func compare(b *testing.B, rival string, ours, theirs func() float64) {
	b.Helper()
	var x, y float64
	for b.Loop() {
		x += ours()
		y += theirs()
	}
	n := float64(b.N)
	b.ReportMetric(x/n, "pitch/s")
	b.ReportMetric(y/n, rival+"/s")
	b.ReportMetric(x/y, "pitch/"+rival)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkNodeReplicated is the rate of a primary whose secondary keeps up, beside that of a
// volume without one, on the same two daemons and the same disk.
func BenchmarkNodeReplicated(b *testing.B) {
	bin := pitch(b)
	for _, j := range []job{{"randwrite", "4k", 32, nil}, {"randwrite", "4k", 32, []string{"--fsync=1"}}} {
		name := "randwrite-4k-qd32"
		if j.more != nil {
			name += "-fsync"
		}
		b.Run(name, func(b *testing.B) {
			l := newLab(b, bin, "alpha", "beta")
			for _, v := range []string{"alone", "pair"} {
				l.vol("alpha", "create", v, "--size", "512MiB")
				l.vol("alpha", "wait", v, "primary")
			}
			l.vol("beta", "join", "pair")
			compare(b, "alone", func() float64 {
				rate := fioNBD(b, l.uri("alpha", "pair"), j, turn)
				l.vol("beta", "wait", "pair", "up-to-date", "--timeout", "120s")
				return rate
			}, func() float64 { return fioNBD(b, l.uri("alpha", "alone"), j, turn) })
		})
	}
}

// BenchmarkNodeCopy is how fast 1 GiB of log comes to a new member, from join to up to date, beside
// qemu's mirror and rsync over TCP on the same disk.
func BenchmarkNodeCopy(b *testing.B) {
	bin := pitch(b)
	var ours, mirror, sync float64
	for b.Loop() {
		ours += copyPitch(b, bin)
		mirror += copyMirror(b)
		sync += copyRsync(b)
	}
	n := float64(b.N)
	b.ReportMetric(ours/n, "pitch-MiB/s")
	for name, rate := range map[string]float64{"mirror": mirror, "rsync": sync} {
		if rate > 0 {
			b.ReportMetric(rate/n, name+"-MiB/s")
			b.ReportMetric(ours/rate, "pitch/"+name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func copyPitch(b *testing.B, bin string) float64 {
	l := newLab(b, bin, "alpha", "beta")
	l.vol("alpha", "create", "v", "--size", "1GiB")
	l.vol("alpha", "wait", "v", "primary")
	fioRun(b, []string{"--name=x", "--ioengine=nbd", "--uri=" + l.uri("alpha", "v"), "--rw=write",
		"--bs=1m", "--iodepth=8", "--size=1g", "--end_fsync=1", "--output-format=json"})
	l.vol("alpha", "wait", "v", "replayed")
	l.vol("beta", "host")
	began := time.Now()
	l.vol("beta", "join", "v")
	l.vol("beta", "wait", "v", "up-to-date", "--timeout", "300s")
	rate := 1024 / time.Since(began).Seconds()
	for _, host := range l.names { // the disk must not fill up with the logs of all rounds
		_ = os.RemoveAll(filepath.Join(l.dir, host, "resources"))
	}
	return rate
}

// scattered is fio's load that writes 1 GiB to random places of 10 GiB, the same at each call, none of
// them twice.
var scattered = []string{"--name=x", "--rw=randwrite", "--bs=64k", "--size=10g", "--io_size=1g",
	"--end_fsync=1", "--refill_buffers", "--output-format=json"}

// BenchmarkNodeSparse is how fast a volume of 10 GiB that holds 1 GiB, in pieces of 64 KiB, comes to a new
// member, from join to up to date, beside nbdcopy from one nbdkit to another, on the same disk. Both are to
// read and write what is allocated, and no more.
func BenchmarkNodeSparse(b *testing.B) {
	if _, err := exec.LookPath("nbdcopy"); err != nil {
		b.Skip("SKIPPED: no nbdcopy here to compare with (Debian: libnbd-bin)")
	}
	bin := pitch(b)
	var ours, theirs float64
	for b.Loop() {
		rate, held := sparsePitch(b, bin)
		ours += rate
		b.ReportMetric(held, "pitch-MiB-held")
		rate, held = sparseNBDCopy(b)
		theirs += rate
		b.ReportMetric(held, "nbdcopy-MiB-held")
	}
	n := float64(b.N)
	b.ReportMetric(ours/n, "pitch-MiB/s")
	b.ReportMetric(theirs/n, "nbdcopy-MiB/s")
	b.ReportMetric(ours/theirs, "pitch/nbdcopy")
	b.ReportMetric(0, "ns/op")
}

// sparsePitch returns MiB a second, and how many MiB the new member's volume takes on its disk.
func sparsePitch(b *testing.B, bin string) (rate, held float64) {
	b.Helper()
	l := newLab(b, bin, "alpha", "beta")
	l.vol("alpha", "create", "v", "--size", "10GiB")
	l.vol("alpha", "wait", "v", "primary")
	fioRun(b, append([]string{"--ioengine=nbd", "--iodepth=8", "--uri=" + l.uri("alpha", "v")}, scattered...))
	l.vol("alpha", "wait", "v", "replayed")
	l.vol("beta", "host")
	began := time.Now()
	l.vol("beta", "join", "v")
	l.vol("beta", "wait", "v", "up-to-date", "--timeout", "300s")
	rate = 1024 / time.Since(began).Seconds()
	files, err := filepath.Glob(filepath.Join(l.dir, "beta", "resources", "*", "volume0"))
	if err != nil || len(files) != 1 {
		b.Fatalf("volumes of beta: %v %v", files, err)
	}
	held = allocated(b, files[0])
	for _, host := range l.names { // the disk must not fill up with all rounds
		_ = os.RemoveAll(filepath.Join(l.dir, host, "resources"))
	}
	return rate, held
}

// sparseNBDCopy returns the same of nbdcopy, which flushes what it has written.
func sparseNBDCopy(b *testing.B) (rate, held float64) {
	b.Helper()
	from, source := kitFile(b, 10<<30)
	to, target := kitFile(b, 10<<30)
	defer os.Remove(source)
	defer os.Remove(target)
	fioRun(b, append([]string{"--ioengine=nbd", "--iodepth=8", "--uri=" + from}, scattered...))
	began := time.Now()
	if out, err := exec.Command("nbdcopy", "--flush", "--destination-is-zero", from, to).CombinedOutput(); err != nil {
		b.Fatalf("nbdcopy: %v\n%s", err, out)
	}
	rate = 1024 / time.Since(began).Seconds()
	return rate, allocated(b, target)
}

// allocated is how many MiB a file takes on its disk.
func allocated(b *testing.B, path string) float64 {
	b.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		b.Fatalf("%s: %v", path, err)
	}
	return float64(st.Blocks) / 2048
}

// random makes a file of 1 GiB that nothing compresses.
func random(b *testing.B, path string) {
	b.Helper()
	out, err := exec.Command("fio", "--name=x", "--filename="+path, "--rw=write", "--bs=1m",
		"--size=1g", "--end_fsync=1", "--refill_buffers").CombinedOutput()
	if err != nil {
		b.Fatalf("fio: %v\n%s", err, out)
	}
}

// copyMirror lets QEMU's storage daemon mirror a file to qemu-nbd, until it says that both are the
// same. It is 0 without QEMU.
func copyMirror(b *testing.B) float64 {
	for _, need := range []string{"qemu-nbd", "qemu-storage-daemon", "fio"} {
		if _, err := exec.LookPath(need); err != nil {
			return 0
		}
	}
	dir := b.TempDir()
	from, to, sock := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "sock")
	random(b, from)
	defer os.Remove(from)
	sparse(b, to, 1<<30)
	defer os.Remove(to)
	server := exec.Command("qemu-nbd", "-k", sock, "-f", "raw", "-t", to)
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(sock); err == nil {
			break
		} else if time.Now().After(end) {
			b.Fatal(err)
		}
	}
	mirror := exec.Command("qemu-storage-daemon",
		"--blockdev", "driver=file,node-name=from,filename="+from,
		"--blockdev", "driver=nbd,node-name=to,server.type=unix,server.path="+sock,
		"--chardev", "stdio,id=q", "--monitor", "chardev=q")
	in, err1 := mirror.StdinPipe()
	out, err2 := mirror.StdoutPipe()
	if err := errors.Join(err1, err2, mirror.Start()); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = mirror.Process.Kill()
		_ = mirror.Wait()
	}()
	began := time.Now()
	fmt.Fprintln(in, `{"execute":"qmp_capabilities"}`)
	fmt.Fprintln(in, `{"execute":"blockdev-mirror","arguments":{"job-id":"m","device":"from",`+
		`"target":"to","sync":"full"}}`)
	said := bufio.NewScanner(out)
	for said.Scan() {
		if strings.Contains(said.Text(), "BLOCK_JOB_READY") {
			return 1024 / time.Since(began).Seconds()
		}
		if strings.Contains(said.Text(), `"error"`) {
			b.Fatal(said.Text())
		}
	}
	b.Fatal("the storage daemon has ended")
	return 0
}

// sparse makes a file of so many bytes, all hole.
func sparse(b testing.TB, path string, size int64) {
	b.Helper()
	if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, size)); err != nil {
		b.Fatal(err)
	}
}

// copyRsync copies a file with an rsync daemon over TCP. It is 0 without rsync.
func copyRsync(b *testing.B) float64 {
	for _, need := range []string{"rsync", "fio"} {
		if _, err := exec.LookPath(need); err != nil {
			return 0
		}
	}
	dir := b.TempDir()
	from := filepath.Join(dir, "from")
	random(b, from)
	defer os.Remove(from)
	if err := os.Mkdir(filepath.Join(dir, "to"), 0o777); err != nil {
		b.Fatal(err)
	}
	port := strconv.Itoa(made.FreePort(b))
	conf := filepath.Join(dir, "rsyncd.conf")
	text := "use chroot = no\n[to]\npath = " + filepath.Join(dir, "to") + "\nread only = no\nuid = " +
		strconv.Itoa(os.Getuid()) + "\ngid = " + strconv.Itoa(os.Getgid()) + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	server := exec.Command("rsync", "--daemon", "--no-detach", "--config="+conf, "--port="+port,
		"--address=127.0.0.1")
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	var out []byte
	var err error
	for range 200 { // until it listens
		began := time.Now()
		out, err = exec.Command("rsync", "--inplace", "--whole-file", from,
			"rsync://127.0.0.1:"+port+"/to/file").CombinedOutput()
		if err == nil {
			return 1024 / time.Since(began).Seconds()
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatalf("rsync: %v\n%s", err, out)
	return 0
}

// BenchmarkNodeExt4 is ext4 on an attached volume, beside ext4 on a loop device over a plain file.
func BenchmarkNodeExt4(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("SKIPPED: block devices take root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		b.Skip("SKIPPED: no /dev/fuse here")
	}
	bin := pitch(b)
	for _, j := range []job{{"randwrite", "4k", 1, []string{"--fdatasync=1"}},
		{"randread", "4k", 32, nil}, {"write", "1m", 4, nil}} {
		name := fmt.Sprintf("%s-%s-qd%d", j.rw, j.bs, j.depth)
		if j.more != nil {
			name += "-fdatasync"
		}
		b.Run(name, func(b *testing.B) {
			l := newLab(b, bin, "alpha")
			l.vol("alpha", "create", "v", "--size", "1GiB")
			l.vol("alpha", "wait", "v", "primary")
			l.vol("alpha", "attach", "v")
			ours := mounted(b, l, filepath.Join(l.dir, "alpha", "dev", "v"))
			b.Cleanup(func() { l.vol("alpha", "detach", "v") })
			b.Cleanup(func() { l.must("umount", ours) })
			theirs := loopFile(b, l)
			run := func(dir string) float64 {
				engine := []string{"--ioengine=libaio", "--direct=1"}
				if j.more != nil {
					engine = []string{"--ioengine=psync"}
				}
				return fioRun(b, append(append([]string{"--name=x", "--directory=" + dir, "--rw=" + j.rw,
					"--bs=" + j.bs, "--iodepth=" + strconv.Itoa(j.depth), "--size=256m", "--time_based",
					"--runtime=" + strconv.Itoa(turn), "--output-format=json"}, engine...), j.more...))
			}
			compare(b, "loop", func() float64 { return run(ours) }, func() float64 { return run(theirs) })
		})
	}
}

// mounted makes an ext4 on a device and mounts it.
func mounted(b *testing.B, l *lab, device string) string {
	b.Helper()
	dir := b.TempDir()
	l.must("mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0", device)
	l.must("mount", device, dir)
	return dir
}

// loopFile mounts an ext4 on a loop device over a plain file.
func loopFile(b *testing.B, l *lab) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "plain")
	sparse(b, file, 1<<30)
	device := strings.TrimSpace(l.must("losetup", "--direct-io=on", "--show", "-f", file))
	b.Cleanup(func() { l.must("losetup", "-d", device) })
	dir := mounted(b, l, device)
	b.Cleanup(func() { l.must("umount", dir) })
	return dir
}

// BenchmarkNodeIdle is what a daemon costs whose volumes nobody uses: memory, and CPU time while
// nothing happens. Start is how long it takes to serve all of them after it was killed.
func BenchmarkNodeIdle(b *testing.B) {
	bin := pitch(b)
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("volumes=%d", n), func(b *testing.B) {
			l := newLab(b, bin, "alpha")
			l.vol("alpha", "host") // it serves
			for i := range n {
				l.create("alpha", fmt.Sprintf("v%d", i))
			}
			for b.Loop() {
				time.Sleep(3 * time.Second) // what making them has left to do ends
				before := cpu(b, l.pids["alpha"])
				const quiet = 10 * time.Second
				time.Sleep(quiet)
				b.ReportMetric(100*(cpu(b, l.pids["alpha"])-before).Seconds()/quiet.Seconds(), "%core")
				b.ReportMetric(float64(resident(b, l.pids["alpha"]))/1024, "MiB")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkNodeIdleShared is the same for volumes with a second replica: hosts compare what they know
// of each of them, though nothing changes.
func BenchmarkNodeIdleShared(b *testing.B) {
	l := newLab(b, pitch(b), "alpha", "beta")
	l.vol("beta", "wait-cluster")
	const n = 100
	for i := range n {
		name := fmt.Sprintf("v%d", i)
		l.vol("alpha", "create", name, "--size", "16MiB")
		l.vol("beta", "join", name, "--from", "alpha")
	}
	l.vol("beta", "wait", "all", "up-to-date")
	time.Sleep(10 * time.Second) // the last shares are told
	for b.Loop() {
		before := cpu(b, l.pids["alpha"])
		const quiet = 20 * time.Second
		time.Sleep(quiet)
		b.ReportMetric(100*(cpu(b, l.pids["alpha"])-before).Seconds()/quiet.Seconds(), "%core")
	}
	b.ReportMetric(0, "ns/op")
}

// cpu is the CPU time of a process.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

var residentLine = regexp.MustCompile(`VmRSS:\s+([0-9]+) kB`)

// resident is the memory of a process, in KiB.
func resident(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	m := residentLine.FindSubmatch(text)
	if m == nil {
		b.Fatalf("process %d does not tell its memory", pid)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkNodeHandover is how long a planned handover takes, as the user of `pitch vol primary`
// sees it, and how long no host serves, as the daemons' logs tell it.
func BenchmarkNodeHandover(b *testing.B) {
	bin := pitch(b)
	l := newLab(b, bin, "alpha", "beta")
	l.vol("alpha", "create", "v", "--size", "1GiB")
	l.vol("alpha", "wait", "v", "primary")
	l.vol("beta", "join", "v")
	l.vol("beta", "wait", "v", "up-to-date")
	next := 1
	var total time.Duration
	for b.Loop() {
		host := l.names[next]
		next = 1 - next
		began := time.Now()
		l.vol(host, "primary", "v")
		total += time.Since(began)
		l.vol(l.names[next], "wait", "v", "up-to-date")
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms/handover")
}
