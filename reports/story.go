package reports

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/scenario"
)

// story is what a timeline shows, in the units of the run and without any geometry.
type story struct {
	res      *scenario.Result
	fired    []scenario.Fired // by time
	resource string
	several  bool // the run has other resources too
	end      node.Time
	top      uint64 // highest record
	tracks   []track
	acks     []ack
	gap      pause // the longest
	cut      *cut
}

// track is one replica over time.
type track struct {
	host  node.ID
	name  string
	color color.NRGBA
	lines []stretch
	lanes []lane
	last  replica.Status
}

// stretch is a line without a break: the replica was up and kept its role.
type stretch struct {
	primary bool
	unseen  bool // nothing is known between its two points
	points  []point
}

type point struct {
	at               node.Time
	durable, applied float64 // in records
}

// lane is a time in one state, for the bars.
type lane struct {
	from, to node.Time
	down     bool
	role     replica.Role
	split    bool
}

type ack struct {
	at   node.Time
	host int // index of the track; len(tracks) if it is none of them
}

// pause is a time without acknowledgements.
type pause struct{ from, to node.Time }

// cut is what a forced failover left behind on the old primary.
type cut struct {
	track *track
	fork  float64 // records that both sides share
	ops   int
}

// palette is the qualitative set of Okabe and Ito (Color Universal Design, 2008), which people
// with any common colour vision can tell apart; its yellow is too light for lines on white.
var palette = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermillion
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
}

// resourceNames is the names in the order of the scenario. Samples know resources by number
// only.
func resourceNames(res *scenario.Result) []string {
	var out []string
	if res.Replay != nil {
		for i := range res.Replay.Resources {
			out = append(out, res.Replay.Resources[i].Name)
		}
	}
	for i := range res.Samples {
		for len(out) <= res.Samples[i].Resource {
			out = append(out, fmt.Sprintf("resource %d", len(out)))
		}
	}
	return out
}

// drawable is the resources that have samples.
func drawable(res *scenario.Result) []string {
	names := resourceNames(res)
	seen := make([]bool, len(names))
	for i := range res.Samples {
		seen[res.Samples[i].Resource] = true
	}
	var out []string
	for i, name := range names {
		if seen[i] {
			out = append(out, name)
		}
	}
	return out
}

func newStory(res *scenario.Result, resource string) (*story, error) {
	can := drawable(res)
	if len(can) == 0 {
		return nil, fmt.Errorf("timeline: %w", ErrNoSamples)
	}
	if resource == "" {
		resource = can[0]
	}
	if !slices.Contains(can, resource) {
		return nil, fmt.Errorf("timeline: no resource %q with samples; there is %q", resource, can)
	}
	names := resourceNames(res)
	s := &story{res: res, resource: resource, several: len(names) > 1, end: res.Time}
	index := slices.Index(names, resource)
	s.fired = slices.Clone(res.Fired)
	slices.SortStableFunc(s.fired, func(a, b scenario.Fired) int { return cmp.Compare(a.At, b.At) })
	byHost := map[node.ID][]scenario.Sample{}
	var hosts []node.ID
	for _, x := range res.Samples {
		if x.Resource != index {
			continue
		}
		if byHost[x.Host] == nil {
			hosts = append(hosts, x.Host)
		}
		byHost[x.Host] = append(byHost[x.Host], x)
		s.end = max(s.end, x.At)
		s.top = max(s.top, x.Status.DurableSeq, x.Status.AppliedSeq)
	}
	slices.Sort(hosts)
	for i, id := range hosts {
		t := newTrack(byHost[id], s.end)
		t.host, t.name = id, fmt.Sprintf("host %d", id)
		if res.Replay != nil {
			t.name = res.Replay.HostName(id)
		}
		t.color = palette[i%len(palette)]
		s.tracks = append(s.tracks, t)
	}
	s.readHistory()
	s.findCut()
	return s, nil
}

// newTrack follows one replica through its samples.
func newTrack(samples []scenario.Sample, end node.Time) track {
	slices.SortStableFunc(samples, func(a, b scenario.Sample) int { return cmp.Compare(a.At, b.At) })
	var t track
	long := unusual(samples, end)
	open := false // the last stretch goes on
	for i := range samples {
		x := &samples[i]
		st := &x.Status
		t.lane(x)
		if !x.Up || st.Role == replica.RoleBooting {
			if open && !x.Up {
				t.add(x.At, nil)
			}
			open = false
			continue
		}
		primary := st.Role == replica.RolePrimary
		if !open {
			t.lines = append(t.lines, stretch{primary: primary})
		} else if last := t.lines[len(t.lines)-1].points; x.At-last[len(last)-1].at > long {
			from := last[len(last)-1]
			t.lines = append(t.lines, stretch{unseen: true, points: []point{from}})
		}
		t.add(x.At, st)
		cur := &t.lines[len(t.lines)-1]
		if cur.primary != primary || cur.unseen {
			t.lines = append(t.lines, stretch{primary: primary})
			t.add(x.At, st)
		}
		open = true
		t.last = *st
	}
	if n := len(t.lanes); n > 0 {
		t.lanes[n-1].to = end
	}
	return t
}

