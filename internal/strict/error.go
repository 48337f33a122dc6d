package strict

import (
	"fmt"
	"strings"
)

// Error is one complaint about a file. It always prints as a single line.
type Error struct {
	// File is the name under which the file was read.
	File string
	// Line and Column are 1-based and count characters, not bytes. They are 0 when the complaint
	// is about the file as a whole, for example that it cannot be read.
	Line, Column int
	// Field is the path of the key within the file, such as "resource[0].replicas", or empty.
	Field string
	// Msg says what is wrong and what was expected, in lower case.
	Msg string
	// Err is the cause from outside the package of the format, for example an fs.ErrNotExist;
	// usually nil.
	Err error
}

// Error prints file, position and message on one line.
func (e *Error) Error() string {
	// A name or a value quoted in the message may hold a newline; an error must stay one line for
	// editors, logs and annotations.
	msg := oneLine(e.Msg)
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", oneLine(e.File), msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", oneLine(e.File), e.Line, e.Column, msg)
}

// Unwrap returns the cause from outside the package of the format, or nil.
func (e *Error) Unwrap() error { return e.Err }

func oneLine(s string) string {
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(s)
}
