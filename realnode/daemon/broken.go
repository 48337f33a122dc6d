package daemon

import (
	"maps"
	"net/http"
	"slices"
)

// A resource is broken if its definition cannot be read or its devices cannot be opened. The others
// serve all the same, and an operator can see it, and throw it away.

// brokenOf is what keeps a resource from running, or nil.
func (d *Daemon) brokenOf(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken[name]
}

func brokenRefusal(name string, err error) error {
	return refuse(http.StatusConflict, "resource %s cannot be used: %v", name, err).hinting(
		"`pitch scrub` on the stopped daemon tells more; `pitch vol leave %s --force` deletes this "+
			"replica, then `pitch vol join %s` makes another", name, name)
}

// brokenViews are the resources that do not run, by name.
func (d *Daemon) brokenViews() []View {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []View
	for _, name := range slices.Sorted(maps.Keys(d.broken)) {
		list = append(list, View{Name: name, Host: d.cfg.Host.Name, Members: []string{}, Role: "Defective",
			Disk: "DefectiveLog", Repl: "NotStarted", Flags: "------", Defect: d.broken[name].Error()})
	}
	return list
}

// leaveAny ends the membership of a replica, also of one that is broken.
func (d *Daemon) leaveAny(req *http.Request) (any, error) {
	name := req.PathValue("name")
	if d.brokenOf(name) == nil {
		return d.with(d.postLeave)(req)
	}
	l, err := parse[Leave](req)
	if err != nil {
		return nil, err
	}
	done, err := d.begin(name, leaving)
	if err != nil {
		return nil, err
	}
	defer done()
	why := d.brokenOf(name)
	switch {
	case why == nil:
		return nil, errStopped // somebody else has thrown it away meanwhile
	case !l.Force || l.Host != "":
		return nil, brokenRefusal(name, why)
	case l.DryRun:
		return planned("what is left of the replica would be deleted")
	}
	if err := d.data.remove(name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.broken, name)
	return nil, nil
}
