package mesh

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/container-football/pitch/node"
)

// batchLimit is how many bytes of frames leave at once. A message of a higher class that comes
// meanwhile waits for them.
const batchLimit = 128 << 10

// batch is what leaves at once.
type batch struct {
	runs     [][]byte // frames
	spent    []*block // where they lie, if nothing else does
	messages [node.Classes]Traffic
	size     int // bytes
}

func (b *batch) add(class node.Class, frames []byte, spent *block, messages Traffic) {
	b.runs = append(b.runs, frames)
	if spent != nil {
		b.spent = append(b.spent, spent)
	}
	b.messages[class].add(messages)
	b.size += len(frames)
}

func (b *batch) reset() {
	for _, s := range b.spent {
		s.free()
	}
	clear(b.runs)
	clear(b.spent)
	*b = batch{runs: b.runs[:0], spent: b.spent[:0]}
}

// session sends what waits in a lane over one connection.
type session struct {
	lane  *lane
	link  *link
	seal  sealer
	batch batch
	gone  chan struct{} // closed when nothing can come back any more
	why   error         // valid then

	pings   []byte    // what of our own is to be sent
	packed  []byte    // compressed frames
	pieces  [][]byte  // what is written
	moved   time.Time // when some message was written last, or the kernel got rid of some
	unacked int       // bytes in the kernel, at the last tick
	busy    bool      // since the last tick
	began   time.Time // of the time that pings tell
}

func newSession(l *lane, c *link) *session {
	now := time.Now()
	return &session{lane: l, link: c, seal: sealer{salt: c.out}, gone: make(chan struct{}),
		began: now}
}

// always is ready.
var always = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (s *session) run(ctx context.Context, changed <-chan struct{}) error {
	go s.listen()
	cfg := &s.lane.peer.mesh.cfg
	tick := time.NewTicker(cfg.Ping)
	defer tick.Stop()
	// Not all connections at the same time.
	age := time.NewTimer(cfg.MaxAge - rand.N(cfg.MaxAge/8+1))
	defer age.Stop()
	later := time.NewTimer(time.Hour)
	defer later.Stop()
	defer s.batch.reset()
	s.ping()
	for old := false; ; {
		wait, err := s.step()
		switch {
		case err != nil:
			return s.better(err)
		case old && (s.lane.between() || time.Since(s.link.made) > 2*cfg.MaxAge):
			return s.retire(ctx, cfg.Dead)
		}
		var more chan struct{}
		switch {
		case wait == 0:
			more = always
		case wait > 0:
			later.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			return ErrRemoved
		case <-s.gone:
			return s.why
		case <-tick.C:
			if err := s.tick(cfg.Dead); err != nil {
				return err
			}
		case <-age.C:
			old = true
		case <-s.lane.wake:
		case <-later.C:
		case <-more:
		}
	}
}

// step sends one batch. It returns 0 if there may be more, otherwise for how long nothing may be
// sent, or less than 0 if nothing waits.
func (s *session) step() (wait time.Duration, err error) {
	limit := &s.lane.peer.limit
	budget, wait := limit.allow(s.link.purpose, time.Now(), batchLimit)
	if wait == 0 {
		some, err := s.lane.gather(&s.batch, budget)
		if err != nil {
			return 0, err
		}
		if !some {
			wait = -1
		}
	}
	if s.batch.size == 0 && len(s.pings) == 0 {
		return wait, nil
	}
	n := s.prepare()
	err = s.link.write(s.pieces)
	now := time.Now()
	if s.batch.size > 0 {
		s.moved, s.busy = now, true
	}
	limit.charge(s.link.purpose, now, n)
	s.lane.wrote(&s.batch, err)
	s.batch.reset()
	s.pings = s.pings[:0]
	clear(s.pieces)
	return 0, err
}

