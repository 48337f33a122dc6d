package mars

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// A copy holds content of up to position 500, from host 1 in epoch 2. What segments come tells whether
// that is of the designated branch.
func TestSegmentsTellOfCopiesOfAnotherBranch(t *testing.T) {
	for name, c := range map[string]struct {
		seg   Segment
		again bool
	}{
		"same primary, rotated":            {Segment{Epoch: 2, Origin: 1, Start: 400}, false},
		"next epoch, behind the copy":      {Segment{Epoch: 3, Origin: 2, Start: 500}, false},
		"next epoch, before its end":       {Segment{Epoch: 3, Origin: 2, Start: 499}, true},
		"same epoch number, another host":  {Segment{Epoch: 2, Origin: 2, Start: 300}, true},
		"older epoch, which both have had": {Segment{Epoch: 1, Origin: 1, Start: 100}, false},
	} {
		m := New(Config{Members: []node.Addr{{Host: 3}}, Geometry: node.Geometry{Sectors: 8, SectorSize: 512, Carry: 8}})
		m.copy.marks = []copyMark{{version{4, 1}, mark{pos: 500}}}
		m.begins(&c.seg)
		if got := m.copy.marks == nil; got != c.again {
			t.Errorf("%s: copied again: %v", name, got)
		}
	}
}
