package daemon

import (
	"fmt"
	"sync"
	"syscall"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/nbd"
)

// session hands the requests of one client to a machine without waiting for their ends.
type session struct {
	front *volumeFront
	to    nbd.Finisher

	mu      sync.Mutex
	widened map[uint64]span // reads that do not fit sectors, by number
}

// span is the part of an answer that is wanted, in bytes.
type span struct{ skip, n int64 }

var (
	_ nbd.Starter    = (*volumeFront)(nil)
	_ nbd.Session    = (*session)(nil)
	_ engine.Replier = (*session)(nil)
)

// Session implements nbd.Starter.
func (v *volumeFront) Session(to nbd.Finisher) nbd.Session {
	return &session{front: v, to: to, widened: make(map[uint64]span)}
}

// ops are requests as machines know them. To a log it is the same whether content is no longer
// needed or is to be zero.
var ops = [...]node.Op{nbd.RequestRead: node.OpRead, nbd.RequestWrite: node.OpWrite,
	nbd.RequestFlush: node.OpSync, nbd.RequestTrim: node.OpZero, nbd.RequestZero: node.OpZero}

// Start implements nbd.Session.
func (s *session) Start(r *nbd.Request) error {
	v := s.front
	q := engine.Request{Op: ops[r.Kind], Tag: node.Tag(r.ID), Off: r.Off / v.sector,
		N: r.N / v.sector, Data: r.Data}
	if r.Durable {
		q.Flags = node.FlagDurable
	}
	switch {
	case r.Kind == nbd.RequestFlush:
		return s.submit(q)
	case r.Off%v.sector == 0 && r.N%v.sector == 0:
		if r.Kind == nbd.RequestRead {
			return s.submit(q)
		}
		v.r.whole.RLock()
		defer v.r.whole.RUnlock()
		return s.submit(q)
	case r.Kind == nbd.RequestRead:
		return s.readPart(r, q)
	}
	return s.changePart(r)
}

func (s *session) submit(q engine.Request) error {
	if !s.front.r.unit.Submit(s, q) {
		return fmt.Errorf("resource %s: %w", s.front.r.def.Name, syscall.ESHUTDOWN)
	}
	return nil
}

// readPart reads whole sectors of which not all is wanted.
func (s *session) readPart(r *nbd.Request, q engine.Request) error {
	v := s.front
	q.N = (r.Off+r.N+v.sector-1)/v.sector - q.Off
	s.mu.Lock()
	s.widened[r.ID] = span{r.Off - q.Off*v.sector, r.N}
	s.mu.Unlock()
	err := s.submit(q)
	if err != nil {
		s.mu.Lock()
		delete(s.widened, r.ID)
		s.mu.Unlock()
	}
	return err
}

// changePart changes parts of sectors, which takes a read first. Nothing else of this client is
// carried out meanwhile.
func (s *session) changePart(r *nbd.Request) error {
	v := s.front
	var err error
	switch r.Kind {
	case nbd.RequestWrite:
		err = v.WriteAt(r.Data, r.Off)
	case nbd.RequestTrim:
		err = v.Trim(r.Off, r.N)
	default:
		err = v.Zero(r.Off, r.N, r.MayPunch)
	}
	if err == nil && r.Durable {
		err = v.Flush()
	}
	s.to.Finish(r.ID, nil, err)
	return nil
}

// Reply implements engine.Replier.
func (s *session) Reply(tag node.Tag, code node.Code, _ uint64, data []byte) {
	id := uint64(tag)
	s.mu.Lock()
	part, ok := s.widened[id]
	delete(s.widened, id)
	s.mu.Unlock()
	if ok && code == node.OK {
		data = data[part.skip : part.skip+part.n]
	}
	if code != node.OK {
		s.to.Finish(id, nil, errnoOf(s.front.r, code))
		return
	}
	s.to.Finish(id, data, nil)
}

// Flush implements engine.Replier.
func (s *session) Flush() { s.to.Flush() }
