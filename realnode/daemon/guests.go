package daemon

import (
	"context"
	"net/http"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// This is what a member knows of hosts that use the volume without having a replica.

// guests are those hosts. Replicas that cannot be used from elsewhere have none.
func (d *Daemon) guests(ctx context.Context, r *resource) []GuestView {
	if r.def.imported() {
		return nil
	}
	a, err := r.ask(ctx, replica.OpGuests, 0, nil)
	if err != nil || a.code != node.OK {
		return nil
	}
	found, err := replica.DecodeGuests(a.data)
	if err != nil {
		d.log.Error("replica does not tell who uses it", "resource", r.def.Name, "error", err)
		return nil
	}
	cfg := d.config()
	var list []GuestView
	for _, g := range found {
		list = append(list, GuestView{hostText(cfg, g.Host), g.Shared, g.Silent})
	}
	return list
}

// holderOf is the guest that may change the volume, or empty.
func holderOf(list []GuestView) string {
	i := slices.IndexFunc(list, func(g GuestView) bool { return !g.ReadOnly && !g.Silent })
	if i < 0 {
		return ""
	}
	return list[i].Host
}

// deviceAt is the host where the volume is in use.
func deviceAt(v *View) string {
	if v.Open > 0 {
		return v.Host
	}
	return holderOf(v.Guests)
}

// unusedElsewhere refuses what would leave a host without a replica with nothing.
func (d *Daemon) unusedElsewhere(ctx context.Context, r *resource) error {
	if host := holderOf(d.guests(ctx, r)); host != "" {
		return refuse(http.StatusConflict, "resource %s is in use on host %s, which has no replica",
			r.def.Name, host).hinting("close it there first; `pitch vol release %s --force` there ends it",
			r.def.Name)
	}
	return nil
}

// tellDeleted lets the other hosts forget that they have imported a volume that is gone. Who does not hear
// of it keeps a name that nobody can open, until it is released there.
func (d *Daemon) tellDeleted(r *resource) {
	for _, host := range d.peerNames() {
		if !d.reaches(d.config().hostID(host)) {
			continue
		}
		d.tasks.Go(func() {
			path := peerPath(r.def.Name, "import", r.def.UUID)
			if err := d.askPeer(d.life, host, http.MethodDelete, path, new(struct{})); err != nil {
				d.log.Debug("peer that had nothing to forget", "resource", r.def.Name, "error", err)
			}
		})
	}
}
