package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// fields of an operation, in canonical order. The first bit of the mask is the first field.
var fields = [...]struct {
	name     string
	required bool
}{
	{"client", true}, {"op", true}, {"resource", false}, {"sector", true}, {"id", true},
	{"call", true}, {"return", true}, {"host", false}, {"epoch", false},
}

// slow reads any line with encoding/json, but token by token: its Unmarshal would take field
// names in the wrong case, take the last of two equal ones, and not say which field is wrong.
// Both results are empty if all is well.
func (p *parser) slow(line []byte, op *Op) (field, msg string) {
	if !utf8.Valid(line) {
		return "", "expected UTF-8"
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return "", "expected a JSON object" + because(err)
	}
	var seen uint
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName {
			return "", "expected a JSON object" + because(err)
		}
		n := fieldNumber(name)
		if n < 0 {
			return clip(name), "expected one of the fields of an operation, not this one"
		}
		if seen&(1<<n) != 0 {
			return name, "expected once, got twice"
		}
		seen |= 1 << n
		value, err := dec.Token()
		if err != nil {
			return name, "expected a value" + because(err)
		}
		if msg := p.set(op, name, value); msg != "" {
			return name, msg
		}
	}
	if _, err := dec.Token(); err != nil {
		return "", "expected a whole JSON object" + because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", "expected one JSON object a line, got more"
	}
	for n, f := range fields {
		if f.required && seen&(1<<n) == 0 {
			return f.name, "expected a value, got none"
		}
	}
	return "", ""
}

func fieldNumber(name string) int {
	for n, f := range fields {
		if f.name == name {
			return n
		}
	}
	return -1
}

// set gives a field its value, or says what was expected.
func (p *parser) set(op *Op, name string, value json.Token) (msg string) {
	switch name {
	case "op":
		switch value {
		case "read":
			op.Kind = Read
		case "write":
			op.Kind = Write
		default:
			return `expected "read" or "write", got ` + show(value)
		}
	case "resource":
		return p.setText(&op.Resource, value)
	case "host":
		return p.setText(&op.Host, value)
	case "sector":
		return setUint(&op.Sector, value)
	case "id":
		return setUint(&op.ID, value)
	case "epoch":
		return setUint(&op.Epoch, value)
	case "call":
		return setInt(&op.Call, value, "an integer")
	case "return":
		if op.Unknown = value == nil; !op.Unknown {
			return setInt(&op.Return, value, "an integer or null")
		}
	case "client":
		var n int64
		if msg := setInt(&n, value, "an integer"); msg != "" {
			return msg
		}
		// On a machine of 32 bits n might not fit; fault refuses what is out of range.
		if op.Client = int(n); int64(op.Client) != n {
			op.Client = -1
		}
	}
	return ""
}

func (p *parser) setText(to *string, value json.Token) (msg string) {
	s, isText := value.(string)
	if !isText {
		return "expected a string, got " + show(value)
	}
	*to = p.intern([]byte(s))
	return ""
}

func setInt(to *int64, value json.Token, expected string) (msg string) {
	n, isNumber := value.(json.Number)
	if isNumber {
		var err error
		if *to, err = strconv.ParseInt(string(n), 10, 64); err == nil {
			return ""
		}
		expected += " of 64 bits"
	}
	return "expected " + expected + ", got " + show(value)
}

func setUint(to *uint64, value json.Token) (msg string) {
	n, isNumber := value.(json.Number)
	if isNumber {
		var err error
		if *to, err = strconv.ParseUint(string(n), 10, 64); err == nil {
			return ""
		}
	}
	return "expected an integer from 0 to 2^64-1, got " + show(value)
}

// show prints a JSON token for an error, cut to a length that fits a line.
func show(value json.Token) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case json.Delim:
		if v == '[' {
			return "an array"
		}
		return "an object"
	case string:
		return strconv.Quote(clip(v))
	case json.Number:
		return clip(string(v))
	}
	return fmt.Sprint(value)
}

func clip(s string) string {
	const limit = 40
	if len(s) <= limit {
		return s
	}
	end := limit
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// because adds what encoding/json has to say of a line.
func because(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ", got the end of the line"
	}
	return ": " + err.Error()
}
