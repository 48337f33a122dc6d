package mesh

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// message is one that has come.
type message struct {
	from, to uint32 // machines
	body     []byte
}

// assembler puts the messages of one connection together. The frames of one message come in
// order; between them there may be frames of messages of other classes.
type assembler struct {
	parts [node.Classes]part
}

// part is a message of which something is still missing.
type part struct {
	message
	size int // of the whole; 0: there is no message
}

// add takes a frame. It returns true and a message, valid until the next call, if that is complete.
func (a *assembler) add(f frame) (message, bool, error) {
	p := &a.parts[f.class]
	if f.flags&flagFirst == 0 {
		return p.more(f)
	}
	if p.size > 0 {
		return message{}, false, p.broken("another one begins")
	}
	if len(f.body) < messageHead {
		return message{}, false, fmt.Errorf("%w: message of %d bytes, at least %d are needed",
			ErrFrame, len(f.body), messageHead)
	}
	from, to, size := messageHeadOf(f.body)
	rest := f.body[messageHead:]
	if size > MaxMessage {
		return message{}, false, fmt.Errorf("%w: message of %d bytes, at most %d are possible",
			ErrFrame, size, MaxMessage)
	}
	if last := f.flags&flagLast != 0; last != (len(rest) == int(size)) || len(rest) > int(size) {
		return message{}, false, fmt.Errorf("%w: %d of %d bytes of a message, last %v", ErrFrame,
			len(rest), size, last)
	}
	m := message{from: from, to: to, body: rest}
	if f.flags&flagLast != 0 {
		return m, true, nil
	}
	p.from, p.to, p.size = from, to, int(size)
	p.body = p.body[:0]
	p.grow(rest)
	return message{}, false, nil
}

func (p *part) more(f frame) (message, bool, error) {
	if p.size == 0 {
		return message{}, false, fmt.Errorf("%w: the middle of a message that has not begun",
			ErrFrame)
	}
	have := len(p.body) + len(f.body)
	if last := f.flags&flagLast != 0; len(f.body) == 0 || have > p.size || last != (have == p.size) {
		return message{}, false, p.broken(fmt.Sprintf("%d more come, last %v", len(f.body), last))
	}
	p.grow(f.body)
	if have < p.size {
		return message{}, false, nil
	}
	p.size = 0
	return p.message, true, nil
}

func (p *part) broken(why string) error {
	return fmt.Errorf("%w: after %d of %d bytes of a message: %s", ErrFrame, len(p.body), p.size, why)
}

// grow appends b. Memory is taken as bytes come: a size that is a lie must not cost more than
// what was really sent.
func (p *part) grow(b []byte) {
	if n := len(p.body) + len(b); n > cap(p.body) {
		p.body = append(make([]byte, 0, min(p.size, max(n, 2*cap(p.body)))), p.body...)
	}
	p.body = append(p.body, b...)
}

// shrink gives the memory of messages back that are not being put together.
func (a *assembler) shrink() {
	for i := range a.parts {
		if p := &a.parts[i]; p.size == 0 {
			p.body = nil
		}
	}
}

// held is how much memory a has, in bytes.
func (a *assembler) held() (n int) {
	for i := range a.parts {
		n += cap(a.parts[i].body)
	}
	return n
}
