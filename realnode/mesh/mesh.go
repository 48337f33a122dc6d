package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/container-football/pitch/node"
)

// Mesh is this host's end of all connections. Its methods may be called from everywhere.
type Mesh struct {
	cfg      Config
	listener *net.TCPListener
	links    linkSet
	room     waitingRoom
	streams  *streams
	news     news // about those who are nobody yet
	tasks    sync.WaitGroup
	strays   atomic.Uint64
	peers    atomic.Pointer[map[node.ID]*peer] // replaced, never changed

	mu      sync.Mutex      // changes of what follows, and of peers
	ctx     context.Context // nil before Start
	stop    context.CancelFunc
	stopped bool
}

// Listen binds the port. What comes there waits until Start.
func Listen(cfg Config) (*Mesh, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, &Error{Op: "listen", Peer: cfg.Listen, Err: err}
	}
	m := &Mesh{cfg: cfg, listener: l.(*net.TCPListener)}
	m.streams = newStreams(l.Addr())
	m.peers.Store(&map[node.ID]*peer{})
	return m, nil
}

// Addr is where m listens.
func (m *Mesh) Addr() net.Addr { return m.listener.Addr() }

// Start begins to accept and to dial, until ctx ends or Close is called. Only the first call
// counts. The error is ErrClosed.
func (m *Mesh) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return ErrClosed
	}
	if m.ctx != nil {
		return nil
	}
	m.ctx, m.stop = context.WithCancel(ctx)
	ctx = m.ctx
	m.tasks.Go(func() { m.accept(ctx) })
	m.tasks.Go(func() { m.maintain(ctx) })
	m.tasks.Go(func() {
		<-ctx.Done()
		m.shut()
	})
	for _, p := range *m.peers.Load() {
		p.start(ctx)
	}
	return nil
}

// SetPeers says who the other hosts are, from now on. Those that stay keep their connections,
// unless their name or address changes. This host may be among them and is skipped. If something
// is wrong with one, nothing changes.
func (m *Mesh) SetPeers(list []Peer) error {
	names := map[string]node.ID{m.cfg.Self.Name: m.cfg.Self.ID}
	next := make(map[node.ID]*peer, len(list))
	for _, cfg := range list {
		if err := cfg.check(); err != nil {
			return err
		}
		if other, ok := names[cfg.Name]; ok && other != cfg.ID || next[cfg.ID] != nil ||
			cfg.ID == m.cfg.Self.ID && cfg.Name != m.cfg.Self.Name {
			return &Error{"set peers", hostText(cfg.Name, cfg.ID),
				errors.New("its name or number is there twice")}
		}
		names[cfg.Name] = cfg.ID
		if cfg.ID != m.cfg.Self.ID {
			next[cfg.ID] = &peer{cfg: cfg}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return ErrClosed
	}
	m.replacePeers(next)
	return nil
}

// replacePeers puts the peers that we have in the place of those of next that are the same.
func (m *Mesh) replacePeers(next map[node.ID]*peer) {
	old := *m.peers.Load()
	var added []*peer
	for id, p := range next {
		if o := old[id]; o != nil && o.name == p.cfg.Name {
			o.set(p.cfg)
			next[id] = o
			continue
		}
		next[id] = newPeer(m, p.cfg)
		added = append(added, next[id])
	}
	m.peers.Store(&next)
	for id, o := range old {
		if next[id] != o {
			o.remove()
		}
	}
	for _, p := range added {
		if m.ctx != nil {
			p.start(m.ctx)
		}
	}
}

func (m *Mesh) peer(id node.ID) *peer { return (*m.peers.Load())[id] }

// Send sends body to a machine of a peer, in the name of one of ours. It never waits, keeps
// nothing of body, and does not tell whether it arrives. Messages of one class to one host arrive
// in order, with gaps; what does not fit into the queue is lost.
func (m *Mesh) Send(from, to node.Addr, class node.Class, body []byte) {
	p := m.peer(to.Host)
	switch {
	case p == nil || class >= node.Classes:
		m.strays.Add(1)
	case class == node.ClassControl:
		p.lanes[control].send(class, from.Machine, to.Machine, body)
	default:
		p.lanes[bulk].send(class, from.Machine, to.Machine, body)
	}
}

// Strays is how many messages were sent to hosts that are no peers. They are lost.
func (m *Mesh) Strays() uint64 { return m.strays.Load() }

// Stats tells about each peer, by number.
func (m *Mesh) Stats() []PeerStats {
	var list []PeerStats
	for _, p := range *m.peers.Load() {
		list = append(list, p.stats())
	}
	slices.SortFunc(list, func(a, b PeerStats) int { return int(int64(a.ID) - int64(b.ID)) })
	return list
}

// Close ends all connections, streams too, and waits until nothing is delivered any more. It must
// not be called from Deliver.
func (m *Mesh) Close() error {
	m.shut()
	m.tasks.Wait()
	return nil
}

// shut begins the end.
func (m *Mesh) shut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	m.stopped = true
	if m.stop != nil {
		m.stop()
	}
	_ = m.listener.Close()
	m.streams.shut()
	m.room.close()
	m.links.close()
}

// connect dials a peer and shakes hands.
func (m *Mesh) connect(ctx context.Context, to Peer, kind purpose) (*link, error) {
	d := dialer{insecure: m.cfg.Insecure, congestion: to.Congestion, dead: m.cfg.Dead}
	s, warning, err := d.dial(ctx, to.Address)
	if err != nil {
		return nil, &Error{"dial", to.Address, err}
	}
	l, err := m.call(ctx, s, to, kind)
	if err != nil {
		return nil, &Error{"greet", to.Address, err}
	}
	if l.peer = m.peer(to.ID); l.peer == nil || l.peer.name != to.Name {
		s.abort()
		return nil, &Error{"dial", to.Address, ErrRemoved}
	}
	if warning != nil {
		l.peer.warn(warning)
	}
	return l, nil
}

// maintain looks after connections once in a while.
func (m *Mesh) maintain(ctx context.Context) {
	every := m.cfg.MaxAge / 8
	if m.cfg.Recheck > 0 {
		every = min(every, m.cfg.Recheck)
	}
	tick := time.NewTicker(max(every, time.Millisecond))
	defer tick.Stop()
	for checked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			m.endOld(now)
			if m.cfg.Recheck > 0 && now.Sub(checked) >= m.cfg.Recheck*9/10 {
				checked = now
				m.Recheck()
			}
		}
	}
}

// endOld ends what is too old. Who has dialed a lane makes it anew in time, without loss; this is
// for those who do not, since they no longer may.
func (m *Mesh) endOld(now time.Time) {
	for _, l := range m.links.list(func(l *link) bool {
		limit := m.cfg.MaxAge
		if l.purpose != stream {
			limit += limit / 8
		}
		ours := l.outgoing && l.purpose != stream // a session sees to that
		return !ours && now.Sub(l.made) > limit
	}) {
		l.end(ErrAge)
	}
}

// String is for logs.
func (m *Mesh) String() string {
	return fmt.Sprintf("mesh of host %s at %v", hostText(m.cfg.Self.Name, m.cfg.Self.ID), m.Addr())
}