// prepare seals the frames of a batch and sets pieces. It returns how many bytes they are.
func (s *session) prepare() int {
	s.pieces = s.pieces[:0]
	n := 0
	if len(s.pings) > 0 {
		for at := 0; at < len(s.pings); at += s.sealFrame(s.pings[at:]) {
		}
		s.pieces = append(s.pieces, s.pings)
		n += len(s.pings)
	}
	codec := s.codec()
	s.packed = s.packed[:0]
	for _, run := range s.batch.runs {
		for at := 0; at < len(run); {
			size := frameHead + headerOf(run[at:]).length
			if codec == None {
				s.sealFrame(run[at:])
			} else {
				s.packFrame(codec, run[at:at+size])
			}
			at += size
		}
		if codec == None {
			s.pieces = append(s.pieces, run)
			n += len(run)
		}
	}
	if len(s.packed) > 0 {
		s.pieces = append(s.pieces, s.packed)
	}
	return n + len(s.packed)
}

// sealFrame completes the first frame of b and returns its size.
func (s *session) sealFrame(b []byte) int {
	s.seal.seal(b)
	return frameHead + headerOf(b).length
}

// packFrame appends a frame to packed, smaller if possible.
func (s *session) packFrame(codec Compression, frame []byte) {
	at := len(s.packed)
	s.packed = append(s.packed, frame[:frameHead]...)
	packed, smaller := codec.Pack(s.packed, frame[frameHead:])
	if smaller {
		h := headerOf(frame)
		h.length, h.codec = len(packed)-at-frameHead, codec
		h.put(packed[at:])
	} else {
		packed = append(packed, frame[frameHead:]...)
	}
	s.packed = packed
	s.seal.seal(s.packed[at:])
}

// codec is how frames are to be compressed at this moment.
func (s *session) codec() Compression {
	c := Compression(s.lane.peer.compress.Load())
	if !s.link.remote.reads(c) {
		return None
	}
	return c
}

// ping asks for a sign of life.
func (s *session) ping() {
	var body [frameHead + 8]byte
	header{length: 8, typ: framePing, flags: flagFirst | flagLast}.put(body[:])
	binary.LittleEndian.PutUint64(body[frameHead:], uint64(time.Since(s.began)))
	s.pings = append(s.pings, body[:]...)
}

// tick looks after the connection once in a while.
func (s *session) tick(limit time.Duration) error {
	heard := time.Unix(0, s.link.sock.heard.Load())
	// On a slow link an answer may be long in coming, while bytes do get through, also such as the
	// kernel has had for long. (The kernel gives up by itself if none do.)
	unacked := s.link.sock.unacked()
	if unacked < s.unacked-leastPiece {
		s.moved = time.Now()
	}
	s.unacked = unacked
	if time.Since(heard) > limit && time.Since(s.moved) > limit {
		return ErrDead
	}
	if !s.busy {
		s.packed = nil
		s.link.sock.shrink()
	}
	s.busy = false
	s.ping()
	return nil
}

// listen takes what comes back: answers, and why the other side closes.
func (s *session) listen() {
	defer close(s.gone)
	r := newFrameReader(s.link.conn(), s.link.in)
	for {
		f, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			s.why = errClosed
			return
		case err != nil:
			s.why = err
			return
		case f.typ == frameBye:
			s.why = fmt.Errorf("%w: %s", errClosed, harmless(f.body[:min(len(f.body), maxReason)]))
			return
		case f.typ == framePong && len(f.body) == 8:
			s.pong(time.Duration(binary.LittleEndian.Uint64(f.body)))
		default:
			s.why = fmt.Errorf("%w: type %d of %d bytes is no answer", ErrFrame, f.typ, len(f.body))
			return
		}
	}
}

var errClosed = errors.New("closed by the other host")

func (s *session) pong(sent time.Duration) {
	took := time.Since(s.began) - sent
	if sent < 0 || took < 0 {
		return
	}
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	s.lane.roundTrip = took
}

// better returns what the other side has said, if it has said anything, instead of the error of
// a write that it has made fail by that.
func (s *session) better(err error) error {
	if errors.Is(err, ErrDead) || errors.Is(err, ErrRemoved) {
		return err
	}
	select {
	case <-s.gone:
		return s.why
	case <-time.After(farewell):
		return err
	}
}

// farewell is how long one waits for the last words of the other side.
const farewell = 100 * time.Millisecond

// retire ends a connection that is too old, so that nothing is lost: the other side reads all
// before it closes.
func (s *session) retire(ctx context.Context, limit time.Duration) error {
	if err := s.link.closeWrite(); err != nil {
		return err
	}
	select {
	case <-s.gone:
	case <-ctx.Done():
	case <-time.After(limit):
	}
	return ErrAge
}
