package scenario

import (
	"context"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// turnRunner is a runner of one host that may copy one of two replicas at a time.
func turnRunner() *runner {
	f := &File{Hosts: []Host{{Name: "B", SyncLimit: 1}},
		Resources: []Resource{{Name: "r0", Replicas: []string{"B"}, Size: 4096, Sector: 4096},
			{Name: "r1", Replicas: []string{"B"}, Size: 4096, Sector: 4096}}}
	k := &WorldKind{Turns: true, Carry: func(uint32) uint32 { return 8 }}
	return newRunner(context.Background(), f, RunOptions{World: k}, nil, &Result{})
}

// says lets a replica answer a question of the time sent at the time at.
func (r *runner) says(t *testing.T, resource int, sent, at node.Time, st replica.Status) {
	t.Helper()
	r.resources[resource].status[0].sent = sent
	err := r.gotStatus(&node.Observation{Host: 1, At: at, Data: st.Encode(),
		Tag: tagStatus | node.Tag(resource)<<16})
	if err != nil {
		t.Fatal(err)
	}
}

// Two replicas count as copying at one time only where their answers leave no other way.
func TestCopiesAtOneTimeAreProven(t *testing.T) {
	turn := replica.Status{SyncTurn: true, Changes: 5}
	later := replica.Status{SyncTurn: true, Changes: 7}
	for _, c := range []struct {
		about string
		r1    [2]replica.Status
		most  int
	}{
		{"both go on", [2]replica.Status{turn, turn}, 2},
		{"a turn between the answers", [2]replica.Status{turn, later}, 1},
		{"one has ended", [2]replica.Status{turn, {Changes: 6}}, 1},
	} {
		r := turnRunner()
		r.says(t, 0, 10, 12, turn)
		r.says(t, 1, 10, 14, c.r1[0])
		if got := r.copying(1); got != 0 {
			t.Errorf("%s: one answer each, and %d copy", c.about, got)
		}
		r.says(t, 0, 20, 21, turn)
		r.says(t, 1, 20, 22, c.r1[1])
		if r.hosts[0].most != c.most {
			t.Errorf("%s: %d copy at one time, expected %d", c.about, r.hosts[0].most, c.most)
		}
		r.judgeCopies()
		if text := r.res.Checks[0].String(); strings.Contains(text, "2 replicas on B copied at a time, 1 may") != (c.most > 1) {
			t.Errorf("%s: %s", c.about, text)
		}
	}
	r := turnRunner()
	r.says(t, 0, 10, 12, turn)
	r.says(t, 0, 20, 21, turn)
	r.says(t, 1, 21, 22, turn) // asked when the first may have ended
	r.says(t, 1, 30, 31, turn)
	if r.hosts[0].most != 1 {
		t.Errorf("%d copy at one time that may have followed each other", r.hosts[0].most)
	}
}

// A replica has left the branch also if all that it has more is the beginning of a segment.
func TestRotationBehindTheForkParts(t *testing.T) {
	opened := []epoch{{1, 1, 0}}
	p := final{branch: branch{epochs: append(opened[:1:1], epoch{2, 2, 9}), rotations: []epoch{{1, 1, 4}}}}
	for _, c := range []struct {
		rotations []epoch
		parts     bool
	}{{nil, false}, {p.branch.rotations, false}, {[]epoch{{1, 1, 4}, {1, 1, 9}}, true}} {
		f := final{branch: branch{epochs: opened, rotations: c.rotations}}
		if got := forkedEpochs(&f, &p); got != c.parts {
			t.Errorf("segments at %v: %t", c.rotations, got)
		}
	}
}
