package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Condition is a conjunction of terms; without terms it is no condition at all. Its text is
//
//	condition = term { "and" term }
//	term      = function "(" [ argument { "," argument } ] ")" [ operator value ]
//	operator  = "==" | "!=" | "<" | "<=" | ">" | ">="
//
// where a value is a whole number, a size, a duration or a host, as the function's result demands.
type Condition struct{ Terms []Term }

// Term is one comparison, or one function whose result is true or false.
type Term struct {
	// Fn is one of the functions below and Args fit it.
	Fn   string
	Args []string
	// Op is empty for a function with a truth value.
	Op string
	// Int is the right side for a count, for bytes, or for a time in nanoseconds; at least 0.
	Int int64
	// Name is the right side for a host.
	Name string
}

// Functions of conditions, with what Env is asked for. Arguments stand in this order.
const (
	FnAcked    = "acked"    // Int(workload): operations acknowledged so far
	FnDone     = "done"     // Bool(workload): no client will issue another operation
	FnUp       = "up"       // Bool(host): runs, even if paused
	FnDown     = "down"     // Bool(host): crashed and not yet restarted
	FnPrimary  = "primary"  // Name(resource): the host that is primary, or ""
	FnUpToDate = "uptodate" // Bool(resource, host): has applied all the primary has acknowledged
	FnLag      = "lag"      // Int(resource, host): bytes acknowledged but not applied there
	FnFetched  = "fetched"  // Int(resource, host): bytes of log that have arrived there
	// The next ones are what a replica says of itself.
	FnConsistent = "consistent" // Bool(resource, host): no copy of its volume is unfinished
	FnCutOff     = "cut_off"    // Bool(resource, host): its history has left the primary's
	FnOrphan     = "orphan"     // Bool(resource, host): nobody has the log that follows its own
	FnEmergency  = "emergency"  // Bool(resource, host): it is primary, and does without its log
	FnLogging    = "logging"    // Bool(resource, host): it is primary, and its log takes what is written
	FnMember     = "member"     // Bool(resource, host): the primary counts it as a member
	FnToCopy     = "to_copy"    // Int(resource, host): bytes of its volume still to be copied
	FnCopied     = "copied"     // Int(resource, host): bytes of content that have come there for copies
	FnDeleted    = "deleted"    // Int(resource, host): bytes of log deleted there
	FnSize       = "size"       // Int(resource, host): bytes of its volume
	FnQueued     = "queued"     // Bool(resource, host): it has to copy, and waits for its turn
	FnCopying    = "copying"    // Int(host): replicas there that have their turn to copy, at one time
	FnHealed     = "healed"     // Bool(): no partition and no link setting is in force
	FnFired      = "fired"      // Bool(step): the step of that name has fired
	FnTime       = "time"       // Int(): nanoseconds since the run began
)

// Env answers what a condition asks about a run. Fn is one of the functions above and args are
// what stood in parentheses; names have been checked when the file was parsed.
type Env interface {
	Int(fn string, args []string) (int64, error)
	Bool(fn string, args []string) (bool, error)
	Name(fn string, args []string) (string, error)
}

type resultKind int

const (
	boolResult resultKind = iota
	countResult
	bytesResult
	timeResult
	hostResult
)

// Kinds of arguments, as they are called in messages.
const (
	argWorkload = "workload"
	argHost     = "host"
	argResource = "resource"
	argStep     = "step"
)

type function struct {
	name   string
	args   []string
	result resultKind
}

