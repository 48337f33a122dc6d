package realnode

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

var modes = []node.Unsynced{node.Keep, node.LoseAll, node.LoseSome}

func testFate(mode node.Unsynced, seed uint64) fate {
	return fate{mode, node.NewStream(seed, "test")}
}

// TestVolumeModel does random work on a volume, ends it without a sync as a kill does, and opens
// it again. A list of all that was ever written says what may be there.
func TestVolumeModel(t *testing.T) {
	const sectors, size, rounds = 16, 512, 40
	g := node.Geometry{Sectors: sectors, SectorSize: size, Carry: size}
	for _, mode := range modes {
		t.Run(unsyncedName(mode), func(t *testing.T) {
			random := node.NewStream(uint64(mode), "volume model")
			path := filepath.Join(t.TempDir(), "volume")
			stamp := byte(0)
			var durable [sectors]byte
			for round := range uint64(rounds) {
				v, err := openVolume(path, g, testFate(mode, round))
				if err != nil {
					t.Fatal(err)
				}
				ended := uint64(0)
				v.floor = func() uint64 { return ended }
				history := make([][]heldSector, sectors) // all writes since the volume was opened
				for s := range history {
					history[s] = []heldSector{{0, []byte{durable[s]}}}
				}
				covered := uint64(0)
				for seq := uint64(0); seq < 60; {
					switch random.Below(4) {
					case 0, 1:
						seq++
						stamp++
						from := int64(random.Below(sectors))
						n := 1 + int64(random.Below(uint64(sectors-from)))
						op := diskOp{op: node.OpWrite, off: from, n: n, seq: seq}
						if _, code := v.do(&op, bytes.Repeat([]byte{stamp}, int(n)*size)); code != node.OK {
							t.Fatal(code)
						}
						for s := from; s < from+n; s++ {
							history[s] = append(history[s], heldSector{seq, []byte{stamp}})
						}
					case 2:
						ended += random.Below(seq - ended + 1)
						if random.Below(4) == 0 {
							covered = ended
							if code := v.sync(0, covered); code != node.OK {
								t.Fatal(code)
							}
						}
					case 3:
						checkVolume(t, v, history)
					}
				}
				v.close()
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for s := range history {
					durable[s] = checkSector(t, mode, b[s*size:(s+1)*size], history[s], covered)
				}
			}
		})
	}
}

func checkVolume(t *testing.T, v *volumeFile, history [][]heldSector) {
	t.Helper()
	b, code := v.do(&diskOp{op: node.OpRead, n: int64(len(history))}, nil)
	if code != node.OK {
		t.Fatal(code)
	}
	size := int(v.geo.SectorSize)
	for s, h := range history {
		if want := h[len(h)-1].data[0]; b[s*size] != want || b[(s+1)*size-1] != want {
			t.Fatalf("sector %d reads %d, expected %d", s, b[s*size], want)
		}
	}
}

// checkSector checks a sector after the end, and returns what it holds.
func checkSector(t *testing.T, mode node.Unsynced, b []byte, history []heldSector,
	covered uint64) byte {
	t.Helper()
	if !bytes.Equal(b, bytes.Repeat(b[:1], len(b))) {
		t.Fatal("half a sector was written")
	}
	last, oldest := history[len(history)-1].data[0], 0
	for i, h := range history {
		if h.seq <= covered {
			oldest = i
		}
	}
	ok := slices.ContainsFunc(history[oldest:], func(h heldSector) bool { return h.data[0] == b[0] })
	switch {
	case mode == node.Keep && b[0] != last:
		t.Fatalf("%d was kept, expected %d", b[0], last)
	case mode == node.LoseAll && b[0] != history[oldest].data[0]:
		t.Fatalf("%d is there, expected %d: %v, covered up to %d",
			b[0], history[oldest].data[0], history, covered)
	case !ok:
		t.Fatalf("%d is there: older than what was synced, %v", b[0], history[oldest])
	}
	return b[0]
}

// logModel is what a segment holds in every respect.
type logModel struct {
	data    []byte
	durable int // so many bytes must survive
	exists  bool
	pieces  []piece
}

type piece struct {
	seq uint64
	end int
}

// TestLogModel is TestVolumeModel for logs.
func TestLogModel(t *testing.T) {
	for _, mode := range modes {
		t.Run(unsyncedName(mode), func(t *testing.T) {
			random := node.NewStream(uint64(mode), "log model")
			path := filepath.Join(t.TempDir(), "log")
			model := make(map[uint64]*logModel)
			for round := range uint64(40) {
				l, err := openLog(path, testFate(mode, round))
				if err != nil {
					t.Fatal(err)
				}
				checkLog(t, l, model)
				workOnLog(t, l, model, &random)
				l.close()
				afterLog(t, mode, path, model)
			}
		})
	}
}

