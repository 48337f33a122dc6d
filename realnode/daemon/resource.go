package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/replica"
)

// resource is one replica on this host.
type resource struct {
	def  *Definition
	unit *engine.Unit
	// parts tell what its devices are made of, metrics what they do: volumes first, then logs.
	parts   []string
	metrics []*disk.Metrics

	// whole is held shared by those who hand in changes of whole sectors, and alone by those who
	// change a part of one: nobody may come between the reading and the writing.
	whole sync.RWMutex

	mu      sync.Mutex
	status  replica.Status
	changed chan struct{} // closed when status changes
	held    bool          // taken by force, and nobody has opened it here since
}

// specOf is the machine of a resource. It fails if the definition cannot be used here.
func (d *Daemon) specOf(def *Definition) (node.Spec, error) {
	members, err := d.membersOf(def)
	if err != nil {
		return node.Spec{}, fmt.Errorf("resource %s: %w", def.Name, err)
	}
	witness := def.witness(d.config())
	if def.Witness != "" && witness == (node.Addr{}) {
		return node.Spec{}, fmt.Errorf("resource %s: witness %s is unknown here: it needs a [[peer]] in %s", def.Name,
			def.Witness, d.config().Path)
	}
	spec, err := d.opt.Build(def, members, witness)
	if err != nil {
		return node.Spec{}, fmt.Errorf("resource %s: %w", def.Name, err)
	}
	return spec, nil
}

