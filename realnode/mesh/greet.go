package mesh

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/container-football/pitch/realnode/ca"
)

// protocol is what the two sides agree on within TLS, so that none of another kind of server under
// the same authority is taken for one of us.
const protocol = "pitch-mesh"

// us presents this host in a new handshake.
func (m *Mesh) us() party {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return party{versions: m.cfg.versions, cluster: m.cfg.Self.Cluster, name: m.cfg.Self.Name,
		id: m.cfg.Self.ID, incarnation: m.cfg.Self.Incarnation,
		nonce: binary.LittleEndian.Uint64(nonce[:]), features: ours}
}

// bounded runs a handshake on a socket and sees to it that it ends. It closes s if that fails.
func (m *Mesh) bounded(ctx context.Context, s *socket, shake func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, m.cfg.Handshake, errSlow)
	defer cancel()
	s.raw = true // there is one limit for all of it
	stop := context.AfterFunc(ctx, s.abort)
	err := shake(ctx)
	if !stop() {
		err = context.Cause(ctx)
	}
	s.raw = false
	if err != nil {
		s.abort()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}

var (
	errSlow  = errors.New("the handshake took too long")
	errShort = errors.New("closed by the other side in the handshake")
)

// call is the client's side of a handshake.
func (m *Mesh) call(ctx context.Context, s *socket, want Peer, kind purpose) (*link, error) {
	l := &link{sock: s, purpose: kind, outgoing: true}
	err := m.bounded(ctx, s, func(ctx context.Context) error {
		if m.cfg.TLS != nil {
			cfg := m.cfg.TLS.Client(want.Name)
			adapt(cfg)
			l.tls = tls.Client(s, cfg)
			if err := m.cfg.TLS.Handshake(ctx, l.tls); err != nil {
				return err
			}
		}
		err := m.introduce(l, want)
		if m.cfg.TLS != nil {
			err = m.cfg.TLS.Explain(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

var errProtocol = &Refusal{Err: ErrVersion,
	Text: "the other side speaks TLS, but not the protocol " + protocol}

// adapt completes a configuration of TLS.
func adapt(cfg *tls.Config) {
	cfg.NextProtos = []string{protocol}
	cfg.DynamicRecordSizingDisabled = true
}

// introduce tells the server who we are, once it has told who it is.
func (m *Mesh) introduce(l *link, want Peer) error {
	if l.tls != nil && l.tls.ConnectionState().NegotiatedProtocol != protocol {
		return errProtocol
	}
	b, err := readRecord(l.conn(), recordWelcome)
	if err != nil {
		return err
	}
	server, err := decodeWelcome(b)
	if err != nil {
		return err
	}
	h := hello{party: m.us(), wantID: want.ID, wantName: want.Name, purpose: l.purpose,
		ping: m.cfg.Ping}
	h.version = h.versions.common(server.versions)
	if _, err := l.conn().Write(recordOf(recordHello, h.encode())); err != nil {
		return err
	}
	if b, err = readRecord(l.conn(), recordVerdict); err != nil {
		return err
	}
	v, err := decodeVerdict(b)
	switch {
	case err != nil:
		return err
	case v.code != 0:
		return refusalOf(v.code, v.reason)
	}
	// A server that lets anybody in must not be taken for the one that we want.
	if err := checkPair(server, h); err != nil {
		return err
	}
	l.remote, l.version, l.ping, l.made = server, h.version, h.ping, time.Now()
	l.out, l.in = salts(server, h)
	return nil
}

// checkPair says why two hosts cannot talk, whoever they are.
func checkPair(server party, h hello) error {
	switch {
	case server.versions.common(h.versions) == 0:
		return &Refusal{Err: ErrVersion, Text: fmt.Sprintf("no common version: host %v speaks %v, "+
			"host %v speaks %v", server, server.versions, h.party, h.versions)}
	case server.cluster != h.cluster:
		return &Refusal{Err: ErrCluster, Text: fmt.Sprintf("host %v is of cluster %s, host %v of "+
			"cluster %s", server, server.cluster, h.party, h.cluster)}
	case server.id != h.wantID || server.name != h.wantName:
		return &Refusal{Err: ErrWrongHost, Text: fmt.Sprintf("this is host %v, you wanted %s", server,
			hostText(h.wantName, h.wantID))}
	case h.version != server.versions.common(h.versions):
		return &Refusal{Err: ErrVersion, Text: fmt.Sprintf("version %d was chosen, expected %d",
			h.version, server.versions.common(h.versions))}
	}
	return nil
}

// answer is the server's side of a handshake, at whose end in is admitted. If it fails after that,
// in must be released all the same.
func (m *Mesh) answer(ctx context.Context, s *socket, in *inbound) error {
	l := &link{sock: s}
	in.link = l
	return m.bounded(ctx, s, func(ctx context.Context) error {
		if m.cfg.TLS == nil {
			return m.receive(in, "")
		}
		cfg := m.cfg.TLS.Server()
		adapt(cfg)
		l.tls = tls.Server(s, cfg)
		if err := m.cfg.TLS.Handshake(ctx, l.tls); err != nil {
			return err
		}
		state := l.tls.ConnectionState()
		if state.NegotiatedProtocol != protocol {
			return errProtocol
		}
		proven, err := ca.Peer(state)
		if err == nil {
			err = m.receive(in, proven)
		}
		return m.cfg.TLS.Explain(err)
	})
}

// receive hears who the client is, whose name was proven unless that is empty, and judges.
func (m *Mesh) receive(in *inbound, proven string) error {
	l, us := in.link, m.us()
	if _, err := l.conn().Write(recordOf(recordWelcome, us.encode())); err != nil {
		return err
	}
	b, err := readRecord(l.conn(), recordHello)
	if err != nil {
		return err
	}
	h, err := decodeHello(b)
	if err == nil {
		l.remote, l.version, l.purpose, l.made = h.party, h.version, h.purpose, time.Now()
		l.in, l.out = salts(us, h)
		l.ping = h.ping
		if err = m.judge(us, h, proven); err == nil {
			err = in.admit(l)
		}
	}
	var v verdict
	if err != nil {
		v = verdict{refusalCode(err), err.Error()}
	}
	_, failed := l.conn().Write(recordOf(recordVerdict, v.encode()))
	if err != nil {
		return err
	}
	return failed
}

// judge says whether we talk to a client whose name was proven, unless that is empty.
func (m *Mesh) judge(us party, h hello, proven string) error {
	if err := checkPair(us, h); err != nil {
		return err
	}
	if proven != "" && proven != h.name {
		return &Refusal{Err: ErrIdentity, Text: fmt.Sprintf("you say you are host %v, but your "+
			"certificate is of host %s", h.party, proven)}
	}
	p := m.peer(h.id)
	switch {
	case p == nil:
		return &Refusal{Err: ErrUnknownPeer, Text: fmt.Sprintf("host %v knows no host %v", us,
			h.party)}
	case p.name != h.name:
		return &Refusal{Err: ErrIdentity, Text: fmt.Sprintf("you say you are host %v, but host %d "+
			"is %s", h.party, h.id, p.name)}
	case h.purpose < control || h.purpose > stream:
		return &Refusal{Err: ErrVersion, Text: fmt.Sprintf("%v is unknown here", h.purpose)}
	}
	return nil
}
