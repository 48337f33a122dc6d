package scenario

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica/mars"
)

// strategy is what the runner knows of a replication strategy.
type strategy struct {
	// build returns the machine of one replica and its devices.
	build func(r *Resource, members []node.Addr, g node.Geometry) (node.Spec, error)
	// branch reads what the disks of one replica say.
	branch func(d node.Dump, carry uint32) (branch, error)
}

// branch is the history of one replica, as its disks hold it.
type branch struct {
	records []check.Record
	stamps  []node.Time // of records, by the writer's clock
	parts   []bool      // record continues the write before it
	epochs  []epoch
	applied int   // records that are sure to be on the volume
	damage  error // why the log ends where it ends; nil at a clean end
}

// epoch is one entry of a branch's lineage.
type epoch struct {
	number uint64
	origin node.ID
	first  int // index of its first record
}

var strategies = map[string]strategy{
	"mars": {buildMars, marsBranch},
}

// Strategies returns the names of the strategies that exist.
func Strategies() []string {
	var names []string
	for name := range strategies {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Geometry is the shape of the resource's volume in a world that carries so much a sector.
func (r *Resource) Geometry(k *WorldKind) node.Geometry {
	return node.Geometry{Sectors: uint64(r.Size / r.Sector), SectorSize: uint32(r.Sector),
		Carry: k.Carry(uint32(r.Sector))}
}

// Specs returns the machines of one host: machine i is its replica of resource i, or, where it
// has none, a machine that does nothing.
func (f *File) Specs(id node.ID, k *WorldKind) ([]node.Spec, error) {
	var specs []node.Spec
	for i := range f.Resources {
		r := &f.Resources[i]
		spec := node.Spec{New: func() node.Machine { return idle{} }}
		if slices.Contains(r.Replicas, f.HostName(id)) {
			var members []node.Addr
			for _, name := range r.Replicas {
				members = append(members, node.Addr{Host: f.HostID(name), Machine: uint32(i)})
			}
			var err error
			if spec, err = strategies[r.Strategy].build(r, members, r.Geometry(k)); err != nil {
				return nil, fmt.Errorf("%s: resource %s: %w", f.Path, r.Name, err)
			}
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

type idle struct{}

func (idle) Step(_ node.Time, ev *node.Event, out *node.Effects) {
	if ev.Kind == node.KindRequest {
		out.Reply(ev.Tag, node.Invalid, 0, []byte("this host has no replica of the resource"))
	}
}

func buildMars(r *Resource, members []node.Addr, g node.Geometry) (node.Spec, error) {
	ack, err := mars.ParseAck(r.Ack)
	if err != nil {
		return node.Spec{}, err
	}
	cfg := mars.Config{Members: members, Geometry: g, Ack: ack, Buffer: int64(r.Buffer),
		FetchWindow: int64(r.FetchWindow), FetchOff: !r.Fetch, ReplayOff: !r.Replay}
	return node.Spec{New: func() node.Machine { return mars.New(cfg) },
		Volumes: []node.Geometry{g}, Logs: 2}, nil
}

func marsBranch(d node.Dump, carry uint32) (branch, error) {
	if len(d.Logs) != 2 || len(d.Volumes) != 1 {
		return branch{}, fmt.Errorf("a dump of %d logs and %d volumes, expected 2 and 1",
			len(d.Logs), len(d.Volumes))
	}
	records, segs, err := mars.ScanLog(d.Logs[0])
	b := branch{damage: err}
	for _, s := range segs {
		b.epochs = append(b.epochs, epoch{s.Epoch, s.Origin, int(s.Seq)})
	}
	for i := range records {
		r := &records[i]
		id, _ := readStamp(r.Data[:carry], uint64(r.Sector))
		b.records = append(b.records, check.Record{Seq: r.Seq, Sector: uint64(r.Sector),
			N: r.Sectors, ID: id})
		b.stamps = append(b.stamps, r.Stamp)
		b.parts = append(b.parts, r.Continues)
	}
	_, seq := mars.Persisted(d.Logs[1])
	b.applied = int(seq)
	return b, nil
}
