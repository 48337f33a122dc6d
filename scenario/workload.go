package scenario

import (
	"fmt"
	"os"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario/iolog"
)

// workload is a group of clients that work on one resource. A client has one operation under way
// at a time. It goes to the replica that is primary; what is refused there it tries again.
type workload struct {
	r        *runner
	load     *Workload
	index    int
	resource int
	trace    []access // of an iolog, in order
	next     int      // index into trace

	clients  []client
	total    int
	issued   int // operations begun and not refused
	finished int // answered, or given up
	acked    int
	stopped  bool
}

type client struct {
	number int // in the history; a new one after each unknown outcome
	random node.Stream
	ready  node.Time // when to begin the next operation
	busy   bool
	tag    node.Tag
	gen    node.Tag
	host   node.ID
	op     access
	again  bool // op was refused
	call   node.Time
	id     uint64
	since  int // operations since the last flush
}

// access is one operation on the volume.
type access struct {
	op     node.Op
	sector int64
	n      int64
}

const (
	// backoff is how long a client waits when there is nobody to serve it.
	backoff = 5 * node.Millisecond
	// maxAccess is the largest request in bytes; larger operations of traces are cut.
	maxAccess = 1 << 20
)

func (r *runner) newWorkload(index int) (*workload, error) {
	l := &r.file.Workloads[index]
	w := &workload{r: r, load: l, index: index, total: l.Ops}
	w.resource, _ = r.resource(l.On)
	n := max(1, l.Clients)
	if l.Kind == KindIOLog {
		if err := w.readTrace(); err != nil {
			return nil, err
		}
		n = 1
	}
	for i := range n {
		w.clients = append(w.clients, client{number: index*1024 + i,
			random: node.NewStream(r.opt.Seed, fmt.Sprintf("workload %s client %d", l.Name, i))})
	}
	return w, nil
}

// readTrace turns a recorded trace into accesses. A device of ours has no use for trims.
func (w *workload) readTrace() error {
	path := w.r.file.Resolve(w.load.File)
	file, err := os.Open(path)
	if err != nil {
		return &Error{File: w.r.file.Path, Field: "workload.file", Err: err,
			Msg: fmt.Sprintf("workload %s: cannot read the trace: %v", w.load.Name, err)}
	}
	defer file.Close()
	t, err := iolog.Parse(path, file)
	if err != nil {
		return err
	}
	res := &w.r.file.Resources[w.resource]
	ops, err := t.Sectors(int64(res.Sector), int64(res.Size))
	if err != nil {
		return err
	}
	if w.load.Ops > 0 && len(ops) > w.load.Ops {
		ops = ops[:w.load.Ops]
	}
	limit := maxAccess / int64(res.Sector)
	for _, op := range ops {
		a := access{op: node.OpRead, sector: op.First, n: op.Count}
		switch op.Action {
		case iolog.Write:
			a.op = node.OpWrite
		case iolog.Sync:
			a.op = node.OpSync
		case iolog.Trim:
			continue
		}
		for ; a.n > limit; a.n -= limit {
			w.trace = append(w.trace, access{a.op, a.sector, limit})
			a.sector += limit
		}
		w.trace = append(w.trace, a)
	}
	w.total = len(w.trace)
	return nil
}

func (w *workload) start(now node.Time) {
	for i := range w.clients {
		w.clients[i].ready = now
	}
}

func (w *workload) done() bool {
	if !w.stopped {
		return w.finished >= w.total
	}
	for i := range w.clients {
		if w.clients[i].busy {
			return false
		}
	}
	return true
}

// wake is when a client has something to do by itself: begin, or give up.
func (w *workload) wake() node.Time {
	at := w.r.limit
	more := !w.stopped && w.issued < w.total
	for i := range w.clients {
		c := &w.clients[i]
		if c.busy {
			at = min(at, c.call+w.r.opt.World.Timeout)
		} else if more {
			at = min(at, c.ready)
		}
	}
	return at
}

// issue begins what is due.
func (w *workload) issue(now node.Time) {
	rs := &w.r.resources[w.resource]
	if w.r.host(rs.route).phase != up {
		w.r.reroute(w.resource)
	}
	route := rs.route
	if w.load.Host != "" {
		route = w.r.file.HostID(w.load.Host)
	}
	for i := range w.clients {
		c := &w.clients[i]
		if c.busy {
			if now-c.call >= w.r.opt.World.Timeout {
				w.giveUp(c, now)
			}
			continue
		}
		if w.stopped || w.issued >= w.total || now < c.ready {
			continue
		}
		if w.r.host(route).phase != up {
			c.ready = now + backoff
			continue
		}
		w.begin(i, c, route, now)
	}
}

func (w *workload) begin(i int, c *client, route node.ID, now node.Time) {
	if !c.again {
		c.op = w.choose(c)
	}
	c.again = false
	c.gen++
	c.busy, c.host, c.call, c.id = true, route, now, 0
	c.tag = tagOp | node.Tag(w.index)<<40 | node.Tag(i)<<28 | c.gen&(1<<28-1)
	req := node.Request{Host: route, Machine: uint32(w.resource), Op: c.op.op, Tag: c.tag,
		Sector: c.op.sector, N: c.op.n}
	if c.op.op == node.OpWrite {
		c.id = w.r.nextID
		w.r.nextID++
		req.Data = w.r.content(w.resource, c.id, c.op)
	}
	w.issued++
	w.r.world.Submit(req)
}

