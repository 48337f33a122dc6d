package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/nbd/nbdtest"
	"github.com/container-football/pitch/replica/mars"
)

// flips is how many bits each of the tests below flips. `make soak` flips more.
func flips() int {
	switch {
	case os.Getenv("PITCH_SOAK") != "":
		return 2000
	case testing.Short():
		return 12
	}
	return 30
}

// How a daemon of these tests ends.
type ending struct {
	name string
	end  func(h *labHost, c *nbdtest.Client, g *ledger)
}

var endings = []ending{
	{"stopped", func(h *labHost, c *nbdtest.Client, _ *ledger) {
		c.Close()
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
		_ = h.cmd.Wait()
		h.cmd = nil
	}},
	{"killed", func(h *labHost, c *nbdtest.Client, _ *ledger) { h.kill() }},
	// What a flush has just covered is in the last append to the log, and perhaps nowhere else.
	{"killed-after-flush", func(h *labHost, c *nbdtest.Client, g *ledger) {
		for b := range int64(64) {
			c.StartWrite(content(b, g.version(b)), b*4096, 0)
		}
		m := g.mark()
		if c.Flush() == nil {
			g.flushed(m)
		}
		h.kill()
	}},
}

// One bit in any file of a data folder changes on its own. It is found, or does no harm: no client
// reads anything but what it may have written.
func TestFlippedBitsAreFoundOrHarmless(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			f := newFlipper(t, e)
			f.harmless() // nothing is flipped yet
			random := node.NewStream(23, "flips "+e.name)
			for i := range flips() {
				f.flip(&random, i)
				if t.Failed() {
					return
				}
				if (i+1)%100 == 0 || i+1 == flips() {
					t.Logf("%d flips: %v", i+1, f.counts)
				}
			}
		})
	}
}

// flipper has the data folder of a daemon that was ended.
type flipper struct {
	t      *testing.T
	ending ending
	dir    string // of the lab; the data folder is alpha in it
	ledger *ledger
	files  []string // below the data folder
	counts map[string]int
}

