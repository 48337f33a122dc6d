package daemon

import (
	"context"
	"net/http"
	"time"
)

// A witness votes on the leases of a resource without having a replica. Which host it is stands in the
// definition of each member, from the creation of the resource on. It begins to vote when it is asked to be the witness.

// mayWitness says whether a resource can be made with this lease and witness.
func (d *Daemon) mayWitness(c *Create) error {
	if c.Lease != 0 && time.Duration(c.Lease) < minLease {
		return refuse(http.StatusBadRequest, "lease %v, expected 0s or at least %v: it is many round trips long", c.Lease, minLease)
	}
	if c.Witness == "" {
		return nil
	}
	switch id := d.config().hostID(c.Witness); {
	case c.Lease == 0:
		return refuse(http.StatusBadRequest, "witness %s: there is nothing to vote on without a lease", c.Witness).hinting(
			"give a lease, such as --lease 5s")
	case c.Witness == d.config().Host.Name:
		return refuse(http.StatusBadRequest, "witness %s: it must be a host without a replica, and this one has the first",
			c.Witness)
	case id == 0:
		return refuse(http.StatusBadRequest, "witness %s: there is no [[peer]] of that name in %s", c.Witness, d.config().Path)
	}
	return nil
}

// minLease is the least lease that can be asked for.
const minLease = 100 * time.Millisecond

func (d *Daemon) postWitness(req *http.Request) (any, error) {
	w, err := parse[Witness](req)
	if err != nil {
		return nil, err
	}
	name := req.PathValue("name")
	done, err := d.begin(name, joining)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := d.vacant(name); err != nil {
		return nil, err
	}
	member, v, err := d.describedBy(req.Context(), name, w.From)
	if err != nil {
		return nil, err
	}
	switch me := d.config().Host.Name; v.Definition.Witness {
	case me:
	case "":
		return nil, refuse(http.StatusConflict, "resource %s was made without a witness", name).hinting(
			"a witness is named when a volume is made: `pitch vol create --lease 5s --witness %s`", me)
	default:
		return nil, refuse(http.StatusConflict, "the witness of resource %s is %s, not %s", name, v.Definition.Witness, me)
	}
	def := asMember(v, member)
	def.Strategy, def.Joins = WitnessOf, false
	if w.DryRun {
		if _, err := d.fits(def, http.StatusConflict); err != nil {
			return nil, err
		}
		return planned("this host would vote on the leases of %s, %v each", name, def.Lease)
	}
	r, err := d.install(def, http.StatusConflict)
	if err != nil {
		return nil, err
	}
	return d.getResource(r, req)
}

// describedBy asks a member what it knows of a resource, or all peers until one is a member. It need not be primary:
// it may wait for the witness to become so.
func (d *Daemon) describedBy(ctx context.Context, name, member string) (host string, v Described, err error) {
	hosts := []string{member}
	if member == "" {
		hosts = d.peerNames()
	}
	first := error(refuse(http.StatusBadRequest, "this host has no [[peer]] to ask for resource %s", name))
	for i, host := range hosts {
		v = Described{}
		err := d.askPeer(ctx, host, http.MethodGet, peerPath(name), &v)
		if err == nil && !v.Definition.votes() {
			return host, v, nil
		}
		if i == 0 && err != nil {
			first = err
		}
	}
	return "", v, first
}

// witnessLeaves ends the vote of this host. The members still count it as a voter.
func (d *Daemon) witnessLeaves(r *resource, l Leave) (any, error) {
	if l.Host != "" && l.Host != d.config().Host.Name {
		return nil, refuse(http.StatusConflict, "resource %s: this host is its witness, and cannot end a membership",
			r.def.Name).hinting("ask the primary's host")
	}
	if l.DryRun {
		return planned("this host would vote no more; the members need a majority without it")
	}
	done, err := d.begin(r.def.Name, leaving)
	if err != nil {
		return nil, err
	}
	defer done()
	return nil, d.uninstall(r)
}
