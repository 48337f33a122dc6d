package daemon

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// A dry run refuses what the daemon can see that would be refused, with the status that the attempt
// would have. The replica itself is only asked for its status, and it has the last word: what a dry
// run says can be outdated at once.

func planned(format string, args ...any) (any, error) {
	return Planned{fmt.Sprintf(format, args...)}, nil
}

func (d *Daemon) wouldCreate(def *Definition) (any, error) {
	if _, err := d.fits(def, http.StatusBadRequest); err != nil {
		return nil, err
	}
	return planned("a volume of %v would be made, with %s as its primary; whether the disk has room "+
		"for all that is going to be written is not known", def.Size, d.config().Host.Name)
}

func (d *Daemon) wouldJoin(req *http.Request, name, primary string) (any, error) {
	var v Described
	if err := d.askPeer(req.Context(), primary, http.MethodGet, peerPath(name), &v); err != nil {
		return nil, err
	}
	def := asMember(v, primary)
	if _, err := d.fits(def, http.StatusConflict); err != nil {
		return nil, err
	}
	return planned("%s would make this host a member, and up to %v would be copied from there",
		primary, def.Size)
}

func (d *Daemon) wouldLeave(r *resource, req *http.Request, st replica.Status, force bool) (any, error) {
	const deletes = "the replica here would be deleted"
	member, others := d.others(st)
	if !member {
		return planned("%s; this host is no member any more", deletes)
	}
	primary, err := d.primaryOf(req.Context(), r.def.Name, others)
	switch {
	case err == nil:
		return planned("%s would end the membership, then %s", primary, deletes)
	case force:
		return planned("%s, and the primary would not learn of it: %v; it would keep its log for this "+
			"host until `pitch vol leave %s --host %s` there", deletes, err, r.def.Name, d.config().Host.Name)
	}
	return nil, fmt.Errorf("leave: %w (with --force this host forgets the resource by itself)", err)
}

func (d *Daemon) wouldExpel(r *resource, req *http.Request, host string) (any, error) {
	id, err := d.knownHost(host)
	if err != nil {
		return nil, err
	}
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	if err := d.able(r, st); err != nil {
		return nil, err
	}
	isHost := func(a node.Addr) bool { return a.Host == id }
	switch {
	case st.Role != replica.RolePrimary:
		return nil, d.notPrimary(r, st)
	case !slices.ContainsFunc(st.Members, isHost):
		return planned("nothing: %s is no member", host)
	}
	return planned("the membership of %s would end, and log would not be kept for it any more; its "+
		"replica there stays until it is told to leave", host)
}

func (d *Daemon) wouldResize(r *resource, req *http.Request, v Resize) (any, error) {
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	if err := d.able(r, st); err != nil {
		return nil, err
	}
	now := units.Bytes(st.Sectors) * r.def.Sector
	switch {
	case st.Role != replica.RolePrimary:
		return nil, d.notPrimary(r, st)
	case v.Size < now:
		return nil, r.conflict("the volume has %v and can only grow", now)
	case v.Size == now:
		return planned("nothing: it has this size")
	}
	return planned("the volume would grow from %v to %v on all members; whether their disks can hold "+
		"that is not known", now, v.Size)
}

func (d *Daemon) wouldReload() (any, error) {
	fresh, err := d.opt.Reload()
	if err == nil {
		err = d.config().reloadable(fresh)
	}
	if err != nil {
		return nil, refuse(http.StatusConflict, "%v", err)
	}
	return planned("the configuration would be taken up, with %d peers", len(fresh.Peers))
}

func (r *resource) conflict(format string, args ...any) error {
	return refuse(http.StatusConflict, "resource %s: %s", r.def.Name, fmt.Sprintf(format, args...))
}

// able refuses what replicas refuse that take part in nothing.
func (d *Daemon) able(r *resource, st replica.Status) error {
	switch st.Role {
	case replica.RoleDefective:
		return r.conflict("this replica is defective: %s", d.named(st.Defect))
	case replica.RoleBooting:
		return r.conflict("this replica is still reading its log; try again")
	case replica.RoleLeft:
		return r.conflict("this replica has been removed from the group")
	case replica.RoleRemote:
		return r.noReplica()
	}
	return nil
}

func (d *Daemon) notPrimary(r *resource, st replica.Status) error {
	if primary := hostText(d.config(), st.Primary); primary != "" {
		return r.conflict("only the primary can do this, and that is %s", primary)
	}
	return r.conflict("only the primary can do this, and there is none")
}

func (d *Daemon) wouldVerb(r *resource, req *http.Request, v Verb) (any, error) {
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	if err := d.able(r, st); err != nil {
		return nil, err
	}
	switch v.Verb {
	case "primary":
		return d.wouldHandOver(r, req, st)
	case "primary --force":
		return d.wouldTakeOver(r, st)
	case "secondary":
		return d.wouldClose(r, req, st)
	case "invalidate":
		return d.wouldInvalidate(r, st, v.Full)
	case cronVerb:
		if st.Role != replica.RolePrimary {
			return planned("nothing: that is the primary's to do")
		}
		return planned("a new segment of the log would begin at position %d, unless nothing is in the newest one",
			st.End)
	case "log-rotate":
		if st.Role != replica.RolePrimary {
			return nil, d.notPrimary(r, st)
		}
		return planned("a new segment of the log would begin at position %d", st.End)
	}
	return wouldSwitch(st, v.Verb)
}

