package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
)

// scrubbedVolume makes a data folder with one volume of 64 blocks, of which three were written.
func scrubbedVolume(t *testing.T) (dir string, opt ScrubOptions, judged *Judgement) {
	t.Helper()
	dir, judged = t.TempDir(), &Judgement{Begun: true}
	def := &Definition{Schema: Schema, CompressLog: "none", Name: "lv1", Number: 1, UUID: strings.Repeat("0", 32),
		Strategy: "none", Size: 256 << 10, Sector: 4 << 10, Members: []string{"alpha"}, Ack: "durable",
		Buffer: 1 << 20, FetchWindow: 1 << 20, Checksums: true}
	if err := Store(dir, def); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(ResourceDir(dir, "lv1"), VolumeName+"0")
	v, err := disk.OpenVolume(path, def.Geometry())
	if err == nil {
		v, err = disk.Summed(v, path+sumsSuffix)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for _, block := range []int64{3, 4, 60} {
		data := make([]byte, 4096)
		data[7] = byte(block)
		if _, err := v.Do(&disk.Request{Op: node.OpWrite, Off: block, N: 1, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	return dir, ScrubOptions{Resource: "lv1",
		Build: func(def *Definition, _ []node.Addr, _ node.Addr) (node.Spec, error) {
			return node.Spec{Volumes: []node.Geometry{def.Geometry()}}, nil
		},
		Judge: func(*Definition, [][]node.LogFile) Judgement { return *judged }}, judged
}

// spoil writes into a file without anybody noticing.
func spoil(t *testing.T, path string, off int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("spoilt"), off); err != nil {
		t.Fatal(err)
	}
}

// A block that does not fit is damage, unless recovery writes it again.
func TestScrubTellsDamageFromWhatIsOutOfStep(t *testing.T) {
	dir, opt, judged := scrubbedVolume(t)
	look := func(unsettled int64, want ...string) {
		t.Helper()
		r, err := Scrub(context.Background(), dir, opt)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Findings {
			got = append(got, f.File+": "+f.What)
		}
		if r.Unsettled != unsettled || !reflect.DeepEqual(got, want) {
			t.Fatalf("%d unsettled, %q, expected %d, %q", r.Unsettled, got, unsettled, want)
		}
	}
	look(0)
	volume := filepath.Join(ResourceDir(dir, "lv1"), VolumeName+"0")
	spoil(t, volume, 4*4096)
	spoil(t, volume, 5*4096)
	const file = "resources/lv1/volume0: "
	look(0, file+"blocks 4 to 5: content and checksum do not fit")
	judged.Rewritten = []node.Run{{First: 1, N: 4}}
	look(1, file+"block 5: content and checksum do not fit")
	judged.Rewritten = []node.Run{{First: 1, N: 1}, {First: 4, N: 10}}
	look(2)
	spoil(t, volume+sumsSuffix, 40*sumBytes) // two checksums, of blocks that are holes
	look(2, file+"blocks 40 to 41: content and checksum do not fit")
	judged.Sectors = 65
	look(0, file+"262144 bytes, expected at least 266240 and whole sectors of 4096")
}

func TestScrubRefuses(t *testing.T) {
	dir, opt, _ := scrubbedVolume(t)
	refused := func(want error) {
		t.Helper()
		if _, err := Scrub(context.Background(), dir, opt); !errors.Is(err, want) {
			t.Fatalf("%v, expected %v", err, want)
		}
	}
	unlock, err := durable.Lock(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	refused(durable.ErrLocked)
	unlock()
	opt.Resource = "lv2"
	refused(ErrNoData)
	opt.Resource, dir = "", t.TempDir()
	refused(ErrNoData)
	if _, err := os.Stat(filepath.Join(dir, lockName)); err == nil {
		t.Error("a folder that is none of a daemon has a lock now")
	}
}

// Runs are compared with sets of numbers.
func TestRuns(t *testing.T) {
	random := node.NewStream(1, "runs")
	for range 1000 {
		var runs []node.Run
		var has [80]bool
		for range random.Below(6) {
			r := node.Run{First: int64(random.Below(60)), N: 1 + int64(random.Below(10))}
			runs = append(runs, r)
			for i := range r.N {
				has[r.First+i] = true
			}
		}
		runs = JoinRuns(runs)
		for i := 1; i < len(runs); i++ {
			if runs[i].First <= runs[i-1].First+runs[i-1].N {
				t.Fatalf("%v touch", runs)
			}
		}
		for first := range int64(70) {
			n := 1 + int64(random.Below(9))
			want := false
			for i := range n {
				want = want || has[first+i]
			}
			if overlaps(runs, node.Run{First: first, N: n}) != want {
				t.Fatalf("%v and %d+%d: expected %v", runs, first, n, want)
			}
		}
	}
}
