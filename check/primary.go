package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

const nameOnePrimary = "one primary"

// Tenure is a time during which one host served a resource, as its primary or by running the
// virtual machine on it.
type Tenure struct {
	Resource string
	Epoch    uint64 // only tenures of one epoch are compared; 0 throughout compares all
	Host     string
	From, To int64 // ns, To at least From; math.MaxInt64: to the end
}

// OnePrimary checks that at no time two hosts served one resource in one epoch. A tenure may
// begin at the very instant at which another ends. Tenures may come in any order; those of
// one host may overlap. One that ends where it begins is ignored. O(n log n).
func OnePrimary(tenures []Tenure) Result {
	sorted := slices.Clone(tenures)
	slices.SortStableFunc(sorted, func(a, b Tenure) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Epoch, b.Epoch),
			cmp.Compare(a.From, b.From))
	})
	var last Tenure // of this resource and epoch, what lasts longest so far
	for _, t := range sorted {
		if t.To < t.From {
			return undecided(nameOnePrimary, "%v, but that is backwards in time", t)
		}
		switch {
		case t.To == t.From: // it served at no time
		case last == (Tenure{}) || t.Resource != last.Resource || t.Epoch != last.Epoch:
			last = t
		case t.Host != last.Host && t.From < last.To && last.From < t.To:
			how := "to the end"
			if to := min(last.To, t.To); to != math.MaxInt64 {
				how = "for " + nanos(to-t.From)
			}
			return violated(nameOnePrimary, Violation{
				Summary: fmt.Sprintf("%s and %s served at once %s", last.Host, t.Host, how),
				Why:     []string{last.String(), t.String()},
			})
		case t.Host == last.Host && t.From <= last.To:
			last.To = max(last.To, t.To)
		case t.To > last.To:
			last = t
		}
	}
	return ok(nameOnePrimary)
}

// String tells the tenure as a sentence without its full stop.
func (t Tenure) String() string {
	s := t.Host + " served"
	if t.Resource != "" {
		s += " " + t.Resource
	}
	if t.Epoch != 0 {
		s += fmt.Sprintf(" in epoch %d", t.Epoch)
	}
	if t.To == math.MaxInt64 {
		return s + fmt.Sprintf(" from %s on", nanos(t.From))
	}
	return s + fmt.Sprintf(" from %s to %s", nanos(t.From), nanos(t.To))
}
