package daemon

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/container-football/pitch/node"
)

// SharedView is what the hosts that share a resource have told of it.
type SharedView struct {
	Name  string      `json:"name"`
	Hosts []ShareView `json:"hosts"`
}

// ShareView is what one of them has told.
type ShareView struct {
	Host  string `json:"host"`
	Guest bool   `json:"guest,omitempty"`
	Told  *Told  `json:"told,omitempty"` // nothing yet, or a guest
	// Age is how many seconds ago that was told, Seen how many seconds ago the host told that it is
	// alive.
	Age  float64  `json:"age_seconds"`
	Seen *float64 `json:"seen_seconds,omitempty"`
}

func (d *Daemon) getShared(req *http.Request) (any, error) {
	p, err := d.catalogReport(req.Context())
	if err != nil {
		return nil, err
	}
	list := []SharedView{}
	for _, name := range p.Resources {
		v, err := d.sharedView(req.Context(), name)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (d *Daemon) sharedView(ctx context.Context, name string) (SharedView, error) {
	v := SharedView{Name: name, Hosts: []ShareView{}}
	l, err := d.listing(ctx, resourceScope(name))
	if err != nil {
		return v, err
	}
	states := toldBy(&l)
	for _, s := range l.Shares {
		h := ShareView{Host: d.nameOf(s.Host), Guest: s.Guest}
		if h.Seen, err = d.seen(ctx, s.Host); err != nil {
			return v, err
		}
		if k, ok := states[s.Host]; ok && !s.Guest {
			var told Told
			if json.Unmarshal([]byte(k.Value), &told) == nil { // else it is of another version
				h.Told, h.Age = &told, d.metadata.age(k.Time).Seconds()
			}
		}
		v.Hosts = append(v.Hosts, h)
	}
	return v, nil
}

// Guest asks that the host which is asked sees what is told of a resource without a replica of it,
// or sees it no more.
type Guest struct {
	From string `json:"from,omitempty"` // a member; default: every peer is asked
}

func (d *Daemon) postGuest(req *http.Request) (any, error) {
	g, err := parse[Guest](req)
	if err != nil {
		return nil, err
	}
	name := req.PathValue("name")
	if err := d.vacant(name); err != nil {
		return nil, err
	}
	from := []string{g.From}
	if g.From == "" {
		from = d.peerNames()
	}
	first := error(refuse(http.StatusBadRequest, "this host has no [[peer]] to ask for resource %s", name))
	for i, host := range from {
		var v SharedView
		err := d.askPeer(req.Context(), host, http.MethodPost, peerPath(name, "guests"), &v)
		if err == nil {
			return v, nil
		}
		if i == 0 {
			first = err
		}
	}
	return nil, first
}

func (d *Daemon) deleteGuest(req *http.Request) (any, error) {
	name, me := req.PathValue("name"), node.ID(d.config().Host.ID)
	l, err := d.listing(req.Context(), resourceScope(name))
	if err != nil {
		return nil, err
	}
	if s, shares := l.share(me); !shares || !s.Guest {
		return nil, refuse(http.StatusConflict, "this host is no guest of resource %s", name)
	}
	_, err = d.question(req.Context(), CatalogQuestion{Verb: CatalogUnshare, Host: me,
		Scope: resourceScope(name)})
	return nil, err
}

// peerAddGuest makes the host that asks a guest. A host can speak for itself alone.
func (d *Daemon) peerAddGuest(r *resource, req *http.Request) (any, error) {
	id := peerOf(req)
	if id == 0 {
		return nil, refuse(http.StatusForbidden, "nobody is known to ask this")
	}
	l, err := d.listing(req.Context(), resourceScope(r.def.Name))
	if err != nil {
		return nil, err
	}
	if l.member(id) {
		return nil, refuse(http.StatusConflict, "host %s is a member of resource %s", d.nameOf(id), r.def.Name)
	}
	_, err = d.question(req.Context(), CatalogQuestion{Verb: CatalogGuest, Host: id,
		Scope: resourceScope(r.def.Name)})
	if err != nil {
		return nil, err
	}
	return d.sharedView(req.Context(), r.def.Name)
}
