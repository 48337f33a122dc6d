package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// WriteHistory writes h in the canonical form of docs/reference/history.md; ReadHistory gives
// it back. Before the first byte it makes sure that ReadHistory will accept all of h, and each
// call of w.Write carries whole lines, so what a crash leaves behind is a shorter history.
func WriteHistory(w io.Writer, h History) error {
	var seen onceTable
	for i := range h {
		field, msg := h[i].fault()
		if msg == "" {
			field, msg = unwritable(&h[i])
		}
		if first, again := seen.add(&h[i], i); again && msg == "" {
			field, msg = "id", fmt.Sprintf("expected an id that was not yet written to %s, "+
				"got %d, which operation %d wrote", h[i].place(), h[i].ID, first)
		}
		if msg != "" {
			return fmt.Errorf("check: operation %d of the history: field %q: %s", i, field, msg)
		}
	}
	const chunk = 64 << 10
	buf := make([]byte, 0, chunk+1024)
	for i := range h {
		buf = appendOp(buf, &h[i])
		if len(buf) < chunk && i < len(h)-1 {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("check: writing a history: %w", err)
		}
		buf = buf[:0]
	}
	return nil
}

// unwritable finds what JSON lines cannot carry.
func unwritable(op *Op) (field, msg string) {
	const expected = "expected UTF-8"
	switch {
	case !utf8.ValidString(op.Resource):
		return "resource", expected
	case !utf8.ValidString(op.Host):
		return "host", expected
	case len(op.Resource)+len(op.Host) > 1000 && len(appendOp(nil, op)) > maxLine+1:
		return "resource", fmt.Sprintf("expected a line of at most %d bytes", maxLine)
	}
	return "", ""
}

// appendOp appends one line in canonical form: fields in a fixed order, without those that
// have their zero value and may be left out.
func appendOp(b []byte, op *Op) []byte {
	b = strconv.AppendInt(append(b, `{"client":`...), int64(op.Client), 10)
	b = append(append(append(b, `,"op":"`...), op.Kind.String()...), '"')
	if op.Resource != "" {
		b = appendText(append(b, `,"resource":`...), op.Resource)
	}
	b = strconv.AppendUint(append(b, `,"sector":`...), op.Sector, 10)
	b = strconv.AppendUint(append(b, `,"id":`...), op.ID, 10)
	b = strconv.AppendInt(append(b, `,"call":`...), op.Call, 10)
	b = append(b, `,"return":`...)
	if op.Unknown {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, op.Return, 10)
	}
	if op.Host != "" {
		b = appendText(append(b, `,"host":`...), op.Host)
	}
	if op.Epoch != 0 {
		b = strconv.AppendUint(append(b, `,"epoch":`...), op.Epoch, 10)
	}
	return append(b, "}\n"...)
}

func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // strings have no reason to fail
				panic(fmt.Sprintf("check: cannot write %q as JSON: %v", s, err))
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// onceTable finds ids that were written more than once.
type onceTable struct {
	regs   registers
	writes *clusters
}

// add notes the i-th operation. If it is a write of an id that its sector has seen, again is
// true and first is the operation that wrote it.
func (t *onceTable) add(op *Op, i int) (first int, again bool) {
	if op.Kind != Write {
		return 0, false
	}
	if t.writes == nil {
		t.writes = newClusters(0, 0)
	}
	c := t.writes.find(t.regs.find(op.Resource, op.Sector), op.ID)
	if c.write != noOp {
		return int(c.write), true
	}
	c.write = int32(i)
	return 0, false
}
