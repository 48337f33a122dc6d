package check

import (
	"fmt"
	"strings"
)

// Verdict is the outcome of a check. The zero value is Unknown, so that a check that never
// ran is not taken for one that passed.
type Verdict uint8

const (
	Unknown  Verdict = iota // the check could not decide; Result.Note says why
	OK                      // the rule held
	Violated                // the rule was broken; Result.Violation shows where
)

var verdictNames = [...]string{Unknown: "unknown", OK: "ok", Violated: "violated"}

// String returns "ok", "violated" or "unknown".
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// MarshalText makes reports carry the name of the verdict.
func (v Verdict) MarshalText() ([]byte, error) {
	if int(v) >= len(verdictNames) {
		return nil, fmt.Errorf("check: no verdict has the number %d", uint8(v))
	}
	return []byte(verdictNames[v]), nil
}

// UnmarshalText is the inverse of MarshalText.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if string(text) == name {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("check: expected the verdict ok, violated or unknown, got %q", text)
}

// Worst returns the worse of two verdicts: violated is worse than unknown, unknown than ok.
func Worst(a, b Verdict) Verdict {
	switch {
	case a == Violated || b == Violated:
		return Violated
	case a == Unknown || b == Unknown:
		return Unknown
	}
	return OK
}

// Result is what one check found.
type Result struct {
	Check     string     // name of the check, such as "linearizable"
	Verdict   Verdict    //
	Violation *Violation // the counterexample; nil unless Verdict is Violated
	Note      string     // what else to know, such as why the verdict is unknown; may be empty
}

// String gives the check, its verdict and note on one line, and the counterexample below.
func (r Result) String() string {
	s := r.Check + ": " + r.Verdict.String()
	if r.Note != "" {
		s += " (" + r.Note + ")"
	}
	if r.Violation != nil {
		s += "\n" + r.Violation.String()
	}
	return s
}

// Violation is a counterexample, small enough to be read: at most six operations or three
// records, which contradict the rule by themselves, whatever else happened.
type Violation struct {
	Summary string   // one sentence: what is wrong
	Ops     []Op     // operations of clients, by time of call; at most six
	Records []Record // records of a log, in its order; at most three
	Why     []string // the argument, one sentence each
}

// String gives the summary, then one line for each operation, record and sentence of Why.
func (v *Violation) String() string {
	var b strings.Builder
	b.WriteString("  " + v.Summary + "\n")
	for _, op := range v.Ops {
		b.WriteString("    " + op.String() + "\n")
	}
	for _, r := range v.Records {
		b.WriteString("    " + r.String() + "\n")
	}
	for _, why := range v.Why {
		b.WriteString("  - " + why + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func ok(check string) Result { return Result{Check: check, Verdict: OK} }

func violated(check string, v Violation) Result {
	return Result{Check: check, Verdict: Violated, Violation: &v}
}

// undecided reports input that the check cannot judge.
func undecided(check, format string, args ...any) Result {
	return Result{Check: check, Verdict: Unknown, Note: fmt.Sprintf(format, args...)}
}
