package mesh

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/container-football/pitch/node"
)

// peer is another host: the two lanes to it, and the connections from it.
type peer struct {
	mesh     *Mesh
	id       node.ID
	name     string
	lanes    [stream]*lane // by purpose
	limit    limiter
	compress atomic.Uint32
	in       inTraffic
	news     news
	stop     context.CancelFunc

	mu          sync.Mutex
	cfg         Peer
	changed     chan struct{} // closed when the address changes
	removed     bool
	met         bool
	incarnation int64 // that we have met last
	version     uint16
	since       time.Time
	outgoing    [stream]*link // lanes that stand
	incoming    [stream]*inbound
	streams     int
	err         error
	errAt       time.Time
}

func newPeer(m *Mesh, cfg Peer) *peer {
	p := &peer{mesh: m, id: cfg.ID, name: cfg.Name, changed: make(chan struct{}), since: time.Now()}
	p.lanes[control] = newLane(p, control, node.ClassControl)
	p.lanes[bulk] = newLane(p, bulk, node.ClassLog, node.ClassSync, node.ClassMove)
	p.set(cfg)
	return p
}

// set takes over new settings. Another address is another life.
func (p *peer) set(cfg Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit.set(cfg.Rate)
	p.compress.Store(uint32(cfg.Compress))
	moved := cfg.Address != p.cfg.Address
	p.cfg = cfg
	for _, l := range p.lanes[control:] {
		if moved {
			l.clear()
			l.setReachable(cfg.Address != "")
		}
		token(l.wake) // the rate may have changed
	}
	if moved {
		p.met = false // what is sent from now on is meant for whoever is there
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// target returns the settings, and a channel that is closed when the address changes.
func (p *peer) target() (Peer, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg, p.changed
}

// outcome notes how an attempt to reach an address ended. It returns false if that has changed
// since.
func (p *peer) outcome(l *lane, to Peer, ok bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed || p.cfg.Address != to.Address {
		return false
	}
	l.setReachable(ok)
	return true
}

// meet notes which life of the peer there is now. What waits for a former one is lost, and
// connections to it end: a machine that has lost its power does not close them.
func (p *peer) meet(incarnation int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.met && p.incarnation != incarnation {
		for _, l := range p.lanes[control:] {
			l.clear()
		}
		for kind := range p.outgoing {
			if l := p.outgoing[kind]; l != nil && l.remote.incarnation != incarnation {
				l.end(ErrReplaced)
			}
			if in := p.incoming[kind]; in != nil && in.link.remote.incarnation != incarnation {
				in.link.end(ErrReplaced)
			}
		}
	}
	p.met, p.incarnation = true, incarnation
}

// start runs the lanes.
func (p *peer) start(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	for _, l := range p.lanes[control:] {
		p.mesh.tasks.Go(func() { l.run(ctx) })
	}
}

// remove ends everything about the peer, without waiting.
func (p *peer) remove() {
	p.mu.Lock()
	p.removed = true
	for _, l := range p.lanes[control:] {
		l.setReachable(false)
	}
	stop := p.stop
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
	// A connection that is just being let in has been added already, or will see that p is gone.
	for _, l := range p.mesh.links.list(func(l *link) bool { return l.peer == p }) {
		l.end(ErrRemoved)
	}
}

// up notes that a lane is connected.
func (p *peer) up(c *link) {
	p.mu.Lock()
	p.outgoing[c.purpose] = c
	p.version = c.version
	connected := p.connected()
	if connected {
		p.since = time.Now()
	}
	p.mu.Unlock()
	if connected {
		p.news.good(p.mesh.cfg.Log, "connected", "peer", hostText(p.name, p.id), "version", c.version,
			"incarnation", c.remote.incarnation)
	}
}

func (p *peer) connected() bool { return p.outgoing[control] != nil && p.outgoing[bulk] != nil }

// down notes that a lane is not connected any more.
func (p *peer) down(c *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.connected() {
		p.since = time.Now()
	}
	p.outgoing[c.purpose] = nil
}

// failed notes why a lane is not connected.
func (p *peer) failed(l *lane, err error) {
	for _, fine := range []error{nil, ErrRemoved, ErrReplaced, ErrAge} {
		if errors.Is(err, fine) {
			return
		}
	}
	p.mu.Lock()
	p.err, p.errAt = err, time.Now()
	p.mu.Unlock()
	p.news.bad(p.mesh.cfg.Log, err, "not connected", "peer", hostText(p.name, p.id), "lane",
		l.kind.String())
}

// warn is for what does not keep hosts from talking.
func (p *peer) warn(err error) {
	p.news.bad(p.mesh.cfg.Log, err, "connected, but", "peer", hostText(p.name, p.id))
}
