package scenario

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/check"
)

// splitBrain is an old primary, A, that came back before it heard of the failover to B, so that
// both have opened an epoch 2.
func splitBrain() (r *runner, old, p *final) {
	r = &runner{file: &File{Hosts: []Host{{Name: "A"}, {Name: "B"}}}}
	old = &final{id: 1, name: "A", branch: branch{epochs: []epoch{{1, 1, 0}, {2, 1, 37}}}}
	p = &final{id: 2, name: "B",
		branch: branch{epochs: []epoch{{1, 1, 0}, {2, 2, 37}, {3, 2, 90}}}}
	return r, old, p
}

func TestEpochsOfEqualNumberAreToldApartByWhoOpenedThem(t *testing.T) {
	r, old, p := splitBrain()
	h := check.History{{Host: "A", Epoch: 1}, {Host: "A", Epoch: 2}, {Host: "B", Epoch: 2},
		{Host: "B", Epoch: 3}, {Host: "A"}}
	var got []uint64
	for _, op := range r.apart(h, old, p, 2) {
		got = append(got, op.Epoch)
	}
	if !slices.Equal(got, []uint64{1, 2, 4, 5, 0}) {
		t.Errorf("epochs became %v", got)
	}
	if h[2].Epoch != 2 {
		t.Error("the history itself was changed")
	}
	p.branch.epochs = []epoch{{1, 1, 0}, {3, 2, 37}}
	if same := r.apart(h, old, p, 2); &same[0] != &h[0] {
		t.Error("epochs were changed though no two are alike")
	}
}

func TestLineagesPartThoughNoRecordDiffers(t *testing.T) {
	_, old, p := splitBrain()
	finals := []final{*old, *p}
	if !parted(finals, &finals[0], &finals[1]) || !parted(finals, &finals[1], &finals[1]) {
		t.Error("a split brain without a record is not seen from both sides")
	}
	finals[0].branch.epochs = p.branch.epochs[:1]
	if parted(finals, &finals[0], &finals[1]) || parted(finals, &finals[1], &finals[1]) {
		t.Error("a secondary that is behind is taken for a split brain")
	}
}