// unusual is a time between two samples of one replica that is no more explained by the usual
// pace of asking: the host was paused, or the world was busy.
func unusual(samples []scenario.Sample, end node.Time) node.Time {
	var steps []node.Time
	for i := 1; i < len(samples); i++ {
		steps = append(steps, samples[i].At-samples[i-1].At)
	}
	if len(steps) == 0 {
		return end
	}
	slices.Sort(steps)
	return max(8*steps[len(steps)/2], end/30)
}

// add appends a point to the last stretch; without a status one that holds what was there last.
func (t *track) add(at node.Time, st *replica.Status) {
	cur := &t.lines[len(t.lines)-1]
	n := len(cur.points)
	if st == nil {
		last := cur.points[n-1]
		last.at = at
		cur.points = append(cur.points, last)
		return
	}
	p := point{at, float64(st.DurableSeq), float64(min(st.AppliedSeq, st.DurableSeq))}
	// The middle one of three equal points shows nothing.
	if n > 1 && level(cur.points[n-1], p) && level(cur.points[n-2], p) {
		cur.points[n-1].at = at
		return
	}
	cur.points = append(cur.points, p)
}

func level(a, b point) bool { return a.durable == b.durable && a.applied == b.applied }

func (t *track) lane(x *scenario.Sample) {
	l := lane{from: x.At, to: x.At, down: !x.Up, role: x.Status.Role}
	l.split = x.Status.CutOff
	if n := len(t.lanes); n > 0 {
		last := &t.lanes[n-1]
		last.to = x.At
		if last.down == l.down && last.role == l.role && last.split == l.split {
			return
		}
	}
	t.lanes = append(t.lanes, l)
}

// readHistory finds when operations on the resource were acknowledged, each once, whatever the
// number of its sectors.
func (s *story) readHistory() {
	type key struct {
		client int
		call   int64
		kind   check.OpKind
	}
	seen := map[key]bool{}
	for i := range s.res.History {
		op := &s.res.History[i]
		k := key{op.Client, op.Call, op.Kind}
		if op.Resource != s.resource || op.Unknown || op.Client == scenario.FinalReader || seen[k] {
			continue
		}
		seen[k] = true
		host := slices.IndexFunc(s.tracks, func(t track) bool { return t.name == op.Host })
		if host < 0 {
			host = len(s.tracks)
		}
		s.acks = append(s.acks, ack{node.Time(op.Return), host})
		s.end = max(s.end, node.Time(op.Return))
	}
	slices.SortFunc(s.acks, func(a, b ack) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.host, b.host))
	})
	for i := 1; i < len(s.acks); i++ {
		if g := (pause{s.acks[i-1].at, s.acks[i].at}); g.to-g.from > s.gap.to-s.gap.from {
			s.gap = g
		}
	}
}

// findCut finds the replica whose branch was given up: one that says so in the end and is not
// the primary.
func (s *story) findCut() {
	for i := range s.res.Losses {
		l := &s.res.Losses[i]
		if l.Resource != s.resource || l.Records == 0 {
			continue
		}
		for k := range s.tracks {
			t := &s.tracks[k]
			if !t.last.CutOff ||
				t.last.EndSeq < uint64(l.Records) || s.cut != nil && t.last.Lost != l.Reported {
				continue
			}
			s.cut = &cut{t, float64(t.last.EndSeq) - float64(l.Records), l.Ops}
		}
	}
}

// above is the parts of the cut-off branch that lie beyond the fork, each a run of points.
func (c *cut) above() [][]point {
	var out [][]point
	for _, line := range c.track.lines {
		var run []point
		for i, p := range line.points {
			if p.durable <= c.fork {
				continue
			}
			if len(run) == 0 && i > 0 {
				// Where the line crossed the fork, between two samples.
				q := line.points[i-1]
				part := (c.fork - q.durable) / (p.durable - q.durable)
				at := q.at + node.Time(part*float64(p.at-q.at))
				run = append(run, point{at: at, durable: c.fork})
			}
			run = append(run, p)
		}
		if len(run) > 1 {
			out = append(out, run)
		}
	}
	return out
}
