package strict

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// place is a position in a file, 1-based, in characters. The zero place is "nowhere".
type place struct {
	line, column int
	// plain is set for a value that is a one-line string without escapes, so that a position
	// inside its text can be found by counting from the opening quote.
	plain bool
}

// index knows where the keys and the values of a file stand. Paths look like "resource[0].size".
type index struct {
	data   []byte
	starts []int // offset of each line
	keys   map[string]place
	values map[string]place
}

// readTOML checks the syntax and returns plain values with their positions.
func readTOML(name string, data []byte) (map[string]any, *index, *Error) {
	ix := &index{data: data, starts: []int{0}, keys: map[string]place{}, values: map[string]place{}}
	for i, b := range data {
		if b == '\n' {
			ix.starts = append(ix.starts, i+1)
		}
	}
	root := map[string]any{}
	if err := toml.Unmarshal(data, &root); err != nil {
		e := &Error{File: name, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
		var de *toml.DecodeError
		if errors.As(err, &de) {
			row, col := de.Position()
			e.Line, e.Column = row, ix.runeColumn(row, col-1)
		}
		return nil, nil, e
	}
	if err := ix.build(); err != nil {
		return nil, nil, &Error{File: name, Msg: err.Error()}
	}
	return root, ix, nil
}

// key returns where the key or the table header of path stands, or else the nearest thing that
// encloses it; the top of the file encloses everything.
func (ix *index) key(path string) place {
	for path != "" {
		if p, ok := ix.keys[path]; ok {
			return p
		}
		if p, ok := ix.values[path]; ok {
			return p
		}
		path = parentPath(path)
	}
	return place{line: 1, column: 1}
}

// value returns where the value of path stands, or else its key.
func (ix *index) value(path string) place {
	if p, ok := ix.values[path]; ok {
		return p
	}
	return ix.key(path)
}

// has reports whether the file itself holds the key, as opposed to a default.
func (ix *index) has(path string) bool {
	_, ok := ix.keys[path]
	return ok
}

// build walks the syntax tree, which has the positions that the decoded values lack.
func (ix *index) build() error {
	var p unstable.Parser
	p.Reset(ix.data)
	tables := map[string]int{} // how many [[name]] there are so far
	prefix := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			prefix = ix.header(e, tables, false)
		case unstable.ArrayTable:
			prefix = ix.header(e, tables, true)
		case unstable.KeyValue:
			ix.keyValue(prefix, e)
		}
	}
	return p.Error()
}

// header enters a [name] or [[name]] and returns the path of the table that it opens. A name that
// is an array of tables stands for the newest of them.
func (ix *index) header(e *unstable.Node, tables map[string]int, array bool) string {
	path := ""
	for it := e.Key(); it.Next(); {
		n := it.Node()
		path = Join(path, string(n.Data))
		at := ix.headerPlace(int(n.Raw.Offset))
		if it.IsLast() && array {
			ix.note(path, at)
			tables[path]++
		}
		if k := tables[path]; k > 0 {
			path = Index(path, k-1)
		}
		ix.note(path, at)
	}
	return path
}

// note keeps the first place of a path.
func (ix *index) note(path string, at place) {
	if _, ok := ix.keys[path]; !ok {
		ix.keys[path] = at
	}
}

// headerPlace is where the bracket of a header stands whose name is at offset.
func (ix *index) headerPlace(offset int) place {
	p := ix.place(offset)
	line := ix.data[ix.starts[p.line-1]:offset]
	if i := bytes.IndexByte(line, '['); i >= 0 {
		p.column = utf8.RuneCount(line[:i]) + 1
	}
	return p
}

func (ix *index) keyValue(prefix string, e *unstable.Node) {
	path := prefix
	for it := e.Key(); it.Next(); {
		n := it.Node()
		path = Join(path, string(n.Data))
		ix.note(path, ix.place(int(n.Raw.Offset)))
	}
	ix.valueOf(path, e.Value())
}

func (ix *index) valueOf(path string, v *unstable.Node) {
	if v.Raw.Length > 0 {
		at := ix.place(int(v.Raw.Offset))
		raw := ix.data[v.Raw.Offset : v.Raw.Offset+v.Raw.Length]
		at.plain = v.Kind == unstable.String && len(raw) == len(v.Data)+2
		ix.values[path] = at
	}
	i := 0
	for it := v.Children(); it.Next(); {
		switch n := it.Node(); {
		case n.Kind == unstable.Comment:
		case v.Kind == unstable.Array:
			ix.valueOf(Index(path, i), n)
			i++
		case v.Kind == unstable.InlineTable:
			ix.keyValue(path, n)
		}
	}
}

func (ix *index) place(offset int) place {
	lo, hi := 0, len(ix.starts) // the line is the last that starts at or before offset
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; ix.starts[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return place{line: lo + 1, column: ix.runeColumn(lo+1, offset-ix.starts[lo])}
}

// runeColumn turns the number of bytes before a point of a line into its column. A point within a
// character, where the parser may well see a text end too early, is one at that character.
func (ix *index) runeColumn(line, before int) int {
	if line < 1 || line > len(ix.starts) {
		return before + 1
	}
	rest := ix.data[ix.starts[line-1]:]
	before = max(0, min(before, len(rest)))
	for before > 0 && before < len(rest) && !utf8.RuneStart(rest[before]) {
		before--
	}
	return utf8.RuneCount(rest[:before]) + 1
}
