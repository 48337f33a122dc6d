package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/internal/strict"
)

// validator checks what one key alone cannot tell: references, duplicates and keys that depend on
// each other. It runs only on a file whose keys are all well formed.
type validator struct {
	*strict.Document
	f *File
	places
	hosts, resources, workloads, steps []string
}

func validate(f *File, p places, o Options, d *strict.Document) {
	v := &validator{Document: d, f: f, places: p}
	v.hosts = v.names("host", len(f.Hosts), func(i int) string { return f.Hosts[i].Name })
	v.resources = v.names("resource", len(f.Resources),
		func(i int) string { return f.Resources[i].Name })
	v.workloads = v.names("workload", len(f.Workloads),
		func(i int) string { return f.Workloads[i].Name })
	v.steps = v.names("step", len(f.Steps), func(i int) string { return f.Steps[i].Name })
	for i := range f.Resources {
		v.resource(v.place("resource", i), &f.Resources[i], o)
	}
	for i := range f.Workloads {
		v.workload(v.place("workload", i), &f.Workloads[i])
	}
	for i := range f.Steps {
		v.step(v.place("step", i), &f.Steps[i])
	}
	v.random()
	v.expect()
}

// place is where the i-th table of a kind stands in the file.
func (v *validator) place(kind string, i int) string {
	switch kind {
	case "host":
		i = v.places.hosts[i]
	case "resource":
		i = v.places.resources[i]
	case "workload":
		i = v.places.workloads[i]
	case "step":
		i = v.places.steps[i]
	}
	return strict.Index(kind, i)
}

// names collects the names of one kind of thing and complains about any that stands twice.
func (v *validator) names(kind string, n int, name func(int) string) []string {
	var out []string
	for i := range n {
		s := name(i)
		if s == "" { // only steps may be without
			continue
		}
		if slices.Contains(out, s) {
			v.Value(v.place(kind, i)+".name", "name: there is already a %s %q", kind, s)
		}
		out = append(out, s)
	}
	return out
}

// refer complains unless name is one of known. It reports whether it is.
func (v *validator) refer(field, label, kind, name string, known []string) bool {
	if slices.Contains(known, name) {
		return true
	}
	hint := strict.DidYouMean(name, known)
	if hint == "" && len(known) > 0 && len(known) <= 12 {
		hint = "; there are " + strings.Join(known, ", ")
	}
	v.Value(field, "%sno %s is named %s%s", label, kind, strict.Quote(name), hint)
	return false
}

func (v *validator) resource(path string, r *Resource, o Options) {
	if !slices.Contains(o.Strategies, r.Strategy) {
		at := path + ".strategy"
		v.Value(at, "strategy: %s", strict.NotOneOf(r.Strategy, o.Strategies))
	}
	if r.Size%r.Sector != 0 {
		v.Value(path+".size", "size: %s is not a multiple of the sector, %s", r.Size, r.Sector)
	}
	for i, h := range r.Replicas {
		at := strict.Index(path+".replicas", i)
		v.refer(at, "replicas: ", argHost, h, v.hosts)
	}
	for i, h := range r.Joiners {
		at := strict.Index(path+".joiners", i)
		if v.refer(at, "joiners: ", argHost, h, v.hosts) && slices.Contains(r.Replicas, h) {
			v.Value(at, "joiners: %q is one of the replicas already", h)
		}
	}
	for i, h := range r.Remote {
		at := strict.Index(path+".remote", i)
		if v.refer(at, "remote: ", argHost, h, v.hosts) && slices.Contains(r.Holders(), h) {
			v.Value(at, "remote: %q holds a replica, and needs no other one's", h)
		}
	}
	if r.Throttle > 0 && r.LogLimit == 0 {
		v.Value(path+".throttle", "throttle: it is a part of the limit of the log, and there is none; set log_limit")
	}
	if at := path + ".witness"; v.Has(at) && v.refer(at, "witness: ", argHost, r.Witness, v.hosts) {
		switch {
		case slices.Contains(r.Holders(), r.Witness):
			v.Value(at, "witness: %q has a replica, and votes as such", r.Witness)
		case r.Lease == 0:
			v.Value(at, "witness: there is no lease to vote on; set lease")
		}
	}
}

