package disk

import (
	"slices"
	"sync"

	"github.com/container-football/pitch/node"
)

// volatileVolume holds sectors back until a sync covers them.
type volatileVolume struct {
	below Volume
	fate  fate
	buf   []byte // of the latest answer; a sync may use that of the layer below meanwhile

	mu     sync.Mutex
	held   map[int64][]heldSector // by sector, oldest first
	zeroed []heldZeros            // oldest first
	spares [][]byte
	runs   []int64 // sectors to be written, while a sync works
	joined []byte
}

// heldSector is the content of one sector that has not gone down yet.
type heldSector struct {
	seq  uint64 // of the write
	data []byte
}

// heldZeros is a run of zeros that has not gone down yet. It may be huge.
type heldZeros struct {
	seq uint64
	run node.Run
}

var _ Volume = (*volatileVolume)(nil)

// VolatileVolume puts a volatile cache in front of a volume. A part of each write and zero, cut at
// a sector, waits in memory for a sync that covers it, and unsynced ones may go down in another
// order than they came.
func VolatileVolume(below Volume, c Cache) Volume {
	return &volatileVolume{below: below, fate: newFate(c), held: make(map[int64][]heldSector)}
}

// Geometry implements Volume.
func (v *volatileVolume) Geometry() node.Geometry { return v.below.Geometry() }

func (v *volatileVolume) String() string { return over(v.fate.String(), v.below) }

// Close implements Device. It loses what is held, like a kill.
func (v *volatileVolume) Close() error { return v.below.Close() }