// switches are what a verb of these switches, and to what.
var switches = map[string]struct {
	names []string
	on    bool
}{
	"connect": {[]string{"fetching"}, true}, "disconnect": {[]string{"fetching"}, false},
	"resume-replay": {[]string{"replay"}, true}, "pause-replay": {[]string{"replay"}, false},
	"resume-sync": {[]string{"copying"}, true}, "pause-sync": {[]string{"copying"}, false},
	"up":   {[]string{"fetching", "replay", "copying"}, true},
	"down": {[]string{"fetching", "replay", "copying"}, false},
}

func wouldSwitch(st replica.Status, verb string) (any, error) {
	s, word := switches[verb], "off"
	if s.on {
		word = "on"
	}
	present := map[string]bool{"fetching": st.FetchOn, "replay": st.ReplayOn, "copying": st.SyncOn}
	var changes []string
	for _, name := range s.names {
		if present[name] != s.on {
			changes = append(changes, name)
		}
	}
	if len(changes) == 0 {
		return planned("nothing: %s is %s already", strings.Join(s.names, ", "), word)
	}
	later := ""
	if st.Role != replica.RoleSecondary {
		later = "; this host is not secondary, so that counts when it is again"
	}
	return planned("%s would be switched %s%s", strings.Join(changes, ", "), word, later)
}

// promotable refuses what stands in the way of both kinds of taking over.
func promotable(r *resource, st replica.Status) error {
	switch {
	case st.Role == replica.RoleRecovering:
		return r.conflict("this replica is about to become primary by itself; wait for it")
	case !st.ReplayOn:
		return r.conflict("replay is paused here; resume-replay first")
	case st.Inconsistent:
		return r.conflict("the volume is inconsistent here, its copy is not finished; wait for it")
	}
	return nil
}

func (d *Daemon) wouldHandOver(r *resource, req *http.Request, st replica.Status) (any, error) {
	if st.Role == replica.RolePrimary {
		return planned("nothing: this host is primary")
	}
	if err := promotable(r, st); err != nil {
		return nil, err
	}
	old := hostText(d.config(), st.Primary)
	switch {
	case st.CutOff:
		return nil, r.conflict("split brain: this replica's log has left the designated branch")
	case st.Role == replica.RoleSecondary && !st.FetchOn:
		return nil, r.conflict("fetching is off here; connect first, or use force")
	case st.Role == replica.RoleClosed || old == "" || old == d.config().Host.Name:
		return planned("this host would become primary, unless another one does meanwhile")
	}
	var v Described
	if err := d.askPeer(req.Context(), old, http.MethodGet, peerPath(r.def.Name), &v); err != nil {
		return nil, refuse(statusOf(err), "resource %s: the primary would not hand over: %v", r.def.Name, err)
	}
	if v.Open > 0 {
		return nil, r.conflict("in use on host %s by %d users", old, v.Open)
	}
	return planned("%s would stop serving, and this host would become primary when it has the rest of "+
		"the log: %v to be fetched, %v to be replayed as last heard; nobody uses the volume on %s now, and "+
		"it refuses if somebody does then", old, units.Bytes(max(0, st.Committed-st.End)),
		units.Bytes(max(0, st.End-st.Applied)), old)
}

func (d *Daemon) wouldTakeOver(r *resource, st replica.Status) (any, error) {
	if st.Role == replica.RolePrimary {
		return planned("nothing: this host is primary")
	}
	if err := promotable(r, st); err != nil {
		return nil, err
	}
	on := ""
	if st.FetchOn && st.Role == replica.RoleSecondary {
		on = "; fetching is on here and should be switched off first (disconnect)"
	}
	return planned("this host would become primary with what it has: the log up to %d. At least %v of "+
		"log that others hold would be lost; how much more has been written meanwhile is not known%s",
		st.End, units.Bytes(max(0, st.Committed-st.End)), on)
}

func (d *Daemon) wouldClose(r *resource, req *http.Request, st replica.Status) (any, error) {
	switch {
	case st.Role == replica.RoleSecondary || st.Role == replica.RoleClosed:
		return planned("nothing: this host is not primary")
	case st.Role != replica.RolePrimary:
		return nil, r.conflict("a change of role is under way; wait for it")
	case st.Open > 0:
		return nil, r.conflict("in use on host %s by %d users", d.config().Host.Name, st.Open)
	}
	if err := d.unusedElsewhere(req.Context(), r); err != nil {
		return nil, err
	}
	return planned("this host would stop serving; nobody would be primary")
}

func (d *Daemon) wouldInvalidate(r *resource, st replica.Status, full bool) (any, error) {
	primary := hostText(d.config(), st.Primary)
	switch {
	case st.Role != replica.RoleSecondary:
		return nil, r.conflict("this replica is not a secondary: there is nothing newer that it could copy")
	case primary == "":
		return planned("the replica would become inconsistent, and stay so until there is a primary to " +
			"copy from: there is none now")
	}
	lost := ""
	if st.Lost != (replica.Loss{}) {
		lost = fmt.Sprintf("%d writes, %v, that only this host has would be lost; ", st.Lost.Ops,
			units.Bytes(st.Lost.Bytes))
	}
	how := "what differs from " + primary + " would be copied"
	if st.CutOff && !full {
		how = "what has changed since the split would be copied from " + primary +
			", or all that differs, if the own log does not tell"
	}
	return planned("%s%s; how much that is shows only then. The volume is inconsistent here until that is "+
		"done", lost, how)
}
