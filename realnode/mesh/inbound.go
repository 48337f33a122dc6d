package mesh

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/container-football/pitch/node"
)

// mostStreams is how many streams one peer may have opened at a time.
const mostStreams = 256

// inTraffic counts what has come from a peer.
type inTraffic struct {
	messages, bytes [node.Classes]atomic.Uint64
	wire            atomic.Uint64 // bytes, over connections that have ended
}

// inbound is a connection that another host has opened to send us messages.
type inbound struct {
	mesh *Mesh
	link *link
	peer *peer
	done chan struct{} // closed when nothing is delivered any more

	admitted bool
	answers  []byte
	held     atomic.Int64 // bytes of memory for reading, when the last ping came
	seal     sealer
}

// admit puts in into its place. There is one for each lane: a newer connection replaces the older
// one, whose other end must be dead or it would not have dialed again. In TLS nobody but the peer
// itself can do so.
func (in *inbound) admit(l *link) error {
	in.link = l
	p := in.mesh.peer(l.remote.id)
	if p == nil || p.name != l.remote.name {
		return in.unknown()
	}
	in.peer, l.peer = p, p
	if l.purpose == stream {
		return in.admitStream()
	}
	limit := time.After(in.mesh.cfg.Handshake)
	for {
		old, err := in.enter()
		if err != nil {
			return err
		}
		if old == nil {
			break
		}
		old.link.end(ErrReplaced)
		select {
		case <-old.done: // what it has read is delivered first
		case <-limit:
			return &Refusal{Err: ErrBusy, Text: "the connection before this one is still being read"}
		}
	}
	p.meet(l.remote.incarnation)
	for _, lane := range p.lanes[control:] {
		token(lane.nudge) // whoever calls us can be called
	}
	return nil
}

// enter takes the place, or returns who has it.
func (in *inbound) enter() (old *inbound, err error) {
	p := in.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return nil, in.unknown()
	}
	if old := p.incoming[in.link.purpose]; old != nil {
		return old, nil
	}
	p.incoming[in.link.purpose] = in
	in.admitted = true
	in.mesh.links.add(in.link)
	return nil, nil
}

func (in *inbound) unknown() error {
	return &Refusal{Err: ErrUnknownPeer, Text: "host " + in.link.remote.String() + " was removed"}
}

func (in *inbound) admitStream() error {
	p := in.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.removed:
		return in.unknown()
	case p.streams >= mostStreams:
		return &Refusal{Err: ErrBusy, Text: "too many streams from one host"}
	case !in.mesh.streams.reserve():
		return &Refusal{Err: ErrBusy, Text: "nobody takes streams, or too many wait"}
	}
	p.streams++
	in.admitted = true
	in.mesh.links.add(in.link)
	return nil
}

// release leaves the place. It may be called without one.
func (in *inbound) release() {
	if !in.admitted {
		return
	}
	in.mesh.links.remove(in.link)
	if in.link.purpose == stream {
		in.mesh.streams.unreserve()
		in.peer.leaveStream()
		return
	}
	in.peer.mu.Lock()
	in.peer.in.wire.Add(in.link.sock.came.Load())
	in.peer.incoming[in.link.purpose] = nil
	in.peer.mu.Unlock()
	close(in.done)
}

func (p *peer) leaveStream() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams--
}

// run delivers what comes until the connection breaks.
func (in *inbound) run() {
	l := in.link
	// The client pings as often as it likes; if that is seldom, we are patient.
	l.sock.quiet = max(in.mesh.cfg.Dead, 3*min(l.ping, time.Minute))
	in.seal.salt = l.out
	err := l.cause(in.read())
	for _, fine := range []error{io.EOF, ErrClosed, ErrReplaced, ErrRemoved, ErrAge} {
		if errors.Is(err, fine) {
			return
		}
	}
	if errors.Is(err, ErrFrame) {
		in.bye(err)
	}
	in.peer.news.bad(in.mesh.cfg.Log, err, "a connection was dropped", "from", l.remote.String(),
		"lane", l.purpose.String())
}

// bye tells the other side why, if it still listens.
func (in *inbound) bye(err error) {
	why := text(err)
	in.answers = in.seal.appendFrame(in.answers[:0], frameBye, []byte(why[:min(len(why), maxReason)]))
	_ = in.link.sock.SetWriteDeadline(time.Now().Add(farewell))
	in.link.sock.raw = true
	if _, err := in.link.conn().Write(in.answers); err != nil {
		return
	}
	// What has come and is not read would make the kernel forget those words.
	_ = in.link.closeWrite()
	_ = in.link.sock.SetReadDeadline(time.Now().Add(farewell))
	_, _ = io.Copy(io.Discard, in.link.sock)
}

func (in *inbound) read() error {
	r := newFrameReader(in.link.conn(), in.link.in)
	var parts assembler
	for {
		f, err := r.next()
		if err != nil {
			return err
		}
		switch {
		case f.typ == frameMessage:
			err = in.message(&parts, f)
		case f.typ == framePing && len(f.body) == 8:
			if r.shrink() {
				parts.shrink()
				in.link.sock.shrink()
			}
			in.held.Store(int64(r.held() + parts.held()))
			in.answers = in.seal.appendFrame(in.answers[:0], framePong, f.body)
			_, err = in.link.conn().Write(in.answers)
		case f.typ == frameBye:
			return io.EOF
		default:
			err = badFrame("type %d of %d bytes is no message", f.typ, len(f.body))
		}
		if err != nil {
			return err
		}
	}
}

func (in *inbound) message(parts *assembler, f frame) error {
	if f.class >= node.Classes || (f.class == node.ClassControl) != (in.link.purpose == control) {
		return badFrame("class %d in the %v lane", f.class, in.link.purpose)
	}
	msg, complete, err := parts.add(f)
	if err != nil || !complete {
		return err
	}
	in.peer.in.messages[f.class].Add(1)
	in.peer.in.bytes[f.class].Add(uint64(len(msg.body)))
	in.mesh.cfg.Deliver(node.Addr{Host: in.peer.id, Machine: msg.from}, msg.to, msg.body)
	return nil
}