func workOnLog(t *testing.T, l *logDir, model map[uint64]*logModel, random *node.Stream) {
	seq, ended := uint64(0), uint64(0)
	for range 150 {
		id := random.Below(4)
		m := model[id]
		ended += random.Below(seq - ended + 1)
		switch what := random.Below(12); {
		case what < 7:
			if m == nil {
				m = &logModel{}
				model[id] = m
			}
			seq++
			data := bytes.Repeat([]byte{byte(1 + random.Below(255))}, int(random.Below(20)))
			op := diskOp{op: node.OpLogAppend, seg: id, off: int64(len(m.data)), seq: seq}
			if _, code := l.do(&op, data); code != node.OK {
				t.Fatal(code)
			}
			m.data = append(m.data, data...)
			m.pieces = append(m.pieces, piece{seq, len(m.data)})
		case what < 9 && m != nil:
			if code := l.sync(id, ended); code != node.OK {
				t.Fatal(code)
			}
			for len(m.pieces) > 0 && m.pieces[0].seq <= ended {
				m.durable = max(m.durable, min(m.pieces[0].end, len(m.data)))
				m.exists, m.pieces = true, m.pieces[1:]
			}
		case what == 9 && m != nil:
			cut := int(random.Below(uint64(len(m.data) + 1)))
			if _, code := l.do(&diskOp{op: node.OpLogTrunc, seg: id, n: int64(cut)}, nil); code != node.OK {
				t.Fatal(code)
			}
			m.data, m.durable, m.exists = m.data[:cut], min(m.durable, cut), true
			for i := range m.pieces {
				m.pieces[i].end = min(m.pieces[i].end, cut)
			}
		case what == 10 && m != nil && random.Below(3) == 0:
			if _, code := l.do(&diskOp{op: node.OpLogDelete, seg: id}, nil); code != node.OK {
				t.Fatal(code)
			}
			delete(model, id)
		case what == 11:
			checkLog(t, l, model)
		}
	}
}

func checkLog(t *testing.T, l *logDir, model map[uint64]*logModel) {
	t.Helper()
	b, _ := l.do(&diskOp{op: node.OpLogList}, nil)
	segs, err := node.DecodeSegments(b)
	if err != nil || len(segs) != len(model) {
		t.Fatalf("listing %v, %v; expected %d segments", segs, err, len(model))
	}
	for _, s := range segs {
		m := model[s.ID]
		if m == nil || s.Size != int64(len(m.data)) {
			t.Fatalf("segment %d has %d bytes, expected %v", s.ID, s.Size, m)
		}
		for _, from := range []int{0, len(m.data) / 3, len(m.data)} {
			n := max(1, len(m.data)/2)
			op := diskOp{op: node.OpLogRead, seg: s.ID, off: int64(from), n: int64(n)}
			got, code := l.do(&op, nil)
			if want := m.data[from:min(from+n, len(m.data))]; code != node.OK || !bytes.Equal(got, want) {
				t.Fatalf("segment %d, %d from %d: %v, %v; expected %v", s.ID, n, from, got, code, want)
			}
		}
	}
}

// afterLog checks the files after an end, and makes them the model.
func afterLog(t *testing.T, mode node.Unsynced, path string, model map[uint64]*logModel) {
	t.Helper()
	files, err := dumpLog(path)
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[uint64][]byte)
	for _, f := range files {
		if model[f.ID] == nil {
			t.Fatalf("segment %d was deleted and is there", f.ID)
		}
		there[f.ID] = f.Data
	}
	for _, id := range slices.Sorted(maps.Keys(model)) {
		m := model[id]
		got, ok := there[id]
		where := fmt.Sprintf("segment %d: %v, expected %v, durable %d", id, got, m.data, m.durable)
		switch {
		case m.exists && !ok:
			t.Fatalf("%s: it is gone", where)
		case mode == node.Keep && (!ok || !bytes.Equal(got, m.data)):
			t.Fatalf("%s: not kept", where)
		case mode == node.LoseAll && (ok != m.exists || !bytes.Equal(got, m.data[:m.durable])):
			t.Fatalf("%s: not lost", where)
		case len(got) > len(m.data) || !bytes.Equal(got[:min(m.durable, len(got))], m.data[:m.durable]):
			t.Fatalf("%s: synced data is lost", where)
		}
		for i := m.durable; i < len(got); i++ {
			if got[i] != 0 && got[i] != m.data[i] {
				t.Fatalf("%s: byte %d was never written", where, i)
			}
		}
		if !ok {
			delete(model, id)
			continue
		}
		model[id] = &logModel{data: bytes.Clone(got), durable: len(got), exists: true}
	}
}
