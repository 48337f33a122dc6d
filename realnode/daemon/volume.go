package daemon

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/nbd"
	"github.com/container-football/pitch/replica"
)

// volumeFront is a resource as clients see it: bytes instead of sectors. Requests that do not fit
// sectors are widened; those that change anything then read first, alone.
type volumeFront struct {
	r      *resource
	sector int64
}

var (
	_ nbd.Device = (*volumeFront)(nil)
	_ nbd.Mapper = (*volumeFront)(nil)
	_ nbd.Opener = (*volumeFront)(nil)
)

func newVolumeFront(r *resource) *volumeFront {
	return &volumeFront{r: r, sector: int64(r.def.Sector)}
}

// errnoOf is how the answer of a machine looks to a client.
func errnoOf(r *resource, code node.Code) error {
	var errno error
	switch code {
	case node.OK:
		return nil
	case node.NotPrimary:
		errno = syscall.ESHUTDOWN
	case node.Invalid:
		errno = syscall.EINVAL
	case node.NoSpace:
		errno = syscall.ENOSPC
	default:
		errno = syscall.EIO
	}
	return fmt.Errorf("resource %s: %v: %w", r.def.Name, code, errno)
}

// Size implements nbd.Device.
func (v *volumeFront) Size() int64 {
	st, _ := v.r.current()
	return st.Sectors * v.sector
}

// result takes the answer of a request. The data of a read goes straight to where it belongs.
type result struct {
	done chan node.Code
	into []byte
	skip int64 // bytes of the answer before those that are wanted
	keep bool  // take a copy of the answer
	data []byte
}

var results = sync.Pool{New: func() any { return &result{done: make(chan node.Code, 1)} }}

// Reply implements engine.Replier.
func (w *result) Reply(_ node.Tag, code node.Code, _ uint64, data []byte) {
	if code == node.OK {
		if w.keep {
			w.data = append(w.data[:0], data...)
		} else if int64(len(data)) >= w.skip {
			copy(w.into, data[w.skip:])
		}
	}
	w.done <- code
}

// Flush implements engine.Replier.
func (w *result) Flush() {}

// submit hands a request in.
func (v *volumeFront) submit(w *result, op node.Op, off, n int64, data []byte) error {
	if !v.r.unit.Submit(w, engine.Request{Op: op, Off: off, N: n, Data: data}) {
		return fmt.Errorf("resource %s: %w", v.r.def.Name, syscall.ESHUTDOWN)
	}
	return nil
}

// take hands a request in and waits for its end, which is in w then.
func (v *volumeFront) take(w *result, op node.Op, off, n int64, data []byte) error {
	if err := v.submit(w, op, off, n, data); err != nil {
		return err
	}
	return errnoOf(v.r, <-w.done)
}

// call is take where nothing but the end counts.
func (v *volumeFront) call(op node.Op, off, n int64, data []byte) error {
	w := getResult()
	defer putResult(w)
	return v.take(w, op, off, n, data)
}

// change is call for changes of whole sectors.
func (v *volumeFront) change(op node.Op, off, n int64, data []byte) error {
	w := getResult()
	defer putResult(w)
	v.r.whole.RLock()
	err := v.submit(w, op, off, n, data)
	v.r.whole.RUnlock() // from here on it has its place before whoever comes
	if err != nil {
		return err
	}
	return errnoOf(v.r, <-w.done)
}

func getResult() *result {
	w := results.Get().(*result)
	w.into, w.skip, w.keep = nil, 0, false
	return w
}

// putResult gives w back. Its answer must have come, or nobody has been asked.
func putResult(w *result) {
	w.into = nil
	results.Put(w)
}

// maxRead is how many bytes one request to a machine reads at most.
const maxRead = 1 << 20

