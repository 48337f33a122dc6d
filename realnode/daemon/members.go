package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Membership is a matter of the primary's machine, which tells all members. Daemons only carry
// the questions there: a host that wants to join or leave asks the primary's daemon.

// Described is what a member tells a host that wants to join.
type Described struct {
	Definition Definition `json:"definition"`
	Primary    string     `json:"primary"` // empty: none
	Serving    bool       `json:"serving"` // the host that tells is primary
	Members    []string   `json:"members"`
	Sectors    int64      `json:"sectors"`
	// Open is how many users hold the volume open at the host that tells.
	Open int64 `json:"open,omitempty"`
	// Guests are the hosts that use the volume without a replica, as far as the host that tells knows.
	Guests []GuestView `json:"guests,omitempty"`
}

func (d *Daemon) peerDescribe(r *resource, req *http.Request) (any, error) {
	if r.def.imported() {
		return nil, refuse(http.StatusNotFound, "%s has no replica of resource %q", d.config().Host.Name,
			r.def.Name)
	}
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	cfg := d.config()
	v := Described{Definition: *r.def, Primary: hostText(cfg, st.Primary),
		Serving: st.Role == replica.RolePrimary, Sectors: st.Sectors, Open: st.Open}
	v.Members = memberNames(cfg, st)
	v.Guests = d.guests(req.Context(), r)
	return v, nil
}

// peerAddMember makes the host that asks a member. A host can speak for itself alone.
func (d *Daemon) peerAddMember(r *resource, req *http.Request) (any, error) {
	return d.peerMember(r, req, replica.OpAddMember)
}

func (d *Daemon) peerRemoveMember(r *resource, req *http.Request) (any, error) {
	return d.peerMember(r, req, replica.OpRemoveMember)
}

func (d *Daemon) peerMember(r *resource, req *http.Request, op node.Op) (any, error) {
	addr := node.Addr{Host: peerOf(req), Machine: uint32(r.def.Number)}
	if addr.Host == 0 {
		return nil, refuse(http.StatusForbidden, "nobody is known to ask this")
	}
	if err := d.verb(req.Context(), r, op, 0, replica.AppendAddr(nil, addr)); err != nil {
		return nil, err
	}
	return d.peerDescribe(r, req)
}

// peerTimeout is how long another daemon may take to answer.
const peerTimeout = 40 * time.Second

// peerPath is where a resource is, for other daemons.
func peerPath(name string, more ...string) string { return pathBelow("/v1/peer", name, more) }

// knownHost is the number of a host that must be known here.
func (d *Daemon) knownHost(name string) (node.ID, error) {
	if id := d.config().hostID(name); id != 0 {
		return id, nil
	}
	return 0, refuse(http.StatusBadRequest, "host %q is no [[peer]] of this host", name)
}

