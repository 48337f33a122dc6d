package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// A host that has no replica of a volume can import it: its machine forwards what users here want to
// the primary, wherever that is. To import is not to use: the volume is held while it is open here.

// errNotOpened is returned to a client that comes too late.
var errNotOpened = errors.New("the volume cannot be opened")

// open says that one user more holds the volume open here.
func (r *resource) open(ctx context.Context, how int64) error {
	a, err := r.ask(ctx, replica.OpOpen, how, nil)
	if err == nil && a.code == node.OK {
		return nil
	}
	why := string(a.data)
	switch {
	case err != nil:
		why = err.Error()
	case a.code == node.NotPrimary:
		why = "this host is not primary"
	case why == "":
		why = a.code.String()
	}
	return fmt.Errorf("resource %s: %w: %s", r.def.Name, errNotOpened, why)
}

// take takes the volume away from another host, and holds it until somebody opens it here.
func (r *resource) take(ctx context.Context) error {
	if err := r.open(ctx, replica.OpenForce); err != nil {
		return err
	}
	r.mu.Lock()
	before := r.held
	r.held = true
	r.mu.Unlock()
	if before {
		r.close()
	}
	return nil
}

// letGo ends what take has begun.
func (r *resource) letGo() {
	r.mu.Lock()
	held := r.held
	r.held = false
	r.mu.Unlock()
	if held {
		r.close()
	}
}

func (r *resource) close() {
	_, _ = r.ask(context.Background(), replica.OpClose, 0, nil) // a machine that has stopped has forgotten it
}

// noReplica refuses what only a replica can do.
func (r *resource) noReplica() error {
	return refuse(http.StatusConflict, "resource %s: this host has no replica; ask a member", r.def.Name).
		hinting("`pitch vol release %s` ends its use here, `pitch vol join %s` makes a replica", r.def.Name,
			r.def.Name)
}

// notUsedHere says whether a resource of this name is in the way of a replica. One that is imported and not
// in use is not; it is returned.
func (d *Daemon) notUsedHere(ctx context.Context, name string) (*resource, error) {
	r := d.find(name)
	if r == nil || !r.def.imported() {
		return nil, d.vacant(name)
	}
	return r, r.idle(ctx)
}

// idle refuses to end an import that is in use.
func (r *resource) idle(ctx context.Context) error {
	st, err := r.fresh(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		st.Open--
	}
	if st.Open > 0 {
		return refuse(http.StatusConflict, "resource %s is in use here by %d users", r.def.Name, st.Open)
	}
	return nil
}

func (d *Daemon) postImport(req *http.Request) (any, error) {
	i, err := parse[Import](req)
	if err != nil {
		return nil, err
	}
	if i.Force && i.ReadOnly {
		return nil, refuse(http.StatusBadRequest, "who only reads takes the volume away from nobody")
	}
	name := req.PathValue("name")
	done, err := d.begin(name, importing)
	if err != nil {
		return nil, err
	}
	defer done()
	r := d.find(name)
	there := r != nil && r.def.imported()
	switch {
	case there && !i.Force:
		return nil, refuse(http.StatusConflict, "resource %s is imported already", name).hinting(
			"with --force it is taken away from another host that uses it")
	case there && r.def.ReadOnly:
		return nil, refuse(http.StatusConflict, "resource %s is imported to be read only", name).hinting(
			"`pitch vol release %s` first", name)
	case !there:
		if err := d.vacant(name); err != nil {
			return nil, err
		}
	}
	primary, err := d.primaryFrom(req.Context(), name, i.From)
	if err != nil {
		return nil, err
	}
	var v Described
	if err := d.askPeer(req.Context(), primary, http.MethodGet, peerPath(name), &v); err != nil {
		return nil, err
	}
	def := asGuest(v, primary, i.ReadOnly)
	if i.DryRun {
		return d.wouldImport(def, v, primary, i.Force)
	}
	if !there {
		if r, err = d.install(def, http.StatusConflict); err != nil {
			return nil, err
		}
	}
	if i.Force {
		if err := r.take(req.Context()); err != nil {
			if !there {
				err = errors.Join(err, d.uninstall(r))
			}
			return nil, refuse(http.StatusConflict, "%s", d.named(err.Error()))
		}
	}
	told := Imported{Host: d.config().Host.Name, Primary: primary, Size: int64(def.Size),
		ReadOnly: i.ReadOnly}
	if !i.Force {
		told.Guests = v.Guests
	}
	return told, nil
}