func newFlipper(t *testing.T, e ending) *flipper {
	l := newLab(t, "alpha")
	h := l.hosts[0]
	f := &flipper{t: t, ending: e, dir: l.dir, counts: make(map[string]int)}
	f.ledger = workOn(t, h)
	c := h.open("lv1")
	random := node.NewStream(5, "unflushed")
	for range 40 { // these are not flushed
		b := int64(random.Below(256))
		writeBlockOf(t, c, f.ledger, b)
	}
	e.end(h, c, f.ledger)
	root := filepath.Join(l.dir, "alpha")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != "lock" {
			f.files = append(f.files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// workOn makes a volume and does everything to it that leaves traces on disk.
func workOn(t *testing.T, h *labHost) *ledger {
	t.Helper()
	h.vol("create", "lv1", "--size", "4MiB")
	g := newLedger(1536)
	c := h.open("lv1")
	random := node.NewStream(3, "work")
	some := func(n, below int) {
		for i := range n {
			b := int64(random.Below(uint64(below)))
			if random.Below(10) == 0 {
				g.trimmed(b)
				if err := c.Trim(b*4096, 4096); err != nil {
					t.Fatal(err)
				}
			} else {
				writeBlockOf(t, c, g, b)
			}
			if i%16 == 15 || i == n-1 {
				m := g.mark()
				if err := c.Flush(); err != nil {
					t.Fatal(err)
				}
				g.flushed(m)
			}
		}
	}
	some(200, 1024)
	c.Close()
	h.kill() // so that there is a second segment
	h.start()
	h.open("lv1").Close()
	h.vol("resize", "lv1", "6MiB")
	c = h.open("lv1") // clients that were connected do not learn of a resize
	some(200, 1536)
	c.Close()
	return g
}

func writeBlockOf(t testing.TB, c *nbdtest.Client, g *ledger, block int64) {
	t.Helper()
	writeBlock(t, c, block, g.version(block))
}

// flip flips one bit. Files take turns; within a file, a part of the places is near the end of what
// was written, where crashes have their own rules.
func (f *flipper) flip(random *node.Stream, i int) {
	path := f.files[i%len(f.files)]
	data, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	used := (len(bytes.TrimRight(data, "\x00")) + 4095) / 4096 * 4096
	used = max(1, min(used, len(data)))
	var at uint64
	switch random.Below(4) {
	case 0: // anywhere
		at = random.Below(uint64(len(data)))
	case 1: // in the last two blocks
		at = uint64(max(0, used-8192))
		at += random.Below(uint64(used) - at)
	default:
		at = random.Below(uint64(used))
	}
	f.try(path, int64(at), uint(random.Below(8)))
}

// try flips one bit and puts it back.
func (f *flipper) try(path string, at int64, bit uint) {
	f.t.Helper()
	rel, _ := filepath.Rel(filepath.Join(f.dir, "alpha"), path)
	lost := f.turn(path, at, bit)
	verdict, wrong := f.verdict(lost)
	f.turn(path, at, bit)
	f.counts[verdict]++
	switch filepath.Base(path) {
	case "host.toml", "incarnation", "definition.toml": // a bit more is another number or name
		if !strings.Contains(verdict, "scrub") {
			wrong = "its checksum does not tell"
		}
	}
	if wrong != "" {
		f.t.Errorf("%s, byte %d, bit %d flipped in what a daemon has left that was %s: %s: %s", rel, at,
			bit, f.ending.name, verdict, wrong)
	}
}

// turn flips a bit. It returns the blocks of which the log, read from outside, has lost records by
// that without noticing, if the bit is in the last append: see verdict.
func (f *flipper) turn(path string, at int64, bit uint) (lost []int64) {
	f.t.Helper()
	before, last := f.records(path), f.lastAppend(path)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	var b [1]byte
	if _, err = file.ReadAt(b[:], at); err == nil {
		b[0] ^= 1 << bit
		_, err = file.WriteAt(b[:], at)
	}
	if err == nil {
		err = file.Sync() // logs are read without the page cache
	}
	if err != nil {
		f.t.Fatal(err)
	}
	if at >= last {
		lost = lostBlocks(before, f.records(path))
	}
	return lost
}

// lostBlocks are those that records are about which are not there any more.
func lostBlocks(before, after []mars.Record) (lost []int64) {
	for i := len(after); i < len(before); i++ {
		for s := range int64(before[i].Sectors) {
			lost = append(lost, before[i].Sector+s)
		}
	}
	return lost
}

// lastAppend is where the last append to a segment of the log begins in its file: the trailer of
// its last block says how many blocks it has before that one. See package disk.
func (f *flipper) lastAppend(path string) int64 {
	if !strings.HasSuffix(path, ".seg") {
		return 0
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	for at := len(data) - 4096; at > 0; at -= 4096 {
		trailer := data[at+4064 : at+4096]
		if !bytes.Equal(trailer, make([]byte, 32)) {
			return int64(at) - 4096*int64(binary.LittleEndian.Uint16(trailer[26:]))
		}
	}
	return 0
}

// records are those of the log, if path is a part of it that shows no damage.
func (f *flipper) records(path string) []mars.Record {
	dir := filepath.Dir(path)
	if filepath.Base(dir) != "log0" {
		return nil
	}
	files, err := disk.ReadLog(dir)
	if err != nil {
		return nil
	}
	records, _, _ := mars.ScanLog(files)
	return records
}

// harmless checks that without any flip nothing is found, and everything is there.
func (f *flipper) harmless() {
	f.t.Helper()
	if verdict, wrong := f.verdict(nil); verdict != "harmless" {
		f.t.Fatalf("without a flip: %s: %s", verdict, wrong)
	}
}

// verdict says what has become of a flip. Whatever scrub says, the daemon must not serve what is
// wrong.
//
// Known, and the only exception: a daemon is killed, and then a bit changes in the payload of the
// very last append to the log. That cannot be told from an append that was cut short, so the log
// ends before it. If the kill came before its records were written to the volume, too, they are
// gone, though a flush had covered them: blocks of lost records may have older content then.
func (f *flipper) verdict(lost []int64) (verdict, wrong string) {
	found, err := daemon.Scrub(context.Background(), filepath.Join(f.dir, "alpha"),
		daemon.ScrubOptions{Build: buildReplica, Judge: judgeLogs})
	scrubbed := "found by scrub"
	switch {
	case err != nil:
		scrubbed = "refused by scrub"
	case len(found.Findings) == 0:
		scrubbed = ""
	}
	served, r, text := f.serve()
	unknown := slices.ContainsFunc(r.blocks, func(b int64) bool { return !slices.Contains(lost, b) })
	switch {
	case text != "":
		return served, text
	case len(r.wrong) > 0 && f.ending.name != "stopped" && !unknown && r.torn == 0:
		return "known: last append before a kill", ""
	case len(r.wrong) > 0:
		return strings.TrimSpace("WRONG CONTENT " + scrubbed), strings.Join(r.wrong, "\n")
	case scrubbed != "" && served == "harmless":
		return scrubbed + " alone", ""
	case scrubbed != "":
		return scrubbed, ""
	}
	return served, ""
}

// serve starts a daemon on a copy and reads everything. A text says what must never happen.
func (f *flipper) serve() (verdict string, r reading, text string) {
	h := f.copied()
	defer os.RemoveAll(h.lab.dir)
	h.start()
	ended := make(chan error, 1)
	cmd := h.cmd
	go func() { ended <- cmd.Wait() }()
	defer func() {
		if h.cmd != nil {
			_ = cmd.Process.Kill()
			<-ended
		}
	}()
	socket := filepath.Join(h.lab.dir, "alpha", "nbd.sock")
	control := daemon.NewClient(filepath.Join(h.lab.dir, "alpha", "control.sock"))
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-ended:
			h.cmd = nil
			if log := h.log.String(); strings.Contains(log, "goroutine ") {
				return "PANIC", r, log
			}
			return "refused", r, ""
		default:
		}
		if c, err := nbdtest.Connect(socket, "lv1"); err == nil {
			r = f.ledger.compare(c, false)
			c.Close()
			if r.errors > 0 {
				return "read error", r, ""
			}
			return "harmless", r, ""
		}
		var v daemon.View
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := control.Do(ctx, http.MethodGet, daemon.ResourcePath("lv1"), nil, &v)
		cancel()
		var no *daemon.Refused
		if errors.As(err, &no) &&
			(no.Status == http.StatusNotFound || no.Status == http.StatusConflict) {
			return "refused", r, "" // this replica alone
		}
		if err == nil && v.Defect != "" {
			return "defective", r, ""
		}
	}
	return "STUCK", r, h.log.String()
}

// copied is the host with a copy of the data folder, and addresses of its own.
func (f *flipper) copied() *labHost {
	f.t.Helper()
	dir, err := os.MkdirTemp(f.dir, "copy-")
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := exec.Command("cp", "-a", "--sparse=always", filepath.Join(f.dir, "alpha"), dir).
		CombinedOutput()
	if err != nil {
		f.t.Fatalf("cp: %v %s", err, out)
	}
	text := fmt.Sprintf("schema = 1\ncluster = %q\n[host]\nname = %q\nid = 1\ndata = %q\n"+
		"listen = \"127.0.0.1:0\"\n[tls]\ninsecure = true\n", "lab", "alpha", "alpha")
	if err := os.WriteFile(filepath.Join(dir, "alpha.toml"), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
	return &labHost{lab: &lab{t: f.t, dir: dir}, name: "alpha"}
}
