package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxLine is how long a line of a history may be, in bytes, without its newline.
const maxLine = 1 << 20

// ParseError says where a file is not a history, and what was expected there.
type ParseError struct {
	File  string // as given to ReadHistory
	Line  int    // from 1 on
	Field string // of the object on the line; "" if the line as a whole is at fault
	Msg   string // what was expected, and what was found
}

func (e *ParseError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d: field %q: %s", e.File, e.Line, e.Field, e.Msg)
}

// ReadHistory reads JSON lines, one operation a line; docs/reference/history.md describes
// them. Lines that WriteHistory wrote are read more than ten times as fast as others. The name is
// for errors. An error is a *ParseError unless reading itself failed.
func ReadHistory(r io.Reader, name string) (History, error) {
	p := parser{file: name, names: make(map[string]string)}
	in := bufio.NewReaderSize(r, maxLine+1)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return p.h, nil
		case err == io.EOF:
			return nil, p.fail("", "expected a newline at the end of the last line, "+
				"which seems to be cut off")
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, p.fail("", fmt.Sprintf("expected a line of at most %d bytes", maxLine))
		case err != nil:
			return nil, fmt.Errorf("%s: line %d: %w", name, len(p.h)+1, err)
		}
		if err := p.line(line[:len(line)-1]); err != nil {
			return nil, err
		}
	}
}

// parser reads the lines of one history.
type parser struct {
	file  string
	h     History
	names map[string]string // resources and hosts, so that equal ones share memory
	once  onceTable
}

func (p *parser) fail(field, msg string) *ParseError {
	return &ParseError{File: p.file, Line: len(p.h) + 1, Field: field, Msg: msg}
}

// line appends one operation. The fast way takes a line only if it is in canonical form, and
// then gives what the slow way would give; the slow way knows what to say of all others.
func (p *parser) line(line []byte) error {
	p.h = append(p.h, Op{})
	op := &p.h[len(p.h)-1]
	if p.fast(line, op) && op.plausible() {
		return p.unique(op)
	}
	*op = Op{}
	field, msg := p.slow(line, op)
	if msg == "" {
		field, msg = op.fault()
	}
	if msg != "" {
		p.h = p.h[:len(p.h)-1]
		return p.fail(field, msg)
	}
	return p.unique(op)
}

// plausible is a quick way to say that o.fault finds nothing.
func (o *Op) plausible() bool {
	field, _ := o.fault()
	return field == ""
}

// unique refuses a write whose id its sector has seen.
func (p *parser) unique(op *Op) error {
	last := len(p.h) - 1
	first, again := p.once.add(op, last)
	if !again {
		return nil
	}
	p.h = p.h[:last]
	return p.fail("id", fmt.Sprintf("expected an id that was not yet written to %s, got %d, "+
		"which line %d wrote", op.place(), op.ID, first+1))
}

// intern returns s as a string that is shared with equal ones.
func (p *parser) intern(s []byte) string {
	if len(s) == 0 {
		return ""
	}
	if known, found := p.names[string(s)]; found {
		return known
	}
	name := string(s)
	p.names[name] = name
	return name
}

// fast reads a line in canonical form: the fields in the order in which WriteHistory puts
// them, no spaces, no escapes. It returns false for any other
// line; op is then of no use.
func (p *parser) fast(line []byte, op *Op) bool {
	c := cursor{rest: line, ok: true}
	var n uint64
	c.want(`{"client":`)
	n = c.number()
	op.Client = int(n)
	if n > 1<<31-1 {
		return false
	}
	if c.skip(`,"op":"write"`) {
		op.Kind = Write
	} else {
		c.want(`,"op":"read"`)
	}
	if c.skip(`,"resource":`) {
		op.Resource = p.intern(c.text())
	}
	c.want(`,"sector":`)
	op.Sector = c.number()
	c.want(`,"id":`)
	op.ID = c.number()
	c.want(`,"call":`)
	op.Call = c.time()
	c.want(`,"return":`)
	if op.Unknown = c.skip("null"); !op.Unknown {
		op.Return = c.time()
	}
	if c.skip(`,"host":`) {
		op.Host = p.intern(c.text())
	}
	if c.skip(`,"epoch":`) {
		op.Epoch = c.number()
	}
	c.want("}")
	return c.ok && len(c.rest) == 0
}

// cursor walks over a line; ok becomes false for good at the first surprise.
type cursor struct {
	rest []byte
	ok   bool
}

func (c *cursor) skip(s string) bool {
	if len(c.rest) >= len(s) && string(c.rest[:len(s)]) == s {
		c.rest = c.rest[len(s):]
		return true
	}
	return false
}

func (c *cursor) want(s string) { c.ok = c.skip(s) && c.ok }

// number reads digits that fit 64 bits.
func (c *cursor) number() uint64 {
	var n uint64
	i := 0
	for ; i < len(c.rest) && c.rest[i]-'0' <= 9; i++ {
		digit := uint64(c.rest[i] - '0')
		if i >= 19 && (i > 19 || n > (math.MaxUint64-digit)/10) {
			c.ok = false
			return 0
		}
		n = 10*n + digit
	}
	// JSON has no leading zeros.
	if i == 0 || i > 1 && c.rest[0] == '0' {
		c.ok = false
	}
	c.rest = c.rest[i:]
	return n
}

func (c *cursor) time() int64 {
	n := c.number()
	if n > math.MaxInt64 {
		c.ok = false
	}
	return int64(n)
}

// text reads a string of printable ASCII without escapes.
func (c *cursor) text() []byte {
	if !c.skip(`"`) {
		c.ok = false
		return nil
	}
	end := bytes.IndexByte(c.rest, '"')
	if end < 0 {
		c.ok = false
		return nil
	}
	s := c.rest[:end]
	for _, b := range s {
		if b < ' ' || b > '~' || b == '\\' {
			c.ok = false
			return nil
		}
	}
	c.rest = c.rest[end+1:]
	return s
}