// asGuest is the definition of a resource for a host that only uses it.
func asGuest(v Described, primary string, readOnly bool) *Definition {
	def := asMember(v, primary)
	def.Strategy, def.ReadOnly = Prosumer, readOnly
	return def
}

func (d *Daemon) wouldImport(def *Definition, v Described, primary string, force bool) (any, error) {
	if _, err := d.fits(def, http.StatusConflict); err != nil {
		return nil, err
	}
	holder := holderOf(v.Guests)
	if holder == d.config().Host.Name {
		holder = ""
	}
	what := fmt.Sprintf("the volume, %v, could be used on this host without a replica, served by %s now",
		def.Size, primary)
	switch {
	case v.Open > 0 && force:
		return nil, refuse(http.StatusConflict, "resource %s is in use on host %s by %d users of its own",
			def.Name, primary, v.Open)
	case v.Open > 0 && !def.ReadOnly:
		return planned("%s; not before its %d users there have closed it", what, v.Open)
	case holder != "" && force:
		return planned("%s; users on %s would get errors", what, holder)
	case holder != "" && !def.ReadOnly:
		return planned("%s; not before %s has closed it, unless it is taken by force", what, holder)
	}
	return planned("%s", what)
}

// postRelease ends an import.
func (d *Daemon) postRelease(r *resource, req *http.Request) (any, error) {
	v, err := parse[Release](req)
	if err != nil {
		return nil, err
	}
	if !r.def.imported() {
		return nil, refuse(http.StatusConflict, "resource %s has a replica here", r.def.Name).hinting(
			"`pitch vol leave %s` ends its membership", r.def.Name)
	}
	done, err := d.begin(r.def.Name, releasing)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.idle(req.Context()); err != nil && !v.Force {
		return nil, err
	}
	if v.DryRun {
		st, err := r.fresh(req.Context())
		if err != nil {
			return nil, err
		}
		return planned("this host would forget the volume, which stays as it is; %d users here would get errors",
			st.Open)
	}
	r.letGo()
	return nil, d.uninstall(r)
}

// peerDeleted forgets a volume that is gone, if a member says so. Who reads it gets errors.
func (d *Daemon) peerDeleted(r *resource, req *http.Request) (any, error) {
	done, err := d.begin(r.def.Name, releasing)
	if err != nil {
		return nil, err
	}
	defer done()
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	member := slices.ContainsFunc(st.Members, func(a node.Addr) bool { return a.Host == peerOf(req) })
	if !r.def.imported() || r.def.UUID != req.PathValue("uuid") || !member {
		return nil, refuse(http.StatusForbidden, "that is for a member to say, of a volume that is imported")
	}
	d.log.Info("imported volume was deleted", "resource", r.def.Name)
	return struct{}{}, d.uninstall(r)
}

// noteMembers writes down whom to ask after a restart, and how large the volume is: members come and go,
// and nobody tells a host that does not run. Known is what was written last; it returns what is now.
func (d *Daemon) noteMembers(r *resource, st replica.Status, known *Definition) *Definition {
	if st.Defect != "" {
		r.letGo() // what was held here is not any more, and a user who comes begins anew
	}
	cfg := d.config()
	def := *known
	def.Members = nil
	for _, a := range st.Members {
		if name := cfg.hostName(a.Host); name != "" {
			def.Members = append(def.Members, name)
		}
	}
	def.Size = units.Bytes(st.Sectors) * def.Sector
	if len(def.Members) == 0 || slices.Equal(def.Members, known.Members) && def.Size == known.Size {
		return known
	}
	// Not while a replica takes the place of this one: at the next change then.
	done, err := d.begin(def.Name, noting)
	if err != nil {
		return known
	}
	defer done()
	if d.find(def.Name) != r {
		return known
	}
	path := filepath.Join(d.data.resourceDir(def.Name), definitionName)
	if err := durable.Replace(path, seal(def.Marshal()), 0o600); err != nil {
		d.log.Warn("new members are not noted", "resource", def.Name, "error", err)
		return known
	}
	return &def
}
