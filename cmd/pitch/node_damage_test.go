package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
)

// damages is how often the test below damages something. `make soak` does it more often.
func damages() int {
	switch {
	case os.Getenv("PITCH_SOAK") != "":
		return 500
	case testing.Short():
		return 7
	}
	return 21
}

// More than a bit: a sector or a block of zeros, as a write leaves that never got to the medium; a
// file that has been cut off, or is gone. Scrub finds it, or it does no harm.
//
// Known, and found by scrub, but served by the daemon: a volume file that was cut off. Nothing
// compares its length with what the replica knows at boot, checksums are cut off to fit it, and
// what is missing reads as zeros.
//
// Known, and found by nobody: a log that was not sealed and ends early, because the file was cut
// off or its last append is not whole. All that is behind the persisted position may be missing.
func TestDamagedFilesAreFoundOrHarmless(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			f := newFlipper(t, e)
			random := node.NewStream(29, "damage "+e.name)
			for i := range damages() {
				f.damage(&random, i)
				if t.Failed() {
					return
				}
				if (i+1)%100 == 0 || i+1 == damages() {
					t.Logf("%d damages: %v", i+1, f.counts)
				}
			}
		})
	}
}

// damage damages one file, judges, and puts it back. Each file is removed once; then kinds and
// places are drawn.
func (f *flipper) damage(random *node.Stream, i int) {
	f.t.Helper()
	path, backup := f.files[i%len(f.files)], filepath.Join(f.dir, "backup")
	f.copyFile(path, backup)
	defer f.copyFile(backup, path)
	before, last := f.records(path), f.lastAppend(path)
	data, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	used := uint64(len(bytes.TrimRight(data, "\x00")))
	at := int64(random.Below(used/4096+1)) * 4096
	var what string
	switch kind := random.Below(3); {
	case i < len(f.files):
		at, what, err = 0, "removed", os.Remove(path)
	case kind == 0:
		what, err = "cut off", os.Truncate(path, at)
	case kind == 1:
		at += int64(random.Below(8)) * 512
		what, err = "sector of zeros", putZeros(path, at, min(512, int64(len(data))-at))
	default:
		what, err = "block of zeros", putZeros(path, at, min(4096, int64(len(data))-at))
	}
	if err != nil {
		f.t.Fatal(err)
	}
	var lost []int64
	if what == "cut off" || what != "removed" && at+4096 > last {
		lost = lostBlocks(before, f.records(path))
	}
	verdict, wrong := f.verdict(lost)
	if wrong != "" && what == "cut off" && strings.HasSuffix(path, "volume0") &&
		strings.HasSuffix(verdict, "found by scrub") {
		verdict, wrong = "known: a volume cut off, found by scrub", ""
	}
	f.counts[verdict]++
	if wrong != "" {
		f.t.Errorf("%s of %s, byte %d of %d, in what a daemon has left that was %s: %s: %s", what, path,
			at, used, f.ending.name, verdict, wrong)
	}
}

func (f *flipper) copyFile(from, to string) {
	f.t.Helper()
	_ = os.Remove(to)
	out, err := exec.Command("cp", "-a", "--sparse=always", from, to).CombinedOutput()
	if err != nil {
		f.t.Fatalf("cp: %v %s", err, out)
	}
}

func putZeros(path string, at, n int64) error {
	if n <= 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteAt(make([]byte, n), at); err != nil {
		return err
	}
	return file.Sync()
}