func (v *validator) workload(path string, w *Workload) {
	if !v.refer(path+".on", "on: ", argResource, w.On, v.resources) {
		return
	}
	r := v.f.Resources[slices.Index(v.resources, w.On)]
	room := int64(r.Size / r.Sector)
	if w.Sectors > room {
		v.Value(path+".sectors", "sectors: %d is beyond the %d sectors of %q", w.Sectors, room,
			r.Name)
	}
	if w.Sectors > 0 {
		room = min(room, w.Sectors)
	}
	if int64(w.OpSectors) > room {
		v.Value(path+".op_sectors", "op_sectors: %d is beyond the working set of %d sectors",
			w.OpSectors, room)
	}
	if w.Kind == KindStamp && w.Clients > w.Ops {
		v.Value(path+".clients", "clients: %d clients cannot share %d ops", w.Clients, w.Ops)
	}
	if v.Has(path+".file") && w.File == "" {
		v.Value(path+".file", "file: expected the path of a trace, found \"\"")
	}
	if v.Has(path+".host") && v.refer(path+".host", "host: ", argHost, w.Host, v.hosts) {
		v.user(path+".host", "host: ", w.On, w.Host)
	}
}

func (v *validator) step(path string, s *Step) {
	when, at := v.Has(path+".when"), v.Has(path+".at")
	switch {
	case when && at:
		v.Key(path+".at", "a step has either when or at, not both")
	case !when && !at:
		v.Lacks(path, "when", "missing key \"when\" or \"at\" in [[step]]")
	}
	if slices.Contains(Verbs(), s.Name) {
		v.Value(path+".name", "name: %q is a verb, and must_fire could not tell them apart", s.Name)
	}
	v.condition(path+".when", s)
	v.groups(path+".between", s.Between)
	if s.OneWay && len(s.Between) != 2 {
		v.Value(path+".oneway", "oneway: needs exactly two groups in between, found %d",
			len(s.Between))
	}
	if v.Has(path + ".workload") {
		v.refer(path+".workload", "workload: ", argWorkload, s.Workload, v.workloads)
	}
	v.placeOf(path, s)
}

// placeOf checks the host and the resource of a step.
func (v *validator) placeOf(path string, s *Step) {
	host, res := path+".host", path+".resource"
	hostOK := v.Has(host) && v.refer(host, "host: ", argHost, s.Host, v.hosts)
	resOK := v.Has(res) && v.refer(res, "resource: ", argResource, s.Resource, v.resources)
	if hostOK && resOK {
		if s.Do == DoOpen || s.Do == DoClose {
			v.user(host, "host: ", s.Resource, s.Host)
		} else {
			v.replica(host, "host: ", s.Resource, s.Host)
		}
	}
	if s.Do == DoResize && resOK {
		v.grows(path+".size", s)
	}
}

// grows complains unless a size is one that the resource can be given.
func (v *validator) grows(path string, s *Step) {
	r := v.f.Resources[slices.Index(v.resources, s.Resource)]
	switch {
	case s.Size%r.Sector != 0:
		v.Value(path, "size: %s is not a multiple of the sector, %s", s.Size, r.Sector)
	case s.Size <= r.Size:
		v.Value(path, "size: %s is not more than the %s that %q has, and it can only grow", s.Size,
			r.Size, r.Name)
	}
}

// replica complains unless host holds a replica of resource; both are known to exist.
func (v *validator) replica(field, label, resource, host string) {
	r := v.f.Resources[slices.Index(v.resources, resource)]
	if !slices.Contains(r.Holders(), host) {
		v.Value(field, "%s%q holds no replica of %q; its replicas are %s", label, host, resource,
			strings.Join(r.Holders(), ", "))
	}
}

