package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	made "github.com/container-football/pitch/internal/lab"
)

// lab is one or two daemons with certificates, on the disk of the test's folder.
type lab struct {
	b     testing.TB
	bin   string
	dir   string
	names []string
	pids  map[string]int
}

func newLab(b testing.TB, bin string, names ...string) *lab {
	b.Helper()
	l := &lab{b: b, bin: bin, dir: b.TempDir(), names: names, pids: make(map[string]int)}
	made.Write(b, l.dir, bin, "[log]\nlevel = \"error\"\n", names...)
	for _, name := range names {
		l.start(name)
	}
	return l
}

// start starts a daemon, which ends with the benchmark.
func (l *lab) start(name string) {
	l.b.Helper()
	cmd := exec.Command(l.bin, "node", "--config", name+".toml")
	cmd.Dir = l.dir
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		l.b.Fatal(err)
	}
	l.pids[name] = cmd.Process.Pid
	l.b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if l.b.Failed() {
			l.b.Logf("log of %s:\n%s", name, log.String())
		}
	})
}

func (l *lab) must(name string, args ...string) string {
	l.b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = l.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.b.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// vol administers a host.
func (l *lab) vol(host string, args ...string) string {
	l.b.Helper()
	return l.must(l.bin, append([]string{"vol", "--patience", "60s", "--socket",
		host + "/control.sock"}, args...)...)
}

// create makes a volume of 1 GiB without a process for it.
func (l *lab) create(host, name string) {
	l.b.Helper()
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(l.dir, host, "control.sock"))
		}}}
	defer client.CloseIdleConnections()
	body := strings.NewReader(fmt.Sprintf(`{"name":%q,"size":"1GiB"}`, name))
	resp, err := client.Post("http://pitch/v1/resources", "application/json", body)
	if err != nil {
		l.b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		l.b.Fatalf("create %s: %s", name, resp.Status)
	}
}

// uri is where a volume of a host is exported.
func (l *lab) uri(host, volume string) string {
	return "nbd+unix:///" + volume + "?socket=" + filepath.Join(l.dir, host, "nbd.sock")
}

// kit serves a plain file with nbdkit until the benchmark ends, and returns its address.
func kit(b testing.TB, size int64) string {
	b.Helper()
	uri, _ := kitFile(b, size)
	return uri
}

// kitFile is kit, and says which file it is.
func kitFile(b testing.TB, size int64) (uri, path string) {
	b.Helper()
	if _, err := exec.LookPath("nbdkit"); err != nil {
		b.Skip("SKIPPED: no nbdkit here to compare with")
	}
	dir := b.TempDir()
	img, sock := filepath.Join(dir, "img"), filepath.Join(dir, "sock")
	sparse(b, img, size)
	cmd := exec.Command("nbdkit", "-f", "-U", sock, "file", img)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", sock); err == nil {
			c.Close()
			return "nbd+unix:///?socket=" + sock, img
		} else if time.Now().After(end) {
			b.Fatal(err)
		}
	}
}

// job is one load for fio.
type job struct {
	rw, bs string
	depth  int
	more   []string
}

// fioOut is the part of fio's report that counts.
type fioOut struct {
	Jobs []struct {
		Read, Write struct {
			IOPS    float64 `json:"iops"`
			BW      float64 `json:"bw_bytes"`
			TotalIO int64   `json:"io_bytes"`
			Runtime int64   `json:"runtime"`
		}
	}
}

// fioNBD runs a load against an NBD server for so many seconds and returns requests a second.
func fioNBD(b testing.TB, uri string, j job, seconds int) float64 {
	b.Helper()
	args := append([]string{"--name=x", "--ioengine=nbd", "--uri=" + uri, "--rw=" + j.rw,
		"--bs=" + j.bs, "--iodepth=" + strconv.Itoa(j.depth), "--size=512m", "--time_based",
		"--runtime=" + strconv.Itoa(seconds), "--output-format=json"}, j.more...)
	return fioRun(b, args)
}

func fioRun(b testing.TB, args []string) float64 {
	b.Helper()
	if _, err := exec.LookPath("fio"); err != nil {
		b.Skip("SKIPPED: no fio here")
	}
	cmd := exec.Command("fio", args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("fio %v: %v\n%s%s", args, err, out, errs.Bytes())
	}
	if i := bytes.IndexByte(out, '{'); i > 0 {
		out = out[i:]
	}
	var r fioOut
	if err := json.Unmarshal(out, &r); err != nil || len(r.Jobs) == 0 {
		b.Fatalf("fio says %s: %v", out, err)
	}
	return r.Jobs[0].Read.IOPS + r.Jobs[0].Write.IOPS
}
