package mesh

import (
	"time"

	"github.com/container-football/pitch/node"
)

// PeerStats is what there is to know about one peer, at one moment. Numbers begin with zero when
// the peer is added.
type PeerStats struct {
	Peer
	// Connected says that both connections to it stand, which is when messages of all classes go
	// there. Accepted says that both connections from it stand.
	Connected, Accepted bool
	Since               time.Time // when Connected became what it is
	Version             uint16    // of the protocol, towards it; 0 before the first connection
	Incarnation         int64     // the one that it told last; 0 before that
	RoundTrip           time.Duration
	Dials               uint64 // attempts to connect
	Connections         uint64 // those that went well
	WireOut, WireIn     uint64 // bytes of TCP: after compression, and with what TLS adds
	Error               string // of the last attempt or connection that failed; empty: none did
	ErrorAt             time.Time
	Classes             [node.Classes]ClassStats
}

// ClassStats is the part of one class.
type ClassStats struct {
	Out, In Traffic // what was handed to the system, and to Deliver
	Lost    Traffic // what was never sent, or was in a connection's hands when that broke
	Queued  Traffic // what waits now
}

// Traffic is an amount of messages, and of bytes in their bodies.
type Traffic struct {
	Messages, Bytes uint64
}

// stats describes p at this moment.
func (p *peer) stats() PeerStats {
	p.mu.Lock()
	st := PeerStats{Peer: p.cfg, Connected: p.connected(),
		Accepted: p.incoming[control] != nil && p.incoming[bulk] != nil,
		Since:    p.since, Version: p.version, Incarnation: p.incarnation, ErrorAt: p.errAt}
	if p.err != nil {
		st.Error = text(p.err)
	}
	st.WireIn = p.in.wire.Load()
	for _, in := range p.incoming {
		if in != nil {
			st.WireIn += in.link.sock.came.Load()
		}
	}
	p.mu.Unlock()
	for _, l := range p.lanes[control:] {
		l.addTo(&st)
	}
	for class := range st.Classes {
		st.Classes[class].In = Traffic{p.in.messages[class].Load(), p.in.bytes[class].Load()}
	}
	return st
}

func (l *lane) addTo(st *PeerStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st.Dials += l.dials
	st.Connections += l.connections
	st.WireOut += l.wired
	if l.link != nil {
		st.WireOut += l.link.sock.wired.Load()
	}
	if l.kind == control {
		st.RoundTrip = l.roundTrip
	}
	for i := range l.queues {
		q := &l.queues[i]
		c := &st.Classes[q.class]
		c.Out, c.Lost, c.Queued = l.sent[q.class], l.lost[q.class], q.waiting
	}
}