// choose takes the next operation of the trace or draws one. It always draws the same number of
// words, so that one operation does not depend on how another one went.
func (w *workload) choose(c *client) access {
	if w.trace != nil {
		a := w.trace[w.next]
		w.next++
		return a
	}
	l := w.load
	if l.FlushEvery > 0 && c.since == l.FlushEvery {
		c.since = 0
		return access{op: node.OpSync}
	}
	c.since++
	kind, size, place := c.random.Uint64(), c.random.Uint64(), c.random.Uint64()
	sectors := int64(w.r.resources[w.resource].geo.Sectors)
	if l.Sectors > 0 {
		sectors = min(sectors, l.Sectors)
	}
	if l.Hot > 0 && node.Chance(node.Hash(kind, 1), l.Hot) {
		sectors = max(1, sectors/100)
	}
	a := access{op: node.OpRead, n: 1}
	if node.Chance(kind, l.Write) {
		a.op = node.OpWrite
	}
	if l.OpSectors > 1 {
		a.n = min(sectors, 1+int64(size%uint64(l.OpSectors)))
	}
	a.sector = int64(place % uint64(sectors-a.n+1))
	return a
}

// content is what a write carries. It is valid until the next call.
func (r *runner) content(resource int, id uint64, a access) []byte {
	carry := int(r.resources[resource].geo.Carry)
	if need := int(a.n) * carry; cap(r.buf) < need {
		r.buf = make([]byte, need)
	}
	b := r.buf[:int(a.n)*carry]
	for i := range int(a.n) {
		fillStamp(b[i*carry:(i+1)*carry], id, uint64(a.sector)+uint64(i))
	}
	return b
}

func (w *workload) answered(o *node.Observation) {
	c := &w.clients[o.Tag>>28&0xfff]
	if !c.busy || c.tag != o.Tag {
		return // given up before
	}
	switch o.Code {
	case node.OK:
		c.busy = false
		c.ready = o.At + node.Time(w.load.Think)
		w.finished++
		w.acked++
		w.record(c, o)
	case node.NotPrimary, node.Refused: // nothing was done; somebody else may hold the volume
		w.r.res.Counts.Refused++
		if w.load.Host == "" {
			w.r.reroute(w.resource)
		}
		c.busy, c.again = false, true
		c.ready = o.At + backoff
		w.issued--
	default:
		w.giveUp(c, o.At)
	}
}

// reroute sends the clients to the primary that is known, if it is another one. Clients that follow the primary
// never go back to one that was replaced: what it still serves where it cannot hear of that is nothing to them.
func (r *runner) reroute(resource int) {
	rs := &r.resources[resource]
	if id := r.primaryOf(rs); id != 0 {
		r.follow(rs, id, rs.statusOn(id).current.Epoch)
	}
}

func (r *runner) follow(rs *resourceState, id node.ID, epoch uint64) {
	if epoch >= rs.followed {
		rs.route, rs.followed = id, epoch
	}
}

// giveUp ends an operation whose outcome is unknown. The client goes on under a new number: who
// had the old one still has an operation under way.
func (w *workload) giveUp(c *client, now node.Time) {
	r := w.r
	r.res.Counts.Unknown++
	if c.op.op == node.OpWrite {
		for i := range c.op.n {
			r.history = append(r.history, check.Op{Client: c.number, Kind: check.Write, Unknown: true,
				Resource: r.resources[w.resource].res.Name, Sector: uint64(c.op.sector + i), ID: c.id,
				Call: int64(c.call), Host: r.file.HostName(c.host)})
		}
	}
	c.number += 1024 * len(r.loads)
	c.busy = false
	c.ready = now + backoff
	w.finished++
}

func (w *workload) hostDown(id node.ID, at node.Time) {
	for i := range w.clients {
		if c := &w.clients[i]; c.busy && c.host == id {
			w.giveUp(c, at)
		}
	}
}

// record puts an acknowledged operation into the history, sector by sector.
func (w *workload) record(c *client, o *node.Observation) {
	r := w.r
	r.res.Counts.Acked++
	op := check.Op{Client: c.number, Kind: check.Write, ID: c.id, Call: int64(c.call),
		Resource: r.resources[w.resource].res.Name, Return: int64(o.At),
		Host: r.file.HostName(o.Host), Epoch: o.Epoch}
	switch c.op.op {
	case node.OpSync:
		return
	case node.OpRead:
		r.res.Counts.Reads++
		op.Kind = check.Read
		ids := readStamps(o.Data, r.resources[w.resource].geo.Carry, uint64(c.op.sector))
		for i, id := range ids {
			op.Sector, op.ID = uint64(c.op.sector)+uint64(i), id
			r.history = append(r.history, op)
		}
	case node.OpWrite:
		r.res.Counts.Writes++
		for i := range c.op.n {
			op.Sector = uint64(c.op.sector + i)
			r.history = append(r.history, op)
		}
	}
}
