package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"syscall"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/replica"
)

func (d *Daemon) getHost(*http.Request) (any, error) { return d.hostView(), nil }

func (d *Daemon) hostView() HostView {
	cfg := d.config()
	v := HostView{Name: cfg.Host.Name, ID: cfg.Host.ID, Cluster: cfg.Cluster,
		Version: d.opt.Version, Incarnation: d.data.incarnation, Resources: len(d.list()),
		SyncLimit: cfg.Sync.Limit}
	v.Copying, v.Waiting = d.copies()
	for _, s := range d.mesh.Stats() {
		p := PeerView{Name: s.Name, ID: int(s.ID), Address: s.Address, Connected: s.Connected,
			RTT: s.RoundTrip.Seconds(), Out: s.WireOut, In: s.WireIn, Error: s.Error}
		for _, c := range s.Classes {
			p.Lost += c.Lost.Messages
		}
		v.Peers = append(v.Peers, p)
	}
	return v
}

func (d *Daemon) getResources(req *http.Request) (any, error) {
	list := append([]View{}, d.brokenViews()...)
	for _, r := range d.list() {
		v, err := d.viewNow(req.Context(), r)
		if errors.Is(err, errStopped) {
			continue // it was deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (d *Daemon) getResource(r *resource, req *http.Request) (any, error) {
	return d.viewNow(req.Context(), r)
}

// viewNow is what is so at this moment.
func (d *Daemon) viewNow(ctx context.Context, r *resource) (View, error) {
	st, err := r.fresh(ctx)
	if err != nil {
		return View{}, err
	}
	v := d.view(r, st)
	v.Guests = d.guests(ctx, r)
	v.Device = deviceAt(&v)
	return v, nil
}

// draw makes the random numbers of a new resource.
func draw() (number uint32, uuid string, err error) {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, "", err
	}
	number = binary.LittleEndian.Uint32(b[16:])
	if number >= catalogMachine { // these two are taken
		number = 0
	}
	return number, hex.EncodeToString(b[:16]), nil
}

func (d *Daemon) postCreate(req *http.Request) (any, error) {
	c, err := parse[Create](req)
	if err != nil {
		return nil, err
	}
	done, err := d.begin(c.Name, creating)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := d.vacant(c.Name); err != nil {
		return nil, err
	}
	number, uuid, err := draw()
	if err != nil {
		return nil, err
	}
	if c.Strategy == Prosumer {
		return nil, refuse(http.StatusBadRequest, "strategy %q is what `pitch vol import` is for", Prosumer)
	}
	if c.Strategy == WitnessOf {
		return nil, refuse(http.StatusBadRequest, "strategy %q is what `pitch vol witness` is for", WitnessOf)
	}
	if c.Throttle != 0 && c.LogLimit == 0 {
		return nil, refuse(http.StatusBadRequest, "throttle %d: it is a part of the limit of the log, and there is none",
			c.Throttle).hinting("give a limit, such as --log-limit 10GiB")
	}
	if err := d.mayWitness(&c); err != nil {
		return nil, err
	}
	if c.Name == All {
		return nil, refuse(http.StatusBadRequest, "name %q stands for all volumes", All)
	}
	def := &Definition{Schema: Schema, Name: c.Name, Number: int64(number), UUID: uuid,
		Strategy: cmp.Or(c.Strategy, "mars"), Size: c.Size, Sector: cmp.Or(c.Sector, 4<<10),
		Members: []string{d.config().Host.Name}, Ack: cmp.Or(c.Ack, "submitted"),
		Segment: c.Segment, LogLimit: c.LogLimit, Throttle: c.Throttle, CompressLog: cmp.Or(c.CompressLog, "none"), Emergency: !c.NoEmergency, Lease: c.Lease, Witness: c.Witness,
		Buffer: cmp.Or(c.Buffer, 64<<20), FetchWindow: 16 << 20, Fetch: true, Replay: true,
		Checksums: c.Checksums == nil || *c.Checksums}
	if c.DryRun {
		return d.wouldCreate(def)
	}
	r, err := d.install(def, http.StatusBadRequest)
	if err != nil {
		return nil, err
	}
	return d.getResource(r, req)
}

// All stands for the names of all volumes on a host. None can be made that is called so.
const All = "all"

// vacant says whether a resource of this name is in the way of a new one.
func (d *Daemon) vacant(name string) error {
	if d.find(name) != nil || d.brokenOf(name) != nil {
		return refuse(http.StatusConflict, "resource %s is already here", name)
	}
	return nil
}

// install makes a new resource and lets it run. What fails leaves nothing behind. Unfit is the
// status for a definition that cannot be used here.
func (d *Daemon) install(def *Definition, unfit int) (*resource, error) {
	spec, err := d.fits(def, unfit)
	if err != nil {
		return nil, err
	}
	if err := Store(d.data.dir, def); err != nil {
		return nil, notMade(err)
	}
	r, err := d.add(def, spec)
	if err != nil {
		if e := d.data.remove(def.Name); e != nil {
			d.log.Error("leftover of a resource that could not be made", "error", e)
		}
		return nil, notMade(err)
	}
	d.boot(d.life, r)
	return r, nil
}

// fits is the machine of a new resource, if its definition can be used here.
func (d *Daemon) fits(def *Definition, unfit int) (node.Spec, error) {
	_, err := ParseDefinition("resource", def.Marshal())
	if err != nil {
		return node.Spec{}, refuse(unfit, "%v", err)
	}
	spec, err := d.specOf(def)
	if err != nil {
		return node.Spec{}, refuse(unfit, "%v", err)
	}
	return spec, nil
}

// notMade tells what the user can mend about a resource that could not be made from what has failed
// in this host.
func notMade(err error) error {
	switch {
	case errors.Is(err, syscall.EFBIG):
		return refuse(http.StatusBadRequest, "%v", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, engine.ErrTaken):
		return refuse(http.StatusConflict, "%v", err)
	}
	return err
}

// uninstall ends a resource and deletes its data.
func (d *Daemon) uninstall(r *resource) error {
	d.mu.Lock()
	delete(d.resources, r.def.Name)
	d.mu.Unlock()
	d.unpublish(d.life, r.def.Name)
	if err := r.unit.Stop(); err != nil {
		d.log.Warn("devices of a resource that goes away", "resource", r.def.Name, "error", err)
	}
	d.forgetTurn(r)
	d.metadata.wakeTeller()
	return d.data.remove(r.def.Name)
}

// deleteResource ends a resource that has no other member.
func (d *Daemon) deleteResource(r *resource, req *http.Request) (any, error) {
	del, err := parse[Delete](req)
	if err != nil {
		return nil, err
	}
	done, err := d.begin(r.def.Name, deleting)
	if err != nil {
		return nil, err
	}
	defer done()
	if r.def.imported() {
		return nil, r.noReplica()
	}
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	me := node.ID(d.config().Host.ID)
	others := slices.ContainsFunc(st.Members, func(a node.Addr) bool { return a.Host != me })
	switch {
	case others:
		return nil, refuse(http.StatusConflict, "resource %s has other members", r.def.Name).hinting(
			"let them leave first, or let this host leave")
	case st.Open > 0:
		return nil, refuse(http.StatusConflict, "resource %s is in use by %d users", r.def.Name, st.Open)
	}
	if err := d.unusedElsewhere(req.Context(), r); err != nil {
		return nil, err
	}
	if del.DryRun {
		return planned("the volume would be deleted, %v with all its content", units.Bytes(d.view(r, st).Size))
	}
	if err := d.uninstall(r); err != nil {
		return nil, err
	}
	d.tellDeleted(r)
	return nil, nil
}

// verbOps are the verbs that the control plane takes, by name, each with what it asks of the replica.
// The log is fetched last, and not any more first: what comes in can be dealt with.
var verbOps = map[string][]node.Op{"primary": {replica.OpPrimary},
	"primary --force": {replica.OpPrimaryForce}, "secondary": {replica.OpSecondary},
	"connect": {replica.OpConnect}, "disconnect": {replica.OpDisconnect},
	"resume-replay": {replica.OpResumeReplay}, "pause-replay": {replica.OpPauseReplay},
	"resume-sync": {replica.OpResumeSync}, "pause-sync": {replica.OpPauseSync},
	"up":         {replica.OpResumeReplay, replica.OpResumeSync, replica.OpConnect},
	"down":       {replica.OpDisconnect, replica.OpPauseSync, replica.OpPauseReplay},
	"invalidate": {replica.OpInvalidate}, "log-rotate": {replica.OpLogRotate}}

// cronVerb is one whose outcome depends on the role.
const cronVerb = "cron"

// machineHost finds hosts in the sentences of machines, which know only their numbers.
var machineHost = regexp.MustCompile(`\bhost ([0-9]+)\b`)

// named puts the names of hosts into a sentence of a machine.
func (d *Daemon) named(text string) string {
	cfg := d.config()
	return machineHost.ReplaceAllStringFunc(text, func(found string) string {
		id, err := strconv.ParseUint(found[len("host "):], 10, 32)
		if err != nil || cfg.hostName(node.ID(id)) == "" {
			return found
		}
		return "host " + cfg.hostName(node.ID(id))
	})
}

func (d *Daemon) postVerb(r *resource, req *http.Request) (any, error) {
	v, err := parse[Verb](req)
	if err != nil {
		return nil, err
	}
	ops, ok := verbOps[v.Verb]
	if !ok && v.Verb != cronVerb {
		return nil, refuse(http.StatusBadRequest, "verb %q is unknown", v.Verb)
	}
	if v.IgnoreLease && v.Verb != "primary --force" {
		return nil, refuse(http.StatusBadRequest, "verb %q needs no lease that could be ignored: that is for primary --force", v.Verb)
	}
	if v.DryRun {
		return d.wouldVerb(r, req, v)
	}
	if v.Verb == cronVerb {
		return d.cron(r, req)
	}
	n := int64(0)
	if v.Full || v.IgnoreLease {
		n = 1
	}
	for _, op := range ops {
		if err := d.verb(req.Context(), r, op, n, nil); err != nil {
			return nil, err
		}
	}
	return d.getResource(r, req)
}

// verbStatus are the HTTP statuses for what has become of a verb, where that is no conflict with the
// present state.
var verbStatus = map[node.Code]int{node.Invalid: http.StatusBadRequest,
	node.IOError: http.StatusInternalServerError, node.TimedOut: http.StatusGatewayTimeout}

// verb asks the replica for something that it may refuse.
func (d *Daemon) verb(ctx context.Context, r *resource, op node.Op, n int64, data []byte) error {
	a, err := r.ask(ctx, op, n, data)
	if err != nil {
		return err
	}
	if a.code == node.OK {
		return nil
	}
	why := d.named(string(a.data))
	if why == "" {
		why = a.code.String()
	}
	status, ok := verbStatus[a.code]
	if !ok {
		status = http.StatusConflict // not now
	}
	return refuse(status, "resource %s: %s", r.def.Name, why)
}

func (d *Daemon) postResize(r *resource, req *http.Request) (any, error) {
	v, err := parse[Resize](req)
	if err != nil {
		return nil, err
	}
	if v.Size <= 0 || v.Size%r.def.Sector != 0 {
		return nil, refuse(http.StatusBadRequest, "size %v is no multiple of the sector, %v", v.Size,
			r.def.Sector)
	}
	if v.DryRun {
		return d.wouldResize(r, req, v)
	}
	if err := d.verb(req.Context(), r, replica.OpResize, int64(v.Size/r.def.Sector), nil); err != nil {
		return nil, err
	}
	return d.getResource(r, req)
}
