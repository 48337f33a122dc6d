package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// ledger knows what each block of a volume may hold: the version that was flushed, and all that
// were handed in later. Version 0 is zeros.
type ledger struct {
	allowed [][]uint64
	next    uint64
}

func newLedger(blocks int) *ledger {
	g := &ledger{allowed: make([][]uint64, blocks)}
	for i := range g.allowed {
		g.allowed[i] = []uint64{0}
	}
	return g
}

// version is a new one. A block may hold it from now on, whatever becomes of the request.
func (g *ledger) version(block int64) uint64 {
	g.next++
	g.allowed[block] = append(g.allowed[block], g.next)
	return g.next
}

func (g *ledger) trimmed(block int64) { g.allowed[block] = append(g.allowed[block], 0) }

// mark is how far each block has come; a flush that is asked for after it covers so much.
func (g *ledger) mark() []int {
	m := make([]int, len(g.allowed))
	for i, a := range g.allowed {
		m[i] = len(a)
	}
	return m
}

// flushed takes note that a flush has ended which was asked for after mark.
func (g *ledger) flushed(mark []int) {
	for i, n := range mark {
		g.allowed[i] = g.allowed[i][n-1:]
	}
}

// reading is what all blocks of a volume look like.
type reading struct {
	wrong  []string // content that is not allowed
	blocks []int64  // those with wrong content
	torn   int      // of these, not even whole
	errors int      // blocks that cannot be read
}

// compare reads all blocks and compares them. With settle, what is read is from now on the only
// content allowed: nobody may see it change.
func (g *ledger) compare(c *nbdtest.Client, settle bool) (r reading) {
	const most = 64
	buf := make([]byte, most*4096)
	for first := int64(0); first < int64(len(g.allowed)); first += most {
		n := min(most, int64(len(g.allowed))-first)
		piece := buf[:n*4096]
		whole := c.Read(piece, first*4096) == nil
		for i := range n {
			one := piece[i*4096:][:4096]
			if !whole && c.Read(one, (first+i)*4096) != nil {
				r.errors++
				continue
			}
			g.compareBlock(first+i, one, &r, settle)
		}
	}
	return r
}

func (g *ledger) compareBlock(block int64, b []byte, r *reading, settle bool) {
	version := binary.LittleEndian.Uint64(b[8:])
	whole := bytes.Equal(b, content(block, version)) || bytes.Equal(b, make([]byte, 4096))
	if !whole || !slices.Contains(g.allowed[block], version) {
		r.wrong = append(r.wrong, fmt.Sprintf("block %d has version %d, whole %v, allowed are %v", block,
			version, whole, g.allowed[block]))
		r.blocks = append(r.blocks, block)
		if !whole {
			r.torn++
		}
		return
	}
	if settle {
		g.allowed[block] = []uint64{version}
	}
}
