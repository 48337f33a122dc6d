package scenario

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/replica/remote"
)

// strategy is what the runner knows of a replication strategy.
type strategy struct {
	// build returns the machine of one replica and its devices.
	build func(r *Resource, at Place) (node.Spec, error)
	// witness returns the machine that votes without a replica.
	witness func(r *Resource, at Place) (node.Spec, error)
	// branch reads what the disks of one replica say.
	branch func(d node.Dump, carry uint32) (branch, error)
	// survives says whether what was acknowledged survives the crash of a host.
	survives func(r *Resource) bool
	// log is the device that holds the history of writes, and past what fills in what a replica
	// has deleted of it.
	log  int
	past func() past
}

// past is what all replicas have ever had in their logs.
type past interface {
	Add(files []node.LogFile)
	Whole(logs [][]node.LogFile) ([]node.LogFile, error)
}

// branch is the history of one replica, as its disks hold it.
type branch struct {
	records []check.Record
	stamps  []node.Time // of records, by the writer's clock
	parts   []bool      // record continues the write before it
	epochs  []epoch
	// rotations are where segments begin within an epoch.
	rotations []epoch
	sectors   int64 // to which the volume was last resized; 0: never
	applied   int   // records that are sure to be on the volume
	damage    error // why the log ends where it ends; nil at a clean end
	// copying is set while the volume is being copied, or written without a log: nothing is promised of
	// it then.
	copying bool
	// unlogged is set while the volume is written without a log.
	unlogged bool
}

// epoch is one entry of a branch's lineage.
type epoch struct {
	number uint64
	origin node.ID
	first  int // index of its first record
}

