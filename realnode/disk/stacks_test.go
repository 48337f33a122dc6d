package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
)

// A stack is one way to put bricks on each other. Every stack passes the same tests.
type stack[D Device] struct {
	name    string
	mode    node.Unsynced // Keep without a volatile cache
	forgets bool          // cannot be opened again
	open    func(t testing.TB, dir string, c Cache) D
}

func fileStack(t testing.TB, dir string, g node.Geometry) Volume {
	v, err := OpenVolume(filepath.Join(dir, "volume"), g)
	must(t, err)
	return v
}

func summedStack(t testing.TB, dir string, g node.Geometry) Volume {
	v, err := Summed(fileStack(t, dir, g), filepath.Join(dir, "sums"))
	must(t, err)
	return v
}

// sameVolume is a layer that must not make a difference, as a volume.
type sameVolume struct {
	Device
	below Volume
}

func (v sameVolume) Geometry() node.Geometry { return v.below.Geometry() }

func through(v Volume) Volume {
	return sameVolume{Limited(Metered(Faulty(v, Faults{}), &Metrics{}), 1<<40, 1<<40), v}
}

func volumeStacks(g node.Geometry) []stack[Volume] {
	list := []stack[Volume]{
		{"file", node.Keep, false, func(t testing.TB, dir string, _ Cache) Volume {
			return fileStack(t, dir, g)
		}},
		{"summed", node.Keep, false, func(t testing.TB, dir string, _ Cache) Volume {
			return summedStack(t, dir, g)
		}},
		{"through", node.Keep, false, func(t testing.TB, dir string, _ Cache) Volume {
			return through(fileStack(t, dir, g))
		}},
		{"memory", node.Keep, true, func(testing.TB, string, Cache) Volume { return MemoryVolume(g) }},
	}
	for _, below := range list {
		for _, mode := range []node.Unsynced{node.LoseAll, node.LoseSome} {
			list = append(list, stack[Volume]{fmt.Sprintf("%s,lose=%d", below.name, mode), mode,
				below.forgets, func(t testing.TB, dir string, c Cache) Volume {
					return VolatileVolume(below.open(t, dir, c), c)
				}})
		}
	}
	return list
}

func logStacks() []stack[Device] {
	open := func(o LogOptions) func(t testing.TB, dir string, _ Cache) Device {
		return func(t testing.TB, dir string, _ Cache) Device {
			l, err := OpenLog(filepath.Join(dir, "log"), o)
			must(t, err)
			return l
		}
	}
	list := []stack[Device]{
		{"direct", node.Keep, false, open(LogOptions{})},
		{"buffered", node.Keep, false, open(LogOptions{Buffered: true})},
		{"tight", node.Keep, false, open(LogOptions{Fill: 8 << 10, Spares: 1, SpareSize: 8 << 10,
			Open: 1})},
		{"through", node.Keep, false, func(t testing.TB, dir string, c Cache) Device {
			return Limited(Metered(Faulty(open(LogOptions{Spares: -1})(t, dir, c), Faults{}),
				&Metrics{}), 1<<40, 1<<40)
		}},
		{"memory", node.Keep, true, func(testing.TB, string, Cache) Device { return MemoryLog() }},
	}
	for _, below := range list {
		for _, mode := range []node.Unsynced{node.LoseAll, node.LoseSome} {
			list = append(list, stack[Device]{fmt.Sprintf("%s,lose=%d", below.name, mode), mode,
				below.forgets, func(t testing.TB, dir string, c Cache) Device {
					l, err := VolatileLog(below.open(t, dir, c), c)
					must(t, err)
					return l
				}})
		}
	}
	return list
}

// syncUpto does what the worker of a device does.
func syncUpto(t testing.TB, d Device, seg, upto uint64) {
	t.Helper()
	if done, err := d.Admit(seg, upto); done {
		must(t, err)
		return
	}
	must(t, d.Sync(seg, upto))
}

func do(t testing.TB, d Device, r Request) []byte {
	t.Helper()
	b, err := d.Do(&r)
	if err != nil {
		t.Fatalf("%v: %v", d, err)
	}
	return b
}

// fastDir is a folder in memory where there is one, for tests to which the drive does not matter.
func fastDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "disk")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func random(name string) *node.Stream {
	s := node.NewStream(1, name)
	return &s
}
