package disk

import (
	"sync"
	"unsafe"
)

// blockSize is the unit of log files and of checksums of volumes, in bytes. Direct I/O is aligned
// to it: no drive has larger sectors.
const blockSize = 4096

// AlignedBuffer makes a buffer of n bytes that direct I/O takes: what is written from there need not
// be copied first.
func AlignedBuffer(n int) []byte {
	b := make([]byte, n+blockSize)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (blockSize - 1)
	return b[skip : skip+n : skip+n]
}

// aligned tells whether direct I/O takes b.
func aligned(b []byte) bool {
	return (uintptr(unsafe.Pointer(unsafe.SliceData(b)))|uintptr(len(b)))&(blockSize-1) == 0
}

// maxWrite bounds one write to a log file, in bytes. What is longer becomes several writes, each
// of them durable before the next begins.
const maxWrite = 4 << 20

// scratch is an aligned buffer of maxWrite bytes. Logs borrow one for each request, so that only
// those at work have one, and its pages have been touched already.
type scratch struct{ b []byte }

var scratches = sync.Pool{New: func() any { return &scratch{AlignedBuffer(maxWrite)} }}

func borrow() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) giveBack() { scratches.Put(s) }