var strategies = map[string]strategy{
	"mars": {build: buildMars, witness: marsWitness, branch: marsBranch, survives: marsSurvives,
		log: 0, past: func() past { return new(mars.History) }},
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

// Holders are the hosts with a replica of the resource, member from the start or not.
func (r *Resource) Holders() []string { return slices.Concat(r.Replicas, r.Joiners) }

// MembersAt are the members that the replica on a host is made with, or nil if the host has none.
// One that joins later knows those of the start, and itself.
func (r *Resource) MembersAt(host string) []string {
	switch {
	case slices.Contains(r.Replicas, host):
		return r.Replicas
	case slices.Contains(r.Joiners, host):
		return append(slices.Clone(r.Replicas), host)
	}
	return nil
}

// Specs returns the machines of one host: machine i is its replica of resource i, or, where it
// has none, a machine that does nothing.
func (f *File) Specs(id node.ID, k *WorldKind) ([]node.Spec, error) {
	var specs []node.Spec
	for i := range f.Resources {
		r := &f.Resources[i]
		spec := Absent()
		names, votes := r.MembersAt(f.HostName(id)), r.Witness == f.HostName(id)
		if votes {
			names = r.Replicas
		}
		if slices.Contains(r.Remote, f.HostName(id)) {
			spec = Remote(f.addrs(r.Replicas, i), r.Geometry(k))
		} else if names != nil {
			at := Place{Members: f.addrs(names, i), Geometry: r.Geometry(k), Votes: votes,
				Joins: slices.Contains(r.Joiners, f.HostName(id))}
			if r.Witness != "" {
				at.Witness = node.Addr{Host: f.HostID(r.Witness), Machine: uint32(i)}
			}
			var err error
			if spec, err = r.Spec(at); err != nil {
				return nil, fmt.Errorf("%s: resource %s: %w", f.Path, r.Name, err)
			}
			if len(r.Remote) > 0 && !votes {
				spec = Served(spec, at.Members, at.Geometry)
			}
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// addrs are the machines of a resource on some hosts.
func (f *File) addrs(hosts []string, resource int) (list []node.Addr) {
	for _, name := range hosts {
		list = append(list, node.Addr{Host: f.HostID(name), Machine: uint32(resource)})
	}
	return list
}

// Served is a replica that hosts without one may use, too.
func Served(spec node.Spec, members []node.Addr, g node.Geometry) node.Spec {
	inner := spec.New
	spec.New = func() node.Machine {
		return remote.NewServer(inner(), remote.ServerConfig{Members: members, Geometry: g})
	}
	return spec
}

// Remote is the machine of a host that uses a volume without having a replica.
func Remote(members []node.Addr, g node.Geometry) node.Spec {
	return node.Spec{New: func() node.Machine {
		return remote.NewClient(remote.ClientConfig{Members: members, Geometry: g})
	}}
}

// Place is what a replica is made with besides its resource.
type Place struct {
	Members  []node.Addr // when it is made; the first is primary if the resource is new
	Geometry node.Geometry
	Resource uint64 // tells the resource from others of the same hosts; 0 if there is none
	Joins    bool   // the resource exists already
	// Witness votes on leases without a replica; its host is 0 if there is none.
	Witness node.Addr
	Votes   bool // this is the witness
	// Persist is how long it is at least from one sync of the volume to the next; 0: the least.
	Persist node.Time
	Tick    node.Time // period of retries; 0: the strategy's own
}

// Spec returns the machine of one replica, and its devices.
func (r *Resource) Spec(at Place) (node.Spec, error) {
	s, ok := strategies[r.Strategy]
	if !ok {
		return node.Spec{}, fmt.Errorf("strategy %q is unknown", r.Strategy)
	}
	if at.Votes {
		return s.witness(r, at)
	}
	return s.build(r, at)
}

// SurvivesCrash says whether what is acknowledged survives the crash of a host, by the settings of all resources
// and by what steps make of them.
func (f *File) SurvivesCrash() bool {
	for _, r := range f.Resources {
		if !strategies[r.Strategy].survives(&r) {
			return false
		}
		for i := range f.Steps {
			if s := &f.Steps[i]; s.Do == DoSetAck && s.Resource == r.Name {
				r.Ack = s.Ack
				if !strategies[r.Strategy].survives(&r) {
					return false
				}
			}
		}
	}
	return true
}

// Absent is a machine that stands for a replica which a host does not have: it refuses all.
func Absent() node.Spec { return node.Spec{New: func() node.Machine { return idle{} }} }

type idle struct{}

func (idle) Step(_ node.Time, ev *node.Event, out *node.Effects) {
	if ev.Kind == node.KindRequest {
		out.Reply(ev.Tag, node.Invalid, 0, []byte("this host has no replica of the resource"))
	}
}

func buildMars(r *Resource, at Place) (node.Spec, error) {
	ack, err := mars.ParseAck(r.Ack)
	if err != nil {
		return node.Spec{}, err
	}
	codec, err := squeeze.Parse(cmp.Or(r.CompressLog, "none"))
	if err != nil {
		return node.Spec{}, err
	}
	cfg := mars.Config{Members: at.Members, Geometry: at.Geometry, Resource: at.Resource,
		Joins: at.Joins, Persist: at.Persist, Tick: at.Tick, Ack: ack, Buffer: int64(r.Buffer),
		FetchWindow: int64(r.FetchWindow), Segment: int64(r.Segment), CopyChunk: int64(r.CopyChunk),
		LogLimit: int64(r.LogLimit), Throttle: r.Throttle, Emergency: r.Emergency, Lease: node.Time(r.Lease), Witness: at.Witness,
		Compress: codec, FetchOff: !r.Fetch, ReplayOff: !r.Replay}
	return node.Spec{New: func() node.Machine { return mars.New(cfg) },
		Volumes: []node.Geometry{at.Geometry}, Logs: 3}, nil
}

func marsSurvives(r *Resource) bool {
	return r.Ack != mars.AckLogged.String() && r.Ack != mars.AckSubmitted.String()
}

func marsWitness(r *Resource, at Place) (node.Spec, error) {
	cfg := mars.Config{Members: at.Members, Resource: at.Resource, Lease: node.Time(r.Lease)}
	return node.Spec{New: func() node.Machine { return mars.NewWitness(cfg) }, Logs: 1}, nil
}

func marsBranch(d node.Dump, carry uint32) (branch, error) {
	if len(d.Logs) != 3 || len(d.Volumes) != 1 {
		return branch{}, fmt.Errorf("a dump of %d logs and %d volumes, expected 3 and 1",
			len(d.Logs), len(d.Volumes))
	}
	records, segs, err := mars.ScanLog(d.Logs[0])
	b := branch{damage: err}
	for _, s := range segs {
		e := epoch{s.Epoch, s.Origin, int(s.Seq)}
		if s.Reason == mars.Rotated || s.Reason == mars.Hole {
			b.rotations = append(b.rotations, e) // the same epoch goes on
			continue
		}
		b.epochs = append(b.epochs, e)
	}
	for i := range records {
		r := &records[i]
		if r.Resize > 0 {
			b.sectors = r.Resize // it changes no content
			continue
		}
		id := uint64(0)
		if !r.Zero {
			id, _ = readStamp(r.Data[:carry], uint64(r.Sector))
		}
		b.records = append(b.records, check.Record{Seq: r.Seq, Sector: uint64(r.Sector),
			N: r.Sectors, ID: id})
		b.stamps = append(b.stamps, r.Stamp)
		b.parts = append(b.parts, r.Continues)
	}
	point := mars.Persisted(d.Logs[1])
	b.applied, b.copying, b.unlogged = int(point.Seq), point.Inconsistent || point.Emergency, point.Emergency
	return b, nil
}
