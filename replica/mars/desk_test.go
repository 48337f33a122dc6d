package mars

import (
	"maps"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Desk is one replica on a desk: its disks are in plain sight and can be prepared, its requests
// end in the order of asking, its messages are only collected, and whoever holds the test is all
// its peers and users. Its disks never write anything early: what is not synced is marked so.
type Desk struct {
	t       testing.TB
	Machine *Machine
	Self    node.Addr
	Volume  []byte
	Logs    [3]map[uint64]*DeskFile
	// Fail, if set, says how a request ends that would succeed.
	Fail func(f *node.Effect) node.Code
	// Hold, if set, says which requests do not end: they wait in held.
	Hold func(f *node.Effect) bool

	cfg     Config
	now     node.Time
	starts  int64
	out     node.Effects
	queue   []node.Event // completions to come, in order
	held    []node.Event
	Sent    [][]byte
	Answers map[node.Tag]node.Observation
	// OnSend, if set, sees each message at the moment at which it leaves.
	OnSend func(msg []byte)
	// flight is what is under way at the volume, by tag and place.
	flight []node.Effect
}

// DeskFile is one segment. Bytes from Synced on would not survive a power failure.
type DeskFile struct {
	Data   []byte
	Synced int
}

// NewDesk puts host id of the group in cfg on the desk, with empty disks.
func NewDesk(t testing.TB, id node.ID, cfg Config) *Desk {
	d := &Desk{t: t, Self: node.Addr{Host: id}, cfg: cfg,
		Volume: make([]byte, cfg.Geometry.Sectors*uint64(cfg.Geometry.Carry))}
	for i := range d.Logs {
		d.Logs[i] = make(map[uint64]*DeskFile)
	}
	return d
}

// Load takes over the disks of another world. Nothing in the logs counts as synced: that is how
// the crash of a process leaves a machine that lives on.
func (d *Desk) Load(dump node.Dump) {
	d.Volume = slices.Clone(dump.Volumes[0])
	for i := range d.Logs {
		clear(d.Logs[i])
		for _, f := range dump.Logs[i] {
			d.Logs[i][f.ID] = &DeskFile{Data: slices.Clone(f.Data)}
		}
	}
}

// Boot starts the next incarnation and runs until it has nothing more to do.
func (d *Desk) Boot() {
	d.Machine, d.queue, d.held, d.Sent, d.flight = New(d.cfg), nil, nil, nil, nil
	d.Answers = make(map[node.Tag]node.Observation)
	d.starts++
	d.Step(&node.Event{Kind: node.KindBoot, From: d.Self, N: d.starts})
	d.Run()
}

// Step delivers one event.
func (d *Desk) Step(ev *node.Event) {
	d.out.Reset()
	d.Machine.Step(d.now, ev, &d.out)
	for i := range d.out.Len() {
		d.carryOut(d.out.At(i))
	}
}

// Run completes requests until none is under way.
func (d *Desk) Run() {
	for n := 0; len(d.queue) > 0; n++ {
		if n > 100_000 {
			d.t.Fatal("the replica never comes to rest")
		}
		d.Complete()
	}
}

// Complete completes the oldest request, if there is one.
func (d *Desk) Complete() {
	if len(d.queue) > 0 {
		ev := d.queue[0]
		d.queue = d.queue[1:]
		d.landed(&ev)
		d.Step(&ev)
	}
}

// Ticks lets the timer come due n times.
func (d *Desk) Ticks(n int) {
	for range n {
		d.now += d.Machine.cfg.Tick
		d.Step(&node.Event{Kind: node.KindTimer, Tag: tagTick})
		d.Run()
	}
}

// Ask submits one request and runs until there is nothing more to do.
func (d *Desk) Ask(op node.Op, sector, n int64, data []byte) (node.Observation, bool) {
	tag := node.Tag(1000 + len(d.Answers))
	d.Step(&node.Event{Kind: node.KindRequest, Op: op, Tag: tag, Off: sector, N: n, Data: data})
	d.Run()
	o, ok := d.Answers[tag]
	return o, ok
}

// Status asks for the status, which must always be answered.
func (d *Desk) Status() replica.Status {
	d.t.Helper()
	o, ok := d.Ask(replica.OpStatus, 0, 0, nil)
	if !ok {
		d.t.Fatal("a status was not answered")
	}
	s, err := replica.DecodeStatus(o.Data)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *Desk) carryOut(f *node.Effect) {
	data := slices.Clone(d.out.Data(f))
	switch f.Op {
	case node.OpTimer, node.OpCancel:
		return
	case node.OpSend:
		d.Sent = append(d.Sent, data)
		if d.OnSend != nil {
			d.OnSend(data)
		}
		return
	case node.OpReply:
		if _, twice := d.Answers[f.Tag]; twice {
			d.t.Fatalf("request %d was answered twice", f.Tag)
		}
		d.Answers[f.Tag] = node.Observation{Code: f.Code, Epoch: f.Seg, Data: data}
		return
	}
	d.launch(f, data)
	ev := node.Event{Kind: node.KindDone, Op: f.Op, Dev: f.Dev, Tag: f.Tag, Seg: f.Seg, Off: f.Off,
		N: f.N}
	if d.Fail != nil {
		ev.Code = d.Fail(f)
	}
	if ev.Code == node.OK {
		d.disk(f, data, &ev)
	}
	if d.Hold != nil && d.Hold(f) {
		d.held = append(d.held, ev)
		return
	}
	d.queue = append(d.queue, ev)
}

func (d *Desk) disk(f *node.Effect, data []byte, ev *node.Event) {
	carry := int64(d.cfg.Geometry.Carry)
	switch f.Op {
	case node.OpRead, node.OpWrite:
		n := f.N
		if f.Op == node.OpWrite {
			n = int64(len(data)) / carry
		}
		d.inside(f.Op, f.Off, n)
		if at := d.Volume[f.Off*carry : (f.Off+n)*carry]; f.Op == node.OpWrite {
			copy(at, data)
		} else {
			ev.Data = slices.Clone(at)
		}
		return
	case node.OpZero:
		d.inside(f.Op, f.Off, f.N)
		clear(d.Volume[f.Off*carry : (f.Off+f.N)*carry])
		return
	case node.OpMap:
		d.inside(f.Op, f.Off, f.N)
		for s := f.Off; s < f.Off+f.N; s++ {
			if slices.ContainsFunc(d.Volume[s*carry:(s+1)*carry], func(x byte) bool { return x != 0 }) {
				ev.Data = node.AppendRuns(ev.Data, node.Run{First: s, N: 1})
			}
		}
		return
	case node.OpResize:
		d.Volume = append(d.Volume, make([]byte, max(0, f.N*carry-int64(len(d.Volume))))...)[:f.N*carry]
		return
	case node.OpSync:
		return
	}
	log := d.Logs[f.Dev]
	file := log[f.Seg]
	switch f.Op {
	case node.OpLogList:
		for _, id := range slices.Sorted(maps.Keys(log)) {
			one := []node.Segment{{ID: id, Size: int64(len(log[id].Data))}}
			ev.Data = node.AppendSegments(ev.Data, one)
		}
	case node.OpLogAppend:
		if file == nil {
			file = &DeskFile{}
			log[f.Seg] = file
		}
		if f.Off != int64(len(file.Data)) {
			d.t.Fatalf("append to log %d, segment %d, at %d of %d", f.Dev, f.Seg, f.Off,
				len(file.Data))
		}
		file.Data = append(file.Data, data...)
	case node.OpLogDelete:
		delete(log, f.Seg)
	default:
		d.file(f, file, ev)
	}
}

// file carries out a request to a segment that should exist.
func (d *Desk) file(f *node.Effect, file *DeskFile, ev *node.Event) {
	if file == nil {
		ev.Code = node.Invalid
		return
	}
	size := int64(len(file.Data))
	switch f.Op {
	case node.OpLogRead:
		from := min(max(f.Off, 0), size)
		ev.Data = slices.Clone(file.Data[from:min(f.Off+f.N, size)])
	case node.OpLogSync:
		file.Synced = int(size)
	case node.OpLogTrunc:
		if f.N < 0 || f.N > size {
			ev.Code = node.Invalid
			return
		}
		file.Data = file.Data[:f.N]
		file.Synced = min(file.Synced, int(f.N))
	}
}

// inside fails if a request reaches beyond the volume.
func (d *Desk) inside(op node.Op, first, n int64) {
	end := int64(len(d.Volume)) / int64(d.cfg.Geometry.Carry)
	if n <= 0 || first < 0 || first > end-n {
		d.t.Fatalf("%v of %d sectors from %d, of %d", op, n, first, end)
	}
}

// launch notes a request to the volume, and fails if it may not be under way together with others:
// of those that overlap any order may hold, and a resize wants to be alone.
func (d *Desk) launch(f *node.Effect, data []byte) {
	changes := func(f *node.Effect) bool { return f.Op == node.OpWrite || f.Op == node.OpZero }
	one := node.Effect{Op: f.Op, Tag: f.Tag, Off: f.Off, N: f.N}
	switch f.Op {
	case node.OpWrite:
		one.N = int64(len(data)) / int64(d.cfg.Geometry.Carry)
	case node.OpRead, node.OpZero, node.OpMap, node.OpResize, node.OpSync:
	default:
		return
	}
	for i := range d.flight {
		o := &d.flight[i]
		if o.Op == node.OpResize || one.Op == node.OpResize {
			d.t.Fatalf("%v together with %v", one.Op, o.Op)
		}
		if changes(o) && changes(&one) && o.Off < one.Off+one.N && one.Off < o.Off+o.N {
			d.t.Fatalf("%v of %d sectors from %d together with %v of %d from %d", one.Op, one.N, one.Off,
				o.Op, o.N, o.Off)
		}
	}
	d.flight = append(d.flight, one)
}

// landed forgets a request that has ended.
func (d *Desk) landed(ev *node.Event) {
	if i := slices.IndexFunc(d.flight, func(f node.Effect) bool {
		return f.Op == ev.Op && f.Tag == ev.Tag && (ev.Op == node.OpSync || f.Off == ev.Off)
	}); i >= 0 {
		d.flight = slices.Delete(d.flight, i, i+1)
	}
}
