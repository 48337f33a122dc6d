package scenario

import (
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// lone is a resource of one replica in the simulator.
type lone struct {
	*sim.Sim
	t   *testing.T
	tag node.Tag
}

// ask waits for the answer, which must be good.
func (l *lone) ask(op node.Op, sector, n int64, data []byte) {
	l.t.Helper()
	l.tag++
	l.Submit(node.Request{Host: 1, Op: op, Tag: l.tag, Sector: sector, N: n, Data: data})
	for end := l.Now() + node.Second; ; {
		o, ok := l.Next(end)
		if !ok || o.Kind == node.ObsReply && o.Code != node.OK {
			l.t.Fatalf("%v of %d from %d: %v", op, n, sector, o.Code)
		}
		if o.Kind == node.ObsReply {
			return
		}
	}
}

// The checks understand trims and a volume that grows.
func TestBranchWithZerosAndGrowth(t *testing.T) {
	g := node.Geometry{Sectors: 32, SectorSize: 512, Carry: 512}
	cfg := mars.Config{Members: []node.Addr{{Host: 1}}, Geometry: g}
	s, err := sim.New(sim.Config{Hosts: 1, Specs: func(node.ID) []node.Spec {
		return []node.Spec{{New: func() node.Machine { return mars.New(cfg) },
			Volumes: []node.Geometry{g}, Logs: 3}}
	}})
	if err == nil {
		err = s.StartAll()
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &lone{Sim: s, t: t}
	for range 100 {
		s.Next(s.Now() + 10*node.Millisecond)
	}
	write := func(sector, id uint64) {
		var b [512]byte
		fillStamp(b[:], id, sector)
		l.ask(node.OpWrite, int64(sector), 1, b[:])
	}
	write(3, 1)
	write(4, 2)
	l.ask(node.OpZero, 0, 32, nil)
	write(4, 3)
	l.ask(replica.OpResize, 0, 40, nil)
	write(39, 4)
	l.ask(node.OpZero, 3, 1, nil)
	s.Next(s.Now() + node.Second)
	d, err := s.Dump(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := marsBranch(d, g.Carry)
	if err != nil || len(b.records) != 6 || b.applied != 6 || b.sectors != 40 {
		t.Fatalf("%+v, %v", b, err)
	}
	image := b.image(d, g.Carry)
	all := check.PrefixOptions{MinRecords: 6}
	if r := check.PrefixStrict(b.records, image, all); r.Verdict != check.OK {
		t.Error(r)
	}
	// A crash may leave a volume that has not grown yet.
	d.Volumes[0] = d.Volumes[0][:32*512]
	image = b.image(d, g.Carry)
	if r := check.PrefixWindow(b.records, image, 4, 6); r.Verdict != check.OK || len(image) != 40 {
		t.Error(r)
	}
	image[3] = 1 // the trim was left out
	if r := check.PrefixWindow(b.records, image, 4, 6); r.Verdict != check.Violated {
		t.Error(r)
	}
	f := &final{branch: b}
	if got := lossOf(f, 2, g); got.Ops != 4 || got.Bytes != 2*512 {
		t.Errorf("%+v", got)
	}
}