// add opens the devices of a resource whose folder is there. It does not run yet.
func (d *Daemon) add(def *Definition, spec node.Spec) (_ *resource, err error) {
	r := &resource{def: def, changed: make(chan struct{})}
	m := engine.Machine{Number: uint32(def.Number), Spec: spec}
	for i := range spec.Volumes {
		m.Volumes = append(m.Volumes, d.volume(r, i, spec.Volumes[i]))
	}
	for i := range spec.Logs {
		m.Logs = append(m.Logs, d.log0(r, i))
	}
	if r.unit, err = d.engine.Add(m); err != nil {
		return nil, fmt.Errorf("resource %s: %w", def.Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resources[def.Name] = r
	return r, nil
}

// membersOf are the machines of the members in a definition. Only a replica that starts for the first
// time needs them all: later on it knows the members itself, and one of these may be long gone.
func (d *Daemon) membersOf(def *Definition) ([]node.Addr, error) {
	cfg := d.config()
	list, unknown := def.addrs(cfg)
	if len(unknown) == 0 || def.imported() && len(list) > 0 {
		return list, nil // one is enough to be told of the others
	}
	_, err := os.Stat(filepath.Join(d.data.resourceDir(def.Name), LogName+"0"))
	if err != nil || len(list) == 0 {
		return nil, fmt.Errorf("member %s is unknown here: it needs a [[peer]] in %s", unknown[0],
			cfg.Path)
	}
	return list, nil
}

// Names of devices in the folder of a resource; each is followed by its number.
const (
	VolumeName = "volume"
	LogName    = "log"
	// ArchiveSuffix follows the name of a log, for the folder with what was deleted from it, where a
	// run is to be judged.
	ArchiveSuffix = ".dropped"
	sumsSuffix    = ".sums"
)

// volume is the way of a volume's data, from the machine down to the file.
func (d *Daemon) volume(r *resource, i int, g node.Geometry) engine.Opener {
	path := filepath.Join(d.data.resourceDir(r.def.Name), VolumeName+strconv.Itoa(i))
	return func(floor func() uint64) (disk.Device, error) {
		if err := r.lacks(path); err != nil {
			return nil, err
		}
		dev, err := disk.OpenVolume(path, g)
		if err != nil {
			return nil, err
		}
		if r.def.Checksums {
			if dev, err = disk.Summed(dev, path+sumsSuffix); err != nil {
				return nil, err
			}
		}
		if cache, ok := d.cache(r, VolumeName, i, floor); ok {
			dev = disk.VolatileVolume(dev, cache)
		}
		return r.metered(dev), nil
	}
}

// lacks says whether the file of a volume that has checksums was removed or cut off: a new one in
// its place would read as zeros. Volumes only grow.
func (r *resource) lacks(path string) error {
	if !r.def.Checksums {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > 0 && info.Size() < int64(r.def.Size) {
		return fmt.Errorf("%s: %w: %d bytes, it was made with %d", path, ErrVolumeGone, info.Size(),
			int64(r.def.Size))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(path + sumsSuffix); err == nil {
		return fmt.Errorf("%s: %w: its checksums are still there", path, ErrVolumeGone)
	}
	return nil
}

// ErrVolumeGone is returned for a volume whose file was removed or cut off.
var ErrVolumeGone = errors.New("the volume is gone")

// log0 is the way of a log's data.
func (d *Daemon) log0(r *resource, i int) engine.Opener {
	path := filepath.Join(d.data.resourceDir(r.def.Name), LogName+strconv.Itoa(i))
	return func(floor func() uint64) (disk.Device, error) {
		dev, err := disk.OpenLog(path, disk.LogOptions{Buffered: d.config().Testing.PageCache})
		if err != nil {
			return nil, err
		}
		if cache, ok := d.cache(r, LogName, i, floor); ok {
			if dev, err = disk.VolatileLog(dev, cache); err != nil {
				return nil, err
			}
		}
		if d.opt.Runner != nil {
			if dev, err = disk.Archived(dev, path+ArchiveSuffix); err != nil {
				return nil, err
			}
		}
		return r.metered(dev), nil
	}
}

// cache is the volatile cache in front of a device, if tests want one.
func (d *Daemon) cache(r *resource, kind string, i int, floor func() uint64) (disk.Cache, bool) {
	mode, err := node.ParseUnsynced(d.config().Testing.Unsynced)
	if err != nil || mode == node.Keep {
		return disk.Cache{}, false
	}
	// The incarnation is part of the name: the choices of two lives must not be the same.
	name := fmt.Sprintf("%s %d/%d/%d incarnation %d", kind, d.config().Host.ID, r.def.Number, i,
		d.data.incarnation)
	return disk.Cache{Mode: mode, Random: node.NewStream(d.data.seed, name), Floor: floor}, true
}

// metered puts a meter around a device, and notes what it is made of.
func (r *resource) metered(dev disk.Device) disk.Device {
	r.parts = append(r.parts, dev.String())
	m := new(disk.Metrics)
	r.metrics = append(r.metrics, m)
	return disk.Metered(dev, m)
}

// boot lets a resource run.
func (d *Daemon) boot(ctx context.Context, r *resource) {
	d.start(r)
	d.hold(r)
	d.tasks.Go(func() { d.follow(ctx, r) })
}

func (d *Daemon) start(r *resource) {
	r.unit.Boot(d.data.incarnation, node.Hash(d.data.seed, uint64(d.config().Host.ID)))
}

// answer is what a machine says to a request.
type answer struct {
	code  node.Code
	epoch uint64
	data  []byte
}

// waiter takes one answer.
type waiter chan answer

// Reply implements engine.Replier.
func (w waiter) Reply(_ node.Tag, code node.Code, epoch uint64, data []byte) {
	w <- answer{code, epoch, slices.Clone(data)}
}

// Flush implements engine.Replier.
func (w waiter) Flush() {}

// errStopped says that a replica does not run any more.
var errStopped = errors.New("the replica has been stopped")

// ask hands a request to the machine and waits for the answer.
func (r *resource) ask(ctx context.Context, op node.Op, n int64, data []byte) (answer, error) {
	return ask(ctx, r.unit, engine.Request{Op: op, N: n, Data: data})
}

func ask(ctx context.Context, u *engine.Unit, q engine.Request) (answer, error) {
	w := make(waiter, 1)
	if !u.Submit(w, q) {
		return answer{}, errStopped
	}
	select {
	case a := <-w:
		return a, nil
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
}

// follow keeps r.status up to date as long as the machine runs, and lets exports follow it.
func (d *Daemon) follow(ctx context.Context, r *resource) {
	known := r.def
	for n := int64(-1); ; {
		a, err := r.ask(ctx, replica.OpWatch, n, nil)
		if err != nil || a.code == node.Unknown {
			return
		}
		st, err := replica.DecodeStatus(a.data)
		if err != nil {
			d.log.Error("replica does not tell its status", "resource", r.def.Name, "code", a.code,
				"error", err)
			return
		}
		n = int64(st.Changes)
		before := r.set(st)
		d.tellChange(r, before, st)
		d.resizeDevice(r, before, st)
		d.publish(ctx, r, st)
		d.noteTurn(ctx, r, st)
		d.metadata.wakeTeller()
		if r.def.imported() {
			known = d.noteMembers(r, st, known)
		}
	}
}

// set takes a new status and returns the one before.
func (r *resource) set(st replica.Status) replica.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.status
	r.status = st
	close(r.changed)
	r.changed = make(chan struct{})
	return before
}

// tellChange logs what an operator wants to know.
func (d *Daemon) tellChange(r *resource, before, st replica.Status) {
	log := d.log.With("resource", r.def.Name)
	if before.Role != st.Role {
		level := log.Info
		if st.Role == replica.RoleDefective {
			level = log.Error
		}
		level("role", "now", st.Role.String(), "before", before.Role.String(), "epoch", st.Epoch,
			"defect", st.Defect)
	}
	if !before.SplitBrain && st.SplitBrain {
		log.Error("split brain", "cut_off", st.CutOff, "lost_writes", st.Lost.Ops)
	}
}

// current returns the last known status, and a channel that is closed when there is another.
func (r *resource) current() (st replica.Status, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status, r.changed
}

// fresh asks for the status of this moment, positions included.
func (r *resource) fresh(ctx context.Context) (replica.Status, error) {
	a, err := r.ask(ctx, replica.OpStatus, 0, nil)
	switch {
	case err != nil:
		return replica.Status{}, err
	case a.code == node.Unknown:
		return replica.Status{}, errStopped
	}
	return replica.DecodeStatus(a.data)
}