// askPeer asks the daemon of another host.
func (d *Daemon) askPeer(ctx context.Context, host, method, path string, out any) error {
	id, err := d.knownHost(host)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.mesh.Dial(ctx, id)
		}}}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return refuse(http.StatusBadGateway, "host %s: %v", host, cause(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return refuse(http.StatusBadGateway, "host %s: %v", host, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refuse(resp.StatusCode, "host %s: %v", host,
			refused(resp.Status, resp.StatusCode, bytes.NewReader(body)))
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		return refuse(http.StatusBadGateway, "host %s answers what cannot be understood: %v", host, err)
	}
	return nil
}

// primaryOf asks hosts, and whom they name, for the primary of a resource.
func (d *Daemon) primaryOf(ctx context.Context, name string, from []string) (string, error) {
	var first error
	asked := make(map[string]bool) // members may name each other, while the primary changes
	for len(from) > 0 {
		host := from[0]
		from = from[1:]
		if asked[host] {
			continue
		}
		asked[host] = true
		var v Described
		err := d.askPeer(ctx, host, http.MethodGet, peerPath(name), &v)
		switch {
		case err != nil && first == nil:
			first = err
		case err != nil:
		case v.Serving:
			return host, nil
		case v.Primary == "" || v.Primary == host || !slices.Contains(v.Members, v.Primary):
			first = refuse(http.StatusConflict, "resource %s has no primary now", name).hinting(
				"make one of its members primary first")
		case asked[v.Primary]:
			if first == nil {
				first = refuse(http.StatusConflict, "resource %s: its members do not agree on a primary",
					name).hinting("try again when `pitch vol view` there shows one")
			}
		default:
			from = append([]string{v.Primary}, from...)
		}
	}
	if first == nil {
		first = refuse(http.StatusConflict, "resource %s has no other member to ask", name)
	}
	return "", first
}

// primaryFrom finds the primary of a resource by way of a member, or of all peers.
func (d *Daemon) primaryFrom(ctx context.Context, name, member string) (string, error) {
	from := []string{member}
	if member == "" {
		if from = d.peerNames(); len(from) == 0 {
			return "", refuse(http.StatusBadRequest, "this host has no [[peer]] to ask for resource %s",
				name)
		}
	}
	return d.primaryOf(ctx, name, from)
}

func (d *Daemon) postJoin(req *http.Request) (any, error) {
	j, err := parse[Join](req)
	if err != nil {
		return nil, err
	}
	name := req.PathValue("name")
	done, err := d.begin(name, joining)
	if err != nil {
		return nil, err
	}
	defer done()
	guest, err := d.notUsedHere(req.Context(), name)
	if err != nil {
		return nil, err
	}
	primary, err := d.primaryFrom(req.Context(), name, j.From)
	if err != nil {
		return nil, err
	}
	if j.DryRun {
		return d.wouldJoin(req, name, primary)
	}
	// From here on it goes on, also if whoever asked does not wait for it: the primary would keep its
	// log for a member that there is not.
	path := peerPath(name, "members")
	var v Described
	if err := d.askPeer(d.life, primary, http.MethodPost, path, &v); err != nil {
		return nil, err
	}
	if guest != nil {
		// It gives its place to the replica. Users who have come meanwhile lose it.
		if err := d.uninstall(guest); err != nil {
			return nil, err
		}
	}
	// Nobody here has asked for what is wrong with the definition.
	r, err := d.install(asMember(v, primary), http.StatusConflict)
	if err != nil {
		undo := d.askPeer(context.WithoutCancel(req.Context()), primary, http.MethodDelete, path, &v)
		if undo != nil {
			d.log.Error("primary still takes this host for a member", "resource", name, "error", undo)
		}
		return nil, err
	}
	return d.getResource(r, req)
}

// asMember is the definition of a resource for a host that becomes a member.
func asMember(v Described, primary string) *Definition {
	def := v.Definition
	def.Schema, def.Joins = Schema, true
	def.Size = units.Bytes(v.Sectors) * def.Sector
	// The first counts as primary until the replica has heard more.
	def.Members = append([]string{primary}, slices.DeleteFunc(slices.Clone(v.Members),
		func(host string) bool { return host == primary })...)
	return &def
}

func (d *Daemon) peerNames() (names []string) {
	cfg := d.config()
	for i := range cfg.Peers {
		names = append(names, cfg.Peers[i].Name)
	}
	return names
}

func (d *Daemon) postLeave(r *resource, req *http.Request) (any, error) {
	l, err := parse[Leave](req)
	if err != nil {
		return nil, err
	}
	if r.def.imported() {
		return nil, r.noReplica()
	}
	if r.def.votes() {
		return d.witnessLeaves(r, l)
	}
	cfg := d.config()
	if l.Host != "" && l.Host != cfg.Host.Name {
		if l.DryRun {
			return d.wouldExpel(r, req, l.Host)
		}
		return nil, d.expel(r, req, l.Host)
	}
	done, err := d.begin(r.def.Name, leaving)
	if err != nil {
		return nil, err
	}
	defer done()
	st, err := r.dispensable(req.Context())
	if err != nil {
		return nil, err
	}
	if l.DryRun {
		return d.wouldLeave(r, req, st, l.Force)
	}
	// It goes on, also if whoever asked does not wait for it: the primary has let this host go.
	if err := d.askToLeave(d.life, r, st); err != nil && !l.Force {
		return nil, err
	}
	// Whoever was asked may have taken long, and this host may have become primary by force.
	if _, err := r.dispensable(d.life); err != nil {
		return nil, err
	}
	return nil, d.uninstall(r)
}

// dispensable refuses to let a replica go that is primary or in use.
func (r *resource) dispensable(ctx context.Context) (replica.Status, error) {
	st, err := r.fresh(ctx)
	if err == nil && (st.Role == replica.RolePrimary || st.Open > 0) {
		err = refuse(http.StatusConflict, "resource %s: this host is primary", r.def.Name).hinting(
			"`pitch vol primary %s` on another member first; the last member is ended by "+
				"`pitch vol delete %s`", r.def.Name, r.def.Name)
	}
	return st, err
}

// askToLeave tells the primary, unless it has thrown us out itself.
func (d *Daemon) askToLeave(ctx context.Context, r *resource, st replica.Status) error {
	member, others := d.others(st)
	if !member {
		return nil
	}
	primary, err := d.primaryOf(ctx, r.def.Name, others)
	if err == nil {
		var v Described
		err = d.askPeer(ctx, primary, http.MethodDelete, peerPath(r.def.Name, "members"), &v)
	}
	if err != nil {
		return fmt.Errorf("leave: %w (with --force this host forgets the resource by itself)", err)
	}
	return nil
}

// others are the names of the members besides this host, and whether it is one itself.
func (d *Daemon) others(st replica.Status) (member bool, names []string) {
	cfg := d.config()
	for _, m := range st.Members {
		if m.Host == node.ID(cfg.Host.ID) {
			member = true
		} else {
			names = append(names, hostText(cfg, m.Host))
		}
	}
	return member, names
}

// expel ends the membership of a host that cannot ask for it.
func (d *Daemon) expel(r *resource, req *http.Request, host string) error {
	id, err := d.knownHost(host)
	if err != nil {
		return err
	}
	return d.verb(req.Context(), r, replica.OpRemoveMember, 0,
		replica.AppendAddr(nil, node.Addr{Host: id, Machine: uint32(r.def.Number)}))
}
