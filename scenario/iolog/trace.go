package iolog

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// SectorOp is one operation on a device of whole sectors.
type SectorOp struct {
	// Line is that of the trace, for messages.
	Line int
	// Time is in nanoseconds since the trace began and never steps back.
	Time int64
	// Action is Read, Write, Trim or Sync; a datasync is a Sync, as a device knows no files.
	Action Action
	// First is the first sector and Count how many there are; both are 0 for a Sync.
	First, Count int64
}

// Sectors turns the trace into operations on a device. Reads and writes are widened to whole
// sectors. A trim is narrowed to them and dropped if none is left, because to discard a sector of
// which the trace gave up only a part would lose data. Sizes are in bytes, and deviceSize is a
// multiple of sectorSize.
//
// The error is an [*Error]: for the first line that reaches beyond the device, or for the trace
// if it does I/O on more than one file (see Select) or the sizes do not fit.
func (t *Trace) Sectors(sectorSize, deviceSize int64) ([]SectorOp, error) {
	if sectorSize < 1 || deviceSize < 0 || deviceSize%sectorSize != 0 {
		return nil, t.errorf(0, "a device of %d bytes has no whole sectors of %d bytes",
			deviceSize, sectorSize)
	}
	if used := t.usedFiles(); len(used) > 1 {
		return nil, t.errorf(0, "does I/O on %d files (%s); select one", len(used),
			strings.Join(used, ", "))
	}
	var out []SectorOp
	var now int64
	for _, op := range t.Ops {
		now = max(now, op.Time)
		s := SectorOp{Line: op.Line, Time: now, Action: op.Action}
		switch op.Action {
		case Sync, Datasync:
			s.Action = Sync
			out = append(out, s)
			continue
		case Read, Write, Trim:
		default:
			continue
		}
		end := op.Offset + op.Length
		if end > deviceSize {
			return nil, t.errorf(op.Line, "%s of %d bytes at %d ends beyond the device of %d bytes",
				op.Action, op.Length, op.Offset, deviceSize)
		}
		up, down := end/sectorSize, op.Offset/sectorSize
		if op.Action == Trim {
			down = ceil(op.Offset, sectorSize)
		} else {
			up = ceil(end, sectorSize)
		}
		if s.First, s.Count = down, up-down; s.Count > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// ceil divides and rounds up; written so that it cannot overflow.
func ceil(n, by int64) int64 {
	q := n / by
	if n%by != 0 {
		q++
	}
	return q
}

// usedFiles lists the files that the trace reads, writes, trims or syncs.
func (t *Trace) usedFiles() []string {
	used := make([]bool, len(t.Files))
	for _, op := range t.Ops {
		if op.Action.isIO() && op.Action != Wait {
			used[op.File] = true
		}
	}
	var out []string
	for i, u := range used {
		if u {
			out = append(out, t.Files[i])
		}
	}
	return out
}

// Select returns the part of the trace that is about one file, with its times. The error is an
// [*Error] that lists the files there are.
func (t *Trace) Select(file string) (*Trace, error) {
	index := slices.Index(t.Files, file)
	if index < 0 {
		return nil, t.errorf(0, "has no file %q; there are %s", file, strings.Join(t.Files, ", "))
	}
	out := &Trace{Name: t.Name, Version: t.Version, Files: []string{file}}
	for _, op := range t.Ops {
		// A wait delays all that follows, whichever file it names; so the file must be known
		// before the first.
		if op.File == index || op.Action == Wait {
			op.File = 0
			if len(out.Ops) == 0 && op.Action == Wait {
				out.Ops = append(out.Ops, Op{Line: op.Line, Action: Add})
			}
			out.Ops = append(out.Ops, op)
		}
	}
	return out, nil
}

// Write writes the trace in its own version. Parsing the text gives an equal trace, except that
// lines are numbered anew where blank ones were skipped. A trace that Parse would refuse is an
// error before anything is written for the line in question.
func (t *Trace) Write(w io.Writer) error {
	if t.Version != 2 && t.Version != 3 {
		return t.errorf(0, "version is %d, expected 2 or 3", t.Version)
	}
	bw := bufio.NewWriter(w)
	fmt.Fprintf(bw, "fio version %d iolog\n", t.Version)
	p := &parser{t: &Trace{Name: t.Name, Version: t.Version}, line: 1}
	for _, op := range t.Ops {
		line, err := t.format(op)
		if err != nil {
			return err
		}
		p.line++
		// Reading the line back is the one definition of what may stand in it.
		if err := p.text(line); err != nil {
			return err
		}
		if back := p.t.Ops[len(p.t.Ops)-1]; back.Time != op.Time {
			return t.errorf(op.Line, "the time of %d ns cannot be written, only %d ns",
				op.Time, back.Time)
		}
		fmt.Fprintln(bw, line)
	}
	return bw.Flush()
}

func (t *Trace) format(op Op) (string, error) {
	if op.File < 0 || op.File >= len(t.Files) {
		return "", t.errorf(op.Line, "file %d of %d", op.File, len(t.Files))
	}
	name := t.Files[op.File]
	if name == "" || len(strings.Fields(name)) != 1 || strings.Fields(name)[0] != name {
		return "", t.errorf(op.Line, "the file name %q is empty or has spaces", name)
	}
	var b strings.Builder
	if t.Version == 3 {
		fmt.Fprintf(&b, "%d ", op.Time/1000)
	}
	fmt.Fprintf(&b, "%s %s", name, op.Action)
	if op.Action.isIO() {
		fmt.Fprintf(&b, " %d %d", op.Offset, op.Length)
	}
	return b.String(), nil
}
