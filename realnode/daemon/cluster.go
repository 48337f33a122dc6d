package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/container-football/pitch/node"
)

// How a host comes to be in a cluster: it asks all its peers. If one is in a cluster, the host joins
// that. If all have said that they are in none, the one with the lowest number makes it. Who cannot
// be reached may be in one, so it is waited for: a host with a new data folder must not make a second
// cluster beside the one that it was in.

// PeerCluster is what a daemon tells another one about the cluster that it is in.
type PeerCluster struct {
	Cluster string `json:"cluster"` // empty: none
}

func (d *Daemon) peerCluster(req *http.Request) (any, error) {
	p, err := d.catalogReport(req.Context())
	return PeerCluster{p.Cluster}, err
}

// How long a host without a cluster waits before it asks its peers again.
const (
	searchFirst = 200 * time.Millisecond
	searchMost  = 5 * time.Second
)

// findCluster returns true once this host is in a cluster, false when it stops.
func (d *Daemon) findCluster(ctx context.Context) bool {
	told := ""
	for wait := searchFirst; ctx.Err() == nil; wait = min(2*wait, searchMost) {
		p, err := d.catalogReport(ctx)
		if err == nil && p.Cluster != "" {
			return true
		}
		if err == nil {
			err = d.search(ctx)
		}
		if err == nil {
			continue // look whether it is so
		}
		if told != err.Error() && ctx.Err() == nil {
			told = err.Error()
			d.log.Info("in no cluster yet", "why", told)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return false
}

// errNotLowest says that it is for another host to make the cluster.
var errNotLowest = errors.New("waiting for the host with the lowest number to make one")

// search makes or joins a cluster, or says why not now.
func (d *Daemon) search(ctx context.Context) error {
	cfg := d.config()
	var silent []string
	lowest := true
	for i := range cfg.Peers {
		p := &cfg.Peers[i]
		lowest = lowest && cfg.Host.ID < p.ID
		v, err := d.askCluster(ctx, p)
		switch {
		case err != nil:
			silent = append(silent, p.Name)
		case v.Cluster != "":
			return d.enter(ctx, CatalogQuestion{Verb: CatalogJoin, Host: node.ID(p.ID)})
		}
	}
	switch {
	case len(silent) > 0:
		return fmt.Errorf("waiting for %s, which may be in one", strings.Join(silent, ", "))
	case !lowest:
		return errNotLowest
	}
	return d.createCluster(ctx)
}

// askCluster asks a peer, if it is connected, which cluster it is in.
func (d *Daemon) askCluster(ctx context.Context, p *Peer) (v PeerCluster, err error) {
	if !d.reaches(node.ID(p.ID)) {
		return v, fmt.Errorf("host %s is not connected", p.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, searchMost)
	defer cancel()
	return v, d.askPeer(ctx, p.Name, http.MethodGet, "/v1/peer/cluster", &v)
}

// createCluster makes a cluster of this host.
func (d *Daemon) createCluster(ctx context.Context) error {
	var uuid [16]byte
	if _, err := rand.Read(uuid[:]); err != nil {
		return err
	}
	return d.enter(ctx, CatalogQuestion{Verb: CatalogCreate,
		Scope: "cluster/" + hex.EncodeToString(uuid[:])})
}

// enter creates or joins a cluster. There this host says its name and address.
func (d *Daemon) enter(ctx context.Context, q CatalogQuestion) error {
	cfg := d.config()
	q.Value = cfg.Host.Name + " " + cfg.Host.Listen
	if _, err := d.question(ctx, q); err != nil {
		return err
	}
	d.log.Info("in a cluster now", "made", q.Verb == CatalogCreate, "by", d.nameOf(q.Host))
	d.metadata.wakeTeller()
	return nil
}

// nameOf is the name of a host; empty for none.
func (d *Daemon) nameOf(id node.ID) string { return hostText(d.config(), id) }

// MergeCluster asks to merge the cluster of the host that is asked with that of another one.
type MergeCluster struct {
	Host string `json:"host"`
}

func (d *Daemon) postCreateCluster(req *http.Request) (any, error) {
	if err := d.createCluster(req.Context()); err != nil {
		return nil, err
	}
	return d.getHosts(req)
}

func (d *Daemon) postMergeCluster(req *http.Request) (any, error) {
	v, err := parse[MergeCluster](req)
	if err != nil {
		return nil, err
	}
	id, err := d.knownHost(v.Host)
	if err != nil {
		return nil, err
	}
	if _, err := d.question(req.Context(), CatalogQuestion{Verb: CatalogMerge, Host: id}); err != nil {
		return nil, err
	}
	return d.getHosts(req)
}

// ClusterHost is a host of the cluster.
type ClusterHost struct {
	Name    string `json:"name"`
	ID      int    `json:"id"`
	Address string `json:"address"`
	// Seen is how many seconds ago it told that it is alive; only those that share a resource with
	// this host tell it.
	Seen *float64 `json:"seen_seconds,omitempty"`
	Self bool     `json:"self,omitempty"`
	// Connected is set if it is a peer of this host that can be reached now.
	Connected bool `json:"connected"`
}

func (d *Daemon) getHosts(req *http.Request) (any, error) {
	p, err := d.catalogReport(req.Context())
	if err != nil {
		return nil, err
	}
	list := []ClusterHost{}
	for _, scope := range p.Clusters {
		l, err := d.listing(req.Context(), scope)
		if err != nil {
			return nil, err
		}
		for _, s := range l.Shares {
			h, err := d.clusterHost(req.Context(), s)
			if err != nil {
				return nil, err
			}
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b ClusterHost) int { return a.ID - b.ID })
	return list, nil
}

// clusterHost is what is known of a host, by its share of the cluster's scope.
func (d *Daemon) clusterHost(ctx context.Context, s CatalogShare) (ClusterHost, error) {
	cfg := d.config()
	h := ClusterHost{ID: int(s.Host), Self: s.Host == node.ID(cfg.Host.ID), Connected: d.reaches(s.Host)}
	h.Name, h.Address, _ = strings.Cut(s.About, " ")
	if p := cfg.peer(h.Name); p != nil && p.ID == h.ID {
		h.Address = p.Address // where this host reaches it
	}
	if h.Name == "" {
		h.Name = hostText(cfg, s.Host) // a split has moved it, and it has not said its name there
	}
	var err error
	h.Seen, err = d.seen(ctx, s.Host)
	return h, err
}

// seen is how many seconds ago a host told that it is alive, or nil.
func (d *Daemon) seen(ctx context.Context, id node.ID) (*float64, error) {
	l, err := d.listing(ctx, hostScope(id))
	for _, k := range l.Keys {
		if k.Key == aliveKey {
			age := d.metadata.age(k.Time).Seconds()
			return &age, err
		}
	}
	return nil, err
}
