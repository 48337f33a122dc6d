package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
)

func isDamage(err error) bool { return errors.Is(err, ErrDamaged) }

// TestSummedFlips flips a bit of each byte of a small volume and of its checksums.
func TestSummedFlips(t *testing.T) {
	for _, size := range []uint32{512, 4096} {
		dir := t.TempDir()
		g := node.Geometry{Sectors: 5 * 4096 / uint64(size), SectorSize: size, Carry: size}
		if size == 512 {
			g.Sectors += 3 // the last block is short
		}
		v := summedStack(t, dir, g)
		want := noise(random("sums"), int(g.Bytes(int64(g.Sectors))))
		clear(want[8192:12288]) // never written
		per := int64(4096 / size)
		do(t, v, Request{Op: node.OpWrite, N: 2 * per, Data: want[:8192]})
		do(t, v, Request{Op: node.OpWrite, Off: 3 * per, N: int64(g.Sectors) - 3*per,
			Data: want[12288:]})
		defer v.Close()
		all := Request{Op: node.OpRead, N: int64(g.Sectors)}
		r := random("flips")
		for _, name := range []string{"volume", "sums"} {
			path := filepath.Join(dir, name)
			image := read(t, path)
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			must(t, err)
			defer file.Close()
			for at := range image {
				_, err := file.WriteAt([]byte{image[at] ^ 1<<r.Below(8)}, int64(at))
				must(t, err)
				if _, err := v.Do(&all); !errors.Is(err, ErrChecksum) || CodeOf(err) != node.IOError {
					t.Fatalf("sector %d, byte %d of %s: %v", size, at, name, err)
				}
				_, err = file.WriteAt(image[at:at+1], int64(at))
				must(t, err)
			}
		}
		if got := do(t, v, all); !bytes.Equal(got, want) {
			t.Errorf("first difference at %d", difference(got, want))
		}
	}
}

// After a crash data and checksums may be out of step where a log is replayed. That must not stop
// the replay, whatever sizes its writes have.
func TestSummedReplay(t *testing.T) {
	dir := t.TempDir()
	g := node.Geometry{Sectors: 16, SectorSize: 512, Carry: 512}
	v := summedStack(t, dir, g)
	data := noise(random("replay"), 16*512)
	do(t, v, Request{Op: node.OpWrite, N: 16, Data: data})
	v.Close()
	file, err := os.OpenFile(filepath.Join(dir, "volume"), os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteAt(bytes.Repeat([]byte{1}, 16*512), 0)
	must(t, err)
	must(t, file.Close())
	v = summedStack(t, dir, g)
	defer v.Close()
	if _, err := v.Do(&Request{Op: node.OpRead, N: 1}); !errors.Is(err, ErrChecksum) {
		t.Errorf("before the replay: %v", err)
	}
	for off := int64(0); off < 16; {
		n := min(1+off%3, 16-off)
		do(t, v, Request{Op: node.OpWrite, Off: off, N: n, Data: data[off*512 : (off+n)*512]})
		off += n
	}
	if got := do(t, v, Request{Op: node.OpRead, N: 16}); !bytes.Equal(got, data) {
		t.Error("the replay is not there")
	}
}

// A volume that had no checksums gets them.
func TestSummedAdopts(t *testing.T) {
	dir := t.TempDir()
	g := node.Geometry{Sectors: 256, SectorSize: 4096, Carry: 4096}
	v := fileStack(t, dir, g)
	data := noise(random("adopt"), 3*4096)
	do(t, v, Request{Op: node.OpWrite, Off: 200, N: 3, Data: data})
	v.Close()
	v = summedStack(t, dir, g)
	defer v.Close()
	if got := do(t, v, Request{Op: node.OpRead, Off: 200, N: 3}); !bytes.Equal(got, data) {
		t.Error("it reads something else")
	}
	do(t, v, Request{Op: node.OpRead, N: 256})
}

// A crash in the middle of a resize leaves no wrong checksum.
func TestSummedResizeCrash(t *testing.T) {
	g := node.Geometry{Sectors: 32, SectorSize: 512, Carry: 512}
	for _, fails := range []string{"before", "after"} {
		dir := t.TempDir()
		crash := errors.New("crash")
		f := Faults{}
		if fails == "before" {
			f.Before = func(r *Request) (int64, error) { return 0, onlyResize(r, crash) }
		} else {
			f.After = func(r *Request) error { return onlyResize(r, crash) }
		}
		below := fileStack(t, dir, g)
		v, err := Summed(sameVolume{Faulty(below, f), below}, filepath.Join(dir, "sums"))
		must(t, err)
		do(t, v, Request{Op: node.OpWrite, N: 32, Data: noise(random("resize"), 32*512)})
		if _, err := v.Do(&Request{Op: node.OpResize, N: 13}); !errors.Is(err, crash) {
			t.Fatal(err)
		}
		v.Close()
		v = summedStack(t, dir, g)
		do(t, v, Request{Op: node.OpRead, N: int64(v.Geometry().Sectors)})
		do(t, v, Request{Op: node.OpResize, N: 48})
		do(t, v, Request{Op: node.OpRead, N: 48})
		v.Close()
	}
}

func onlyResize(r *Request, err error) error {
	if r.Op == node.OpResize {
		return err
	}
	return nil
}

// The side file of a huge volume takes space only where the volume does.
func TestSummedIsSparse(t *testing.T) {
	dir := t.TempDir()
	g := node.Geometry{Sectors: 1 << 28, SectorSize: 4096, Carry: 4096} // 1 TiB
	v := summedStack(t, dir, g)
	defer v.Close()
	data := noise(random("sparse"), 4096)
	do(t, v, Request{Op: node.OpWrite, Off: 1<<28 - 1, N: 1, Data: data})
	do(t, v, Request{Op: node.OpZero, Off: 1 << 20, N: 1 << 27})
	if got := do(t, v, Request{Op: node.OpRead, Off: 1<<28 - 1, N: 1}); !bytes.Equal(got, data) {
		t.Error("it reads something else")
	}
}
