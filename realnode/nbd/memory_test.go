package nbd

import (
	"sync"
	"sync/atomic"
)

// memory is a device for tests. With hurt set every call asks it for an error first.
type memory struct {
	mu      sync.RWMutex
	data    []byte
	flushed []byte // what a power failure would leave, if kept
	flushes atomic.Int64
	hurt    func(op string, off int64) error
}

func newMemory(size int64) *memory { return &memory{data: make([]byte, size)} }

func (m *memory) ask(op string, off int64) error {
	if m.hurt == nil {
		return nil
	}
	return m.hurt(op, off)
}

func (m *memory) Size() int64 { return int64(len(m.data)) }

func (m *memory) ReadAt(p []byte, off int64) error {
	if err := m.ask("read", off); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	copy(p, m.data[off:off+int64(len(p))])
	return nil
}

func (m *memory) WriteAt(p []byte, off int64) error {
	if err := m.ask("write", off); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(m.data[off:off+int64(len(p))], p)
	return nil
}

func (m *memory) Flush() error {
	if err := m.ask("flush", 0); err != nil {
		return err
	}
	m.flushes.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flushed != nil {
		copy(m.flushed, m.data)
	}
	return nil
}

func (m *memory) Trim(off, n int64) error { return m.Zero(off, n, true) }

func (m *memory) Zero(off, n int64, mayPunch bool) error {
	if err := m.ask("zero", off); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.data[off : off+n])
	return nil
}