// Do implements Device.
func (v *volatileVolume) Do(r *Request) ([]byte, error) {
	g := v.below.Geometry()
	if !validVolume(r, g) {
		return nil, invalid(v, r)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch r.Op {
	case node.OpRead:
		return v.read(r)
	case node.OpMap:
		return v.mapData(r)
	case node.OpWrite:
		return nil, v.write(r, g.Bytes(1))
	case node.OpZero:
		return nil, v.zero(r)
	}
	return nil, v.resize(r, int64(g.Sectors))
}

// read puts what is held over what the layer below has.
func (v *volatileVolume) read(r *Request) ([]byte, error) {
	b, err := v.below.Do(r)
	if err != nil {
		return nil, err
	}
	v.buf = append(v.buf[:0], b...)
	if len(v.held) == 0 && len(v.zeroed) == 0 {
		return v.buf, nil
	}
	size := int64(len(b)) / r.N
	for i := range r.N {
		data := v.buf[i*size : (i+1)*size]
		h := v.held[r.Off+i]
		zeroed := v.zeroedAt(r.Off + i)
		switch {
		case len(h) > 0 && h[len(h)-1].seq > zeroed:
			copy(data, h[len(h)-1].data)
		case zeroed > 0:
			clear(data)
		}
	}
	return v.buf, nil
}

// zeroedAt is the number of the latest held zeros of a sector.
func (v *volatileVolume) zeroedAt(sector int64) uint64 {
	for i := len(v.zeroed) - 1; i >= 0; i-- {
		if z := &v.zeroed[i]; sector >= z.run.First && sector < z.run.First+z.run.N {
			return z.seq
		}
	}
	return 0
}

// mapData counts every sector that is held as data. Held zeros do not take anything away: data
// may be told where there is none.
func (v *volatileVolume) mapData(r *Request) ([]byte, error) {
	b, err := v.below.Do(r)
	if err != nil {
		return nil, err
	}
	runs, err := node.DecodeRuns(b)
	if err != nil {
		return nil, err
	}
	for s := range v.held {
		if s >= r.Off && s < r.Off+r.N {
			runs = append(runs, node.Run{First: s, N: 1})
		}
	}
	slices.SortFunc(runs, func(a, b node.Run) int { return int(min(1, max(-1, a.First-b.First))) })
	v.buf = v.buf[:0]
	for i := 0; i < len(runs); {
		all := runs[i]
		for i++; i < len(runs) && runs[i].First <= all.First+all.N; i++ {
			all.N = max(all.N, runs[i].First+runs[i].N-all.First)
		}
		v.buf = node.AppendRuns(v.buf, all)
	}
	return v.buf, nil
}

// write sends the first sectors down, as many as fate wants, and holds the others.
func (v *volatileVolume) write(r *Request, size int64) error {
	k := v.fate.early(r.N)
	if k > 0 {
		part := *r
		part.N, part.Data = k, r.Data[:k*size]
		if _, err := v.below.Do(&part); err != nil {
			return err
		}
		v.replaced(node.Run{First: r.Off, N: k})
	}
	for i := k; i < r.N; i++ {
		v.hold(r.Off+i, r.Seq, r.Data[i*size:(i+1)*size])
	}
	return nil
}

func (v *volatileVolume) zero(r *Request) error {
	k := v.fate.early(r.N)
	if k > 0 {
		part := *r
		part.N = k
		if _, err := v.below.Do(&part); err != nil {
			return err
		}
		v.replaced(node.Run{First: r.Off, N: k})
	}
	if k < r.N {
		v.tidyZeros()
		v.zeroed = append(v.zeroed, heldZeros{r.Seq, node.Run{First: r.Off + k, N: r.N - k}})
	}
	return nil
}

// replaced drops what is held of sectors that have newer content below: it must not come over
// that at the next sync.
func (v *volatileVolume) replaced(run node.Run) {
	v.eachHeld(run, func(s int64) { v.drop(s, len(v.held[s])) })
	for i := len(v.zeroed) - 1; i >= 0; i-- {
		v.cutZeros(i, run)
	}
}

// eachHeld calls f for the sectors of a run of which anything is held, in no order.
func (v *volatileVolume) eachHeld(run node.Run, f func(sector int64)) {
	if int64(len(v.held)) < run.N {
		for s := range v.held {
			if s >= run.First && s < run.First+run.N {
				f(s)
			}
		}
		return
	}
	for s := run.First; s < run.First+run.N; s++ {
		if len(v.held[s]) > 0 {
			f(s)
		}
	}
}

// cutZeros takes a run out of the i-th held zeros.
func (v *volatileVolume) cutZeros(i int, run node.Run) {
	z := v.zeroed[i]
	end, cutEnd := z.run.First+z.run.N, run.First+run.N
	if run.First >= end || cutEnd <= z.run.First {
		return
	}
	rest := make([]heldZeros, 0, 2)
	if z.run.First < run.First {
		rest = append(rest, heldZeros{z.seq, node.Run{First: z.run.First, N: run.First - z.run.First}})
	}
	if cutEnd < end {
		rest = append(rest, heldZeros{z.seq, node.Run{First: cutEnd, N: end - cutEnd}})
	}
	v.zeroed = slices.Replace(v.zeroed, i, i+1, rest...)
}

// tidyZeros forgets zeros that no sync to come can bring up, where many are held.
func (v *volatileVolume) tidyZeros() {
	const many = 64
	if len(v.zeroed) < many || len(v.zeroed)&(len(v.zeroed)-1) != 0 {
		return
	}
	floor := v.fate.floor()
	for i := len(v.zeroed) - 1; i > 0; i = min(i, len(v.zeroed)) - 1 {
		newer := v.zeroed[i]
		if newer.seq > floor {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			v.cutZeros(j, newer.run)
		}
	}
}

// hold keeps data for a later sync. Older content is kept only as long as some sync can cover
// it without covering what replaced it.
func (v *volatileVolume) hold(sector int64, seq uint64, data []byte) {
	h := v.held[sector]
	if len(h) > 1 {
		floor, k := v.fate.floor(), 0
		for k+1 < len(h) && h[k+1].seq <= floor {
			k++
		}
		v.drop(sector, k)
		h = v.held[sector]
	}
	v.held[sector] = append(h, heldSector{seq, append(v.spare(), data...)})
}

// drop lets go of the k oldest contents of a sector.
func (v *volatileVolume) drop(sector int64, k int) {
	h := v.held[sector]
	for i := range k {
		v.spares = append(v.spares, h[i].data)
	}
	if k == len(h) {
		delete(v.held, sector)
		return
	}
	v.held[sector] = h[:copy(h, h[k:])]
}

func (v *volatileVolume) spare() []byte {
	n := len(v.spares)
	if n == 0 {
		return nil
	}
	b := v.spares[n-1]
	v.spares = v.spares[:n-1]
	return b[:0]
}

// resize drops what is held behind the new end: it must not come back with it.
func (v *volatileVolume) resize(r *Request, old int64) error {
	if _, err := v.below.Do(r); err != nil {
		return err
	}
	if r.N < old {
		v.replaced(node.Run{First: r.N, N: old - r.N})
	}
	return nil
}

// Admit implements Device.
func (v *volatileVolume) Admit(_, _ uint64) (bool, error) { return false, nil }

// Sync implements Device.
func (v *volatileVolume) Sync(seg, upto uint64) error {
	if err := v.flush(upto); err != nil {
		return err
	}
	return v.below.Sync(seg, upto)
}

// flush sends down what is held of the writes up to a number.
func (v *volatileVolume) flush(upto uint64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.zeroed) > 0 && v.zeroed[0].seq <= upto {
		z := v.zeroed[0]
		r := Request{Op: node.OpZero, Off: z.run.First, N: z.run.N, Seq: z.seq}
		if _, err := v.below.Do(&r); err != nil {
			return err
		}
		v.zeroed = slices.Delete(v.zeroed, 0, 1)
		v.eachHeld(z.run, func(s int64) { v.drop(s, v.older(s, z.seq)) })
	}
	return v.flushSectors(upto)
}

// older is how many held contents of a sector are of writes up to a number.
func (v *volatileVolume) older(sector int64, upto uint64) int {
	h, k := v.held[sector], 0
	for k < len(h) && h[k].seq <= upto {
		k++
	}
	return k
}

// flushSectors writes neighbours together.
func (v *volatileVolume) flushSectors(upto uint64) error {
	v.runs = v.runs[:0]
	for s := range v.held {
		if v.older(s, upto) > 0 {
			v.runs = append(v.runs, s)
		}
	}
	slices.Sort(v.runs)
	for i := 0; i < len(v.runs); {
		first := i
		v.joined = v.joined[:0]
		for ; i < len(v.runs) && v.runs[i] == v.runs[first]+int64(i-first); i++ {
			if len(v.joined) >= maxWrite {
				break
			}
			s := v.runs[i]
			v.joined = append(v.joined, v.held[s][v.older(s, upto)-1].data...)
		}
		r := Request{Op: node.OpWrite, Off: v.runs[first], N: int64(i - first), Data: v.joined}
		if _, err := v.below.Do(&r); err != nil {
			return err
		}
		for _, s := range v.runs[first:i] {
			v.drop(s, v.older(s, upto))
		}
	}
	return nil
}
