package main

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/replica/catalog"
)

// metadata is the catalog as a daemon asks it: here the two meet.
type metadata struct{}

var _ daemon.Catalog = metadata{}

// catalogOps are the verbs as the machine knows them.
var catalogOps = map[daemon.CatalogVerb]node.Op{daemon.CatalogCreate: catalog.OpCreateCluster,
	daemon.CatalogJoin: catalog.OpJoinCluster, daemon.CatalogMerge: catalog.OpMergeCluster,
	daemon.CatalogMember: catalog.OpMember, daemon.CatalogGuest: catalog.OpGuest,
	daemon.CatalogUnshare: catalog.OpUnshare, daemon.CatalogSet: catalog.OpSet,
	daemon.CatalogDelete: catalog.OpDelete, daemon.CatalogList: catalog.OpList,
	daemon.CatalogReports: catalog.OpReport}

// Spec implements daemon.Catalog.
func (metadata) Spec(epoch node.Time) node.Spec { return catalog.Spec(catalog.Config{Epoch: epoch}) }

// Request implements daemon.Catalog.
func (metadata) Request(q daemon.CatalogQuestion) engine.Request {
	return engine.Request{Op: catalogOps[q.Verb], N: int64(q.Host),
		Data: catalog.Request{Scope: q.Scope, Key: q.Key, Value: q.Value}.Encode()}
}

// Listing implements daemon.Catalog.
func (metadata) Listing(answer []byte) (daemon.CatalogListing, error) {
	l, err := catalog.DecodeListing(answer)
	var out daemon.CatalogListing
	for _, s := range l.Shares() {
		out.Shares = append(out.Shares, daemon.CatalogShare(s))
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		out.Keys = append(out.Keys, daemon.CatalogKey{Key: e.Key, Value: e.Value, Time: e.Stamp.Time})
	}
	return out, err
}

// Report implements daemon.Catalog.
func (metadata) Report(answer []byte) (daemon.CatalogReport, error) {
	p, err := catalog.DecodeReport(answer)
	return daemon.CatalogReport{Cluster: p.Cluster, Clusters: p.Merged, Resources: p.Resources(),
		Refused: p.Refused.Count}, err
}
