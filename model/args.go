package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Params are the parameters of a question by name: float64 or string, as JSON gives them.
type Params map[string]any

// ErrBadInput is wrapped by every error that the asker can mend: a measure or parameter that is
// unknown, missing, out of range, or means nothing together with the others.
var ErrBadInput = errors.New("bad input")

// A ParamError is a parameter that cannot be used. It wraps ErrBadInput.
type ParamError struct {
	Name  string
	Value any    // nil: it is missing
	Want  string // the valid range, or what to do
}

func (e *ParamError) Error() string {
	if e.Value == nil {
		return fmt.Sprintf("parameter %s is missing: %s", e.Name, e.Want)
	}
	return fmt.Sprintf("parameter %s = %v: %s", e.Name, e.Value, e.Want)
}

// Unwrap makes it an ErrBadInput.
func (e *ParamError) Unwrap() error { return ErrBadInput }

// args reads parameters, each by name and range, and keeps the first error. What was given but
// never read is an error, too: it would have no effect.
type args struct {
	given Params
	read  []string
	err   error
}

func (a *args) fail(name string, format string, v ...any) {
	if a.err == nil {
		a.err = &ParamError{Name: name, Value: a.given[name], Want: fmt.Sprintf(format, v...)}
	}
}

func (a *args) has(name string) bool {
	if !slices.Contains(a.read, name) {
		a.read = append(a.read, name)
	}
	_, ok := a.given[name]
	return ok
}

// number reads a number within [low, high].
func (a *args) number(name string, low, high float64) float64 {
	return a.within(name, low, high, "a number")
}

// within reads a number, which the message calls kind.
func (a *args) within(name string, low, high float64, kind string) float64 {
	if !a.has(name) {
		if a.err == nil {
			a.fail(name, "%s %s is needed (%s)", kind, span(low, high), Explain(name))
		}
		return low
	}
	x, ok := toFloat(a.given[name])
	if !ok || math.IsNaN(x) || x < low || x > high {
		a.fail(name, "must be %s %s (%s)", kind, span(low, high), Explain(name))
		return low
	}
	return x
}

// numberOr reads a number within [low, high] that need not be given.
func (a *args) numberOr(name string, def, low, high float64) float64 {
	if !a.has(name) {
		return def
	}
	return a.number(name, low, high)
}

// whole reads an integer within [low, high].
func (a *args) whole(name string, low, high int) int {
	x := a.within(name, float64(low), float64(high), "an integer")
	if x != math.Trunc(x) {
		a.fail(name, "must be an integer %s (%s)", span(float64(low), float64(high)), Explain(name))
	}
	return int(x)
}

func (a *args) wholeOr(name string, def, low, high int) int {
	if !a.has(name) {
		return def
	}
	return a.whole(name, low, high)
}

// probability reads a number within [0, 1].
func (a *args) probability(name string) float64 { return a.within(name, 0, 1, "a probability") }

func (a *args) probabilityOr(name string, def float64) float64 {
	if !a.has(name) {
		return def
	}
	return a.probability(name)
}

// rate reads a positive rate.
func (a *args) rate(name string) float64 {
	x := a.within(name, 0, 1e12, "a rate per hour")
	if x == 0 && a.err == nil {
		a.fail(name, "must be above 0 (%s)", Explain(name))
	}
	return x
}

// choice reads one of some words; the first is the default.
func (a *args) choice(name string, words ...string) string {
	if !a.has(name) {
		return words[0]
	}
	s, ok := a.given[name].(string)
	if !ok || !slices.Contains(words, s) {
		a.fail(name, "must be one of %s (%s)", strings.Join(words, ", "), Explain(name))
		return words[0]
	}
	return s
}

// done returns the first error, or names a parameter that was given and not read.
func (a *args) done(what string) error {
	if a.err != nil {
		return a.err
	}
	var unread []string
	for _, name := range slices.Sorted(maps.Keys(a.given)) {
		if !slices.Contains(a.read, name) {
			unread = append(unread, name)
		}
	}
	if len(unread) == 0 {
		return nil
	}
	takes := slices.Clone(a.read)
	slices.Sort(takes)
	return &ParamError{Name: unread[0], Value: a.given[unread[0]], Want: fmt.Sprintf(
		"%s does not take it; it takes %s", what, strings.Join(takes, ", "))}
}

func span(low, high float64) string {
	switch {
	case math.IsInf(high, 1) || high >= 1e12:
		return "of at least " + short(low)
	default:
		return "within " + short(low) + " and " + short(high)
	}
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case json.Number:
		x, err := v.Float64()
		return x, err == nil
	}
	return 0, false
}
