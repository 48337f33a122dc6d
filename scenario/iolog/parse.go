package iolog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// waitFloor is the shortest wait, in microseconds, that fio's manual does not discard.
const waitFloor = 100

// Parse reads a trace of version 2 or 3. Name stands in errors, which are [*Error] and name the
// first line that is wrong. Blank lines are skipped.
func Parse(name string, r io.Reader) (*Trace, error) {
	p := &parser{t: &Trace{Name: name}}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, MaxLine+1), MaxLine+1)
	for sc.Scan() {
		p.line++
		if err := p.text(sc.Text()); err != nil && sc.Err() == nil {
			return nil, err
		} else if err != nil { // a line cut short by a failed read is not to blame
			p.line--
			break
		}
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, p.t.errorf(p.line+1, "the line is longer than %d bytes", MaxLine)
	} else if err != nil {
		return nil, &Error{File: name, Line: p.line + 1, Msg: "cannot be read: " + err.Error(),
			Err: err}
	}
	if p.t.Version == 0 {
		return nil, p.t.errorf(1, "expected %s, found an empty file", headers)
	}
	return p.t, nil
}

const headers = `"fio version 2 iolog" or "fio version 3 iolog" in the first line`

type parser struct {
	t      *Trace
	line   int
	open   []bool // by index into Files
	waited int64  // version 2: nanoseconds so far
}

func (p *parser) errorf(format string, args ...any) error {
	return p.t.errorf(p.line, format, args...)
}

func (p *parser) text(line string) error {
	fields := strings.Fields(line)
	if p.t.Version == 0 {
		return p.header(strings.Join(fields, " "))
	}
	if len(fields) == 0 {
		return nil
	}
	if len(p.t.Ops) == MaxOps {
		return p.errorf("the trace has more than %d lines", MaxOps)
	}
	op := Op{Line: p.line, Time: p.waited}
	if p.t.Version == 3 {
		us, err := strconv.ParseUint(fields[0], 10, 63)
		if err != nil || us > math.MaxInt64/1000 {
			return p.errorf("expected a timestamp in microseconds, found %q", fields[0])
		}
		op.Time = int64(us) * 1000
		fields = fields[1:]
	}
	if err := p.action(&op, fields); err != nil {
		return err
	}
	if err := p.file(&op, fields[0]); err != nil {
		return err
	}
	p.t.Ops = append(p.t.Ops, op)
	return nil
}

func (p *parser) header(line string) error {
	switch line {
	case "fio version 2 iolog":
		p.t.Version = 2
	case "fio version 3 iolog":
		p.t.Version = 3
	default:
		return p.errorf("expected %s, found %q", headers, line)
	}
	return nil
}

// action reads everything after the timestamp but the file name.
func (p *parser) action(op *Op, fields []string) error {
	if len(fields) != 2 && len(fields) != 4 {
		return p.errorf("expected %s, found %d fields", p.form(), len(fields)+p.t.Version-2)
	}
	op.Action = Action(fields[1])
	if op.Action == Wait && p.t.Version == 3 {
		return p.errorf("version 3 has no wait; its timestamps say when")
	}
	if !op.Action.isIO() && !op.Action.isFile() {
		return p.errorf("expected an action (%s), found %q", p.actions(), fields[1])
	}
	if op.Action.isFile() != (len(fields) == 2) {
		return p.errorf("expected %s, found %q with %d fields", p.form(), op.Action,
			len(fields)+p.t.Version-2)
	}
	if op.Action.isFile() {
		return nil
	}
	for i, into := range []*int64{&op.Offset, &op.Length} {
		n, err := strconv.ParseUint(fields[2+i], 10, 63)
		if err != nil {
			return p.errorf("expected %s as a whole number below 2^63, found %q",
				[]string{"an offset", "a length"}[i], fields[2+i])
		}
		*into = int64(n)
	}
	return p.extent(op)
}

// extent checks offset and length against overflow, and lets the time of a wait pass.
func (p *parser) extent(op *Op) error {
	if op.Offset > math.MaxInt64-op.Length {
		return p.errorf("%s of %d bytes at %d ends beyond 2^63", op.Action, op.Length, op.Offset)
	}
	switch op.Action {
	case Read, Write, Trim:
		if op.Length == 0 {
			return p.errorf("%s at %d has length 0, expected at least 1", op.Action, op.Offset)
		}
	case Wait:
		if op.Offset > (math.MaxInt64-p.waited)/1000 {
			return p.errorf("wait of %d microseconds is beyond 292 years", op.Offset)
		}
		if op.Offset >= waitFloor {
			p.waited += op.Offset * 1000
		}
		op.Time = p.waited
	}
	return nil
}

// file finds the file of a line and follows its state.
func (p *parser) file(op *Op, name string) error {
	if len(name) > MaxName {
		return p.errorf("the file name is longer than %d bytes", MaxName)
	}
	op.File = slices.Index(p.t.Files, name)
	if op.Action == Add {
		if op.File < 0 {
			op.File = len(p.t.Files)
			p.t.Files = append(p.t.Files, name)
			p.open = append(p.open, false)
		}
		return nil
	}
	if op.File < 0 {
		return p.errorf("%s of %q, which no line before has added", op.Action, name)
	}
	switch {
	case op.Action == Open:
		p.open[op.File] = true
	case op.Action == Wait: // is about time, not about the file
	case !p.open[op.File]:
		return p.errorf("%s of %q, which is not open", op.Action, name)
	case op.Action == Close:
		p.open[op.File] = false
	}
	return nil
}

func (p *parser) form() string {
	stamp := ""
	if p.t.Version == 3 {
		stamp = "timestamp "
	}
	return fmt.Sprintf("\"%sfile add|open|close\" or \"%sfile action offset length\"", stamp, stamp)
}

func (p *parser) actions() string {
	all := "add, open, close, read, write, sync, datasync, trim"
	if p.t.Version == 2 {
		all += ", wait"
	}
	return all
}
