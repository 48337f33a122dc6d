package sim

import "math/bits"

// pool recycles byte slices by size class: powers of two from 64 bytes.
type pool struct {
	free [32][][]byte
}

// class is the smallest class whose slices hold n bytes, for n > 0.
func class(n int) int { return max(6, bits.Len(uint(n-1))) }

// get returns a slice of length n with any content.
func (p *pool) get(n int) []byte {
	if n == 0 {
		return nil
	}
	c := class(n)
	if l := len(p.free[c]); l > 0 {
		b := p.free[c][l-1]
		p.free[c] = p.free[c][:l-1]
		return b[:n]
	}
	return make([]byte, n, 1<<c)
}

// put takes b back. Nobody may use it any more.
func (p *pool) put(b []byte) {
	if cap(b) < 64 {
		return
	}
	c := bits.Len(uint(cap(b))) - 1 // the largest class that b is big enough for
	p.free[c] = append(p.free[c], b)
}