var functions = []function{
	{FnAcked, []string{argWorkload}, countResult},
	{FnDone, []string{argWorkload}, boolResult},
	{FnUp, []string{argHost}, boolResult},
	{FnDown, []string{argHost}, boolResult},
	{FnPrimary, []string{argResource}, hostResult},
	{FnUpToDate, []string{argResource, argHost}, boolResult},
	{FnLag, []string{argResource, argHost}, bytesResult},
	{FnFetched, []string{argResource, argHost}, bytesResult},
	{FnConsistent, []string{argResource, argHost}, boolResult},
	{FnCutOff, []string{argResource, argHost}, boolResult},
	{FnOrphan, []string{argResource, argHost}, boolResult},
	{FnEmergency, []string{argResource, argHost}, boolResult},
	{FnLogging, []string{argResource, argHost}, boolResult},
	{FnMember, []string{argResource, argHost}, boolResult},
	{FnToCopy, []string{argResource, argHost}, bytesResult},
	{FnCopied, []string{argResource, argHost}, bytesResult},
	{FnDeleted, []string{argResource, argHost}, bytesResult},
	{FnSize, []string{argResource, argHost}, bytesResult},
	{FnQueued, []string{argResource, argHost}, boolResult},
	{FnCopying, []string{argHost}, countResult},
	{FnHealed, nil, boolResult},
	{FnFired, []string{argStep}, boolResult},
	{FnTime, nil, timeResult},
}

// asksReplica says whether the answer is what replicas say of themselves.
func (fn *function) asksReplica() bool {
	return slices.Contains(fn.args, argResource) || fn.name == FnCopying
}

func findFunction(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

// IsZero reports whether c is no condition.
func (c Condition) IsZero() bool { return len(c.Terms) == 0 }

// Eval asks env whether every term holds, from left to right, and stops at the first that does
// not. The empty condition holds. An error of env is returned with the term that asked.
func (c Condition) Eval(env Env) (bool, error) {
	for _, t := range c.Terms {
		ok, err := t.eval(env)
		if err != nil {
			return false, fmt.Errorf("condition %q: %w", t.String(), err)
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

func (t Term) eval(env Env) (bool, error) {
	fn := findFunction(t.Fn)
	if fn == nil {
		return false, fmt.Errorf("no function %q", t.Fn)
	}
	switch fn.result {
	case boolResult:
		return env.Bool(t.Fn, t.Args)
	case hostResult:
		name, err := env.Name(t.Fn, t.Args)
		return (name == t.Name) == (t.Op == "=="), err
	}
	n, err := env.Int(t.Fn, t.Args)
	return compare(n, t.Op, t.Int), err
}

func compare(a int64, op string, b int64) bool {
	c := cmp.Compare(a, b)
	switch op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	return false
}

// String prints the condition so that it parses to an equal one.
func (c Condition) String() string {
	parts := make([]string, len(c.Terms))
	for i, t := range c.Terms {
		parts[i] = t.String()
	}
	return strings.Join(parts, " and ")
}

// String prints the term as it is written in a file.
func (t Term) String() string {
	s := t.Fn + "(" + strings.Join(t.Args, ", ") + ")"
	if t.Op == "" {
		return s
	}
	right := t.Name
	if fn := findFunction(t.Fn); fn != nil {
		switch fn.result {
		case countResult:
			right = strconv.FormatInt(t.Int, 10)
		case bytesResult:
			right = Bytes(t.Int).String()
		case timeResult:
			right = Duration(t.Int).String()
		}
	}
	return s + " " + t.Op + " " + right
}

// MarshalText is the exact inverse of UnmarshalText.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText parses a condition; the error is a [*ConditionError].
func (c *Condition) UnmarshalText(text []byte) error {
	got, err := ParseCondition(string(text))
	if err == nil {
		*c = got
	}
	return err
}

// ConditionError says where the text of a condition is wrong.
type ConditionError struct {
	// Offset counts characters before the wrong place.
	Offset int
	// Msg says what was expected there.
	Msg string
}

// Error returns the message without the offset, which means nothing outside the text.
func (e *ConditionError) Error() string { return e.Msg }

// usage prints the function with the kinds of its arguments.
func (fn *function) usage() string {
	return fn.name + "(" + strings.Join(fn.args, ", ") + ")"
}

func functionNames() []string {
	out := make([]string, len(functions))
	for i := range functions {
		out[i] = functions[i].name
	}
	return out
}
