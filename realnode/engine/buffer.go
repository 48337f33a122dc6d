package engine

import (
	"sync"
	"unsafe"

	"github.com/container-football/pitch/realnode/disk"
)

// lendFrom is the size in bytes from which content gets a buffer of its own on its way.
const lendFrom = 16 << 10

// buffer is memory for one large read, on its way from the device to whoever has asked, or for one
// large write on its way to the device.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// borrow returns a buffer of n bytes or more, and some to spare: devices may read whole blocks.
func borrow(n int) *buffer {
	const spare = 8 << 10
	buf := buffers.Get().(*buffer)
	if cap(buf.b) < n+spare {
		buf.b = disk.AlignedBuffer(n + spare)
	}
	return buf
}

func (b *buffer) giveBack() {
	if cap(b.b) <= keepBuffer {
		buffers.Put(b)
	}
}

// keepBuffer bounds what is kept for later, in bytes: nobody asks for much more at once.
const keepBuffer = 5 << 20

// holds says whether data lies in b.
func (b *buffer) holds(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b.b)))
	return at >= from && at+uintptr(len(data)) <= from+uintptr(cap(b.b))
}
