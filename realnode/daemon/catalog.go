package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/engine"
)

// Catalog is the machine of the cluster's metadata, and the form of what is said to it: the daemon
// asks, and does not know how keys spread.
type Catalog interface {
	// Spec makes the machine. Epoch is what the clocks of all hosts showed when the engine's was zero.
	Spec(epoch node.Time) node.Spec
	// Request puts a question into the form that the machine reads.
	Request(q CatalogQuestion) engine.Request
	// Listing and Report read what is answered to CatalogList and CatalogReport.
	Listing(answer []byte) (CatalogListing, error)
	Report(answer []byte) (CatalogReport, error)
}

// CatalogVerb is what a machine of metadata is asked for.
type CatalogVerb int

// The verbs. Host, Scope, Key and Value are those of a [CatalogQuestion].
const (
	CatalogCreate  CatalogVerb = iota + 1 // a cluster, Scope, with this host, which says Value of itself
	CatalogJoin                           // this host joins the cluster of Host
	CatalogMerge                          // the cluster of this host with that of Host
	CatalogMember                         // Host is a member of Scope
	CatalogGuest                          // Host is a guest of Scope
	CatalogUnshare                        // Host shares Scope no more
	CatalogSet
	CatalogDelete
	CatalogList
	CatalogReports
)

// CatalogQuestion is one request to a machine of metadata.
type CatalogQuestion struct {
	Verb              CatalogVerb
	Host              node.ID
	Scope, Key, Value string
}

// CatalogKey is one key of a scope, with the time of its stamp.
type CatalogKey struct {
	Key, Value string
	Time       node.Time
}

// CatalogShare is a host that shares a scope. About is what it said of itself.
type CatalogShare struct {
	Host  node.ID
	Guest bool
	About string
}

// CatalogListing is what a host has of a scope.
type CatalogListing struct {
	Shares []CatalogShare
	Keys   []CatalogKey
}

// share returns the share of a host, if it has one.
func (l *CatalogListing) share(id node.ID) (CatalogShare, bool) {
	for _, s := range l.Shares {
		if s.Host == id {
			return s, true
		}
	}
	return CatalogShare{}, false
}

// member says whether a host is a member of the scope, and not just a guest.
func (l *CatalogListing) member(id node.ID) bool {
	s, shares := l.share(id)
	return shares && !s.Guest
}

// CatalogReport is how a machine of metadata stands.
type CatalogReport struct {
	Cluster   string   // empty: this host is in none
	Clusters  []string // scopes of all clusters that were merged
	Resources []string // names of those that this host shares
	Refused   uint64   // entries whose stamps were too far ahead of this host's clock
}

// catalogMachine is the number of the machine of metadata on each host. No resource has it.
const catalogMachine = node.LayerMachine - 1

// catalogName is the folder of the log in the data folder.
const catalogName = "catalog"

func resourceScope(name string) string { return "resource/" + name }

func hostScope(id node.ID) string { return "host/" + strconv.FormatUint(uint64(id), 10) }

// metadata is the machine of metadata as the rest of the daemon sees it.
type metadata struct {
	unit  *engine.Unit  // nil: there is none
	err   error         // why
	epoch node.Time     // wall time when the engine's clock showed zero
	clock *engine.Clock // as the engine has it
	wake  chan struct{} // something may have to be told
}

// errNoCatalog says that a daemon was built, or is driven, without metadata.
var errNoCatalog = errors.New("this daemon keeps no metadata")

// openCatalog opens the log of the metadata. A daemon that cannot serves volumes all the same.
func (d *Daemon) openCatalog() {
	m := &d.metadata
	m.wake, m.err = make(chan struct{}, 1), errNoCatalog
	if d.opt.Catalog == nil || d.opt.Runner != nil { // a run has nothing to administer
		return
	}
	// What a test adds to the clock is a clock that is wrong: it must stay visible in the stamps.
	m.epoch = node.Time(time.Now().UnixNano()) - m.clock.Real()
	open := func(func() uint64) (disk.Device, error) {
		return disk.OpenLog(filepath.Join(d.data.dir, catalogName),
			disk.LogOptions{Buffered: d.cfg.Testing.PageCache})
	}
	m.unit, m.err = d.engine.Add(engine.Machine{Number: catalogMachine,
		Spec: d.opt.Catalog.Spec(m.epoch), Logs: []engine.Opener{open}})
	if m.err != nil {
		d.log.Error("metadata cannot be used", "error", m.err)
	}
}

// bootCatalog lets the metadata run, and this host tell what there is to tell.
func (d *Daemon) bootCatalog(ctx context.Context) {
	u := d.metadata.unit
	if u == nil {
		return
	}
	u.Boot(d.data.incarnation, node.Hash(d.data.seed, uint64(d.config().Host.ID)))
	d.tasks.Go(func() {
		if d.findCluster(ctx) {
			d.tell(ctx)
		}
	})
}

// age is how long ago a key was stamped, by this host's clock. Another one may be ahead of it.
func (m *metadata) age(at node.Time) time.Duration {
	return time.Duration(max(0, m.clock.Now()+m.epoch-at))
}

// wakeTeller says that something may have to be told. It does not wait.
func (m *metadata) wakeTeller() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// catalogTimeout is how long the metadata of this host may take to answer: longer than a verb that
// waits for another host.
const catalogTimeout = 40 * time.Second

// question asks the metadata of this host.
func (d *Daemon) question(ctx context.Context, q CatalogQuestion) ([]byte, error) {
	m := &d.metadata
	if m.unit == nil {
		return nil, refuse(http.StatusConflict, "no metadata: %v", m.err)
	}
	ctx, cancel := context.WithTimeout(ctx, catalogTimeout)
	defer cancel()
	a, err := ask(ctx, m.unit, d.opt.Catalog.Request(q))
	switch {
	case err != nil:
		return nil, fmt.Errorf("metadata: %w", err)
	case a.code == node.Unknown:
		return nil, errStopped
	case a.code != node.OK:
		why := d.named(string(a.data))
		if why == "" {
			why = a.code.String()
		}
		status, ok := verbStatus[a.code]
		if !ok {
			status = http.StatusConflict
		}
		return nil, refuse(status, "metadata: %s", why)
	}
	return a.data, nil
}

// listing is what this host has of a scope.
func (d *Daemon) listing(ctx context.Context, scope string) (CatalogListing, error) {
	b, err := d.question(ctx, CatalogQuestion{Verb: CatalogList, Scope: scope})
	if err != nil {
		return CatalogListing{}, err
	}
	return d.opt.Catalog.Listing(b)
}

// catalogReport is how the metadata stands.
func (d *Daemon) catalogReport(ctx context.Context) (CatalogReport, error) {
	b, err := d.question(ctx, CatalogQuestion{Verb: CatalogReports})
	if err != nil {
		return CatalogReport{}, err
	}
	return d.opt.Catalog.Report(b)
}
