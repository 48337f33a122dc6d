package scenario

import (
	"cmp"
	"fmt"
	"slices"
)

// complaints collects what is wrong with a file. Decoding goes field by field, so the first in
// the file is only known at the end.
type complaints struct {
	file string
	idx  *index
	list []*Error
	// missing are kept apart: a key that is missing is most often one that is misspelt further
	// down, and then the misspelling is what to show.
	missing []*Error
}

func (c *complaints) at(p place, field, format string, args ...any) {
	c.list = append(c.list, c.error(p, field, format, args...))
}

func (c *complaints) error(p place, field, format string, args ...any) *Error {
	return &Error{File: c.file, Line: p.line, Column: p.column, Field: field,
		Msg: fmt.Sprintf(format, args...)}
}

// lacks complains about the table at path, for want of a key.
func (c *complaints) lacks(path, key, format string, args ...any) {
	c.missing = append(c.missing, c.error(c.idx.key(path), pathKey(path, key), format, args...))
}

// key complains about a key or a table, value about what a key is set to.
func (c *complaints) key(field, format string, args ...any) {
	c.at(c.idx.key(field), field, format, args...)
}

func (c *complaints) value(field, format string, args ...any) {
	c.at(c.idx.value(field), field, format, args...)
}

func (c *complaints) any() bool { return len(c.list)+len(c.missing) > 0 }

// first returns the earliest complaint in the file, or else the earliest missing key, or nil as
// an untyped error.
func (c *complaints) first() error {
	for _, list := range [][]*Error{c.list, c.missing} {
		if len(list) > 0 {
			return slices.MinFunc(list, func(a, b *Error) int {
				return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
			})
		}
	}
	return nil
}