// user complains unless the volume of resource can be used on host.
func (v *validator) user(field, label, resource, host string) {
	r := v.f.Resources[slices.Index(v.resources, resource)]
	if !slices.Contains(r.Remote, host) {
		v.replica(field, label, resource, host)
	}
}

func (v *validator) groups(path string, groups [][]string) {
	if groups == nil {
		return
	}
	if len(groups) < 2 {
		v.Value(path, "between: expected at least two groups of hosts, such as "+
			`[["A"], ["B"]]`+", found %d", len(groups))
	}
	var seen []string
	for i, g := range groups {
		for j, h := range g {
			at := strict.Index(strict.Index(path, i), j)
			if !v.refer(at, "between: ", argHost, h, v.hosts) {
				continue
			}
			// Within a group the decoder has seen to it already.
			if slices.Contains(seen, h) {
				v.Value(at, "between: %q stands in two groups", h)
			}
		}
		seen = append(seen, g...)
	}
}

// condition checks the names in the condition of a step.
func (v *validator) condition(path string, s *Step) {
	for _, t := range s.When.Terms {
		label := fmt.Sprintf("when: %s: ", t.String())
		fn := findFunction(t.Fn)
		known := true
		for i, kind := range fn.args {
			known = v.refer(path, label, kind, t.Args[i], v.ofKind(kind)) && known
		}
		if !known {
			continue
		}
		switch {
		case len(fn.args) == 2:
			v.replica(path, label, t.Args[0], t.Args[1])
		case t.Fn == FnPrimary:
			if v.refer(path, label, argHost, t.Name, v.hosts) {
				v.replica(path, label, t.Args[0], t.Name)
			}
		case t.Fn == FnCopying:
			if h := &v.f.Hosts[slices.Index(v.hosts, t.Args[0])]; h.SyncLimit == 0 {
				v.Value(path, "%shost %q has no sync_limit, so nobody waits for a turn there", label, h.Name)
			}
		case t.Fn == FnFired:
			if t.Args[0] == s.Name {
				v.Value(path, "%sa step cannot wait for itself", label)
			}
		}
	}
}

func (v *validator) ofKind(kind string) []string {
	switch kind {
	case argHost:
		return v.hosts
	case argResource:
		return v.resources
	case argWorkload:
		return v.workloads
	case argStep:
		return v.steps
	}
	panic("scenario: no names of kind " + kind)
}

func (v *validator) random() {
	healsAll := func(s Step) bool { return s.Do == DoHeal && s.Between == nil }
	if v.f.Random.Until.Event == "heal" && !slices.ContainsFunc(v.f.Steps, healsAll) {
		v.Value("random.until", `until: "heal" needs a step with do = "heal" and without between`)
	}
}

func (v *validator) expect() {
	e := &v.f.Expect
	if i := slices.Index(e.Checks, "rpo"); i >= 0 && !v.Has("expect.max_lost") {
		v.Value(strict.Index("expect.checks", i), `checks: "rpo" needs max_lost, which bounds the loss`)
	}
	// What must fire has to be something that can: a verb that is used, a step, or a random fault.
	can := slices.Clone(v.steps)
	for _, s := range v.f.Steps {
		if !slices.Contains(can, s.Do) {
			can = append(can, s.Do)
		}
	}
	for _, k := range v.f.Random.Faults {
		if !slices.Contains(can, k) {
			can = append(can, k)
		}
	}
	for i, m := range e.MustFire {
		at := strict.Index("expect.must_fire", i)
		if !slices.Contains(can, m) {
			hint := strict.DidYouMean(m, can)
			v.Value(at, "must_fire: no step and no random fault is %s%s", strict.Quote(m), hint)
		}
	}
}