// ReadAt implements nbd.Device.
func (v *volumeFront) ReadAt(p []byte, off int64) error {
	for len(p) > 0 {
		n := min(int64(len(p)), maxRead)
		if err := v.readPiece(p[:n], off); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

func (v *volumeFront) readPiece(p []byte, off int64) error {
	w := getResult()
	defer putResult(w)
	first := off / v.sector
	end := (off + int64(len(p)) + v.sector - 1) / v.sector
	w.into, w.skip = p, off-first*v.sector
	return v.take(w, node.OpRead, first, end-first, nil)
}

// WriteAt implements nbd.Device.
func (v *volumeFront) WriteAt(p []byte, off int64) error {
	if off%v.sector != 0 || int64(len(p))%v.sector != 0 {
		return v.widened(p, off)
	}
	return v.change(node.OpWrite, off/v.sector, int64(len(p))/v.sector, p)
}

// widened writes what does not fit sectors.
func (v *volumeFront) widened(p []byte, off int64) error {
	v.r.whole.Lock()
	defer v.r.whole.Unlock()
	first := off / v.sector
	end := (off + int64(len(p)) + v.sector - 1) / v.sector
	buf := make([]byte, (end-first)*v.sector)
	if err := v.ReadAt(buf, first*v.sector); err != nil {
		return err
	}
	copy(buf[off-first*v.sector:], p)
	return v.call(node.OpWrite, first, end-first, buf)
}

// Flush implements nbd.Device.
func (v *volumeFront) Flush() error {
	return v.call(node.OpSync, 0, 0, nil)
}

// Trim implements nbd.Device. Sectors of which only a part is meant stay as they are.
func (v *volumeFront) Trim(off, n int64) error {
	first, end := (off+v.sector-1)/v.sector, (off+n)/v.sector
	if first >= end {
		return nil
	}
	return v.change(node.OpZero, first, end-first, nil)
}

// Zero implements nbd.Device. Space is always given up: the log holds what was zeroed, and so
// nothing could be promised about space anyway.
func (v *volumeFront) Zero(off, n int64, _ bool) error {
	first, end := (off+v.sector-1)/v.sector, (off+n)/v.sector
	if first > end { // all within one sector
		return v.widened(make([]byte, n), off)
	}
	if head := first*v.sector - off; head > 0 {
		if err := v.widened(make([]byte, head), off); err != nil {
			return err
		}
	}
	if tail := off + n - end*v.sector; tail > 0 {
		if err := v.widened(make([]byte, tail), end*v.sector); err != nil {
			return err
		}
	}
	return v.Trim(first*v.sector, (end-first)*v.sector)
}

// Extents implements nbd.Mapper.
func (v *volumeFront) Extents(dst []nbd.Extent, off, n int64, limit int) ([]nbd.Extent, error) {
	first, end := off/v.sector, (off+n+v.sector-1)/v.sector
	w := getResult()
	w.keep = true
	defer putResult(w)
	if err := v.take(w, node.OpMap, first, end-first, nil); err != nil {
		return dst, err
	}
	runs, err := node.DecodeRuns(w.data)
	if err != nil {
		return dst, err
	}
	at, stop := off, off+n
	for _, run := range runs {
		from, to := max(run.First*v.sector, at), min((run.First+run.N)*v.sector, stop)
		if to <= from {
			continue
		}
		if from > at && len(dst) < limit {
			dst = append(dst, nbd.Extent{Length: from - at, Hole: true, Zero: true})
		}
		if len(dst) == limit {
			return dst, nil
		}
		dst = append(dst, nbd.Extent{Length: to - from})
		at = to
	}
	if at < stop && len(dst) < limit {
		dst = append(dst, nbd.Extent{Length: stop - at, Hole: true, Zero: true})
	}
	return dst, nil
}

// Open implements nbd.Opener: from now on this host stays primary, unless by force. Without a replica
// it holds the volume, unless another host takes it by force.
func (v *volumeFront) Open() error {
	how := int64(0)
	if v.r.def.ReadOnly {
		how = replica.OpenShared
	}
	if err := v.r.open(context.Background(), how); err != nil {
		return err
	}
	v.r.letGo() // there is a user now, for whom this host has held it
	return nil
}

// Close implements nbd.Opener.
func (v *volumeFront) Close() {
	_ = v.call(replica.OpClose, 0, 0, nil) // a machine that has stopped has forgotten it anyway
}
