package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/container-football/pitch/internal/strict"
)

// FaultRate is how often [random] injects a fault: on average Faults of them in Ops acknowledged
// operations. Its text is "1 per 500 ops".
type FaultRate struct {
	// Faults and Ops are at least 1 and at most 10^9, and Faults is not above Ops.
	Faults, Ops int
}

// String prints the rate as it is written in a file.
func (r FaultRate) String() string { return fmt.Sprintf("%d per %d ops", r.Faults, r.Ops) }

// MarshalText is the exact inverse of UnmarshalText.
func (r FaultRate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts "N per M ops".
func (r *FaultRate) UnmarshalText(text []byte) error {
	const most = 1_000_000_000
	bad := fmt.Errorf(`expected a rate such as "1 per 500 ops", found %s`, strict.Quote(string(text)))
	w := strings.Fields(string(text))
	if len(w) != 4 || w[1] != "per" || w[3] != "ops" {
		return bad
	}
	n, err1 := strconv.Atoi(w[0])
	m, err2 := strconv.Atoi(w[2])
	if err1 != nil || err2 != nil || n < 1 || m < n || m > most {
		return fmt.Errorf("%w; needs 1 <= faults <= ops <= %d", bad, most)
	}
	*r = FaultRate{Faults: n, Ops: m}
	return nil
}

// Until says when random faults end.
type Until struct {
	// Event is "heal" (the first step that heals everything), "end" (the workloads are done), or
	// empty if At counts.
	Event string
	// At is a time of the run, used only if Event is empty; at least 0.
	At Duration
}

// String prints the bound as it is written in a file.
func (u Until) String() string {
	if u.Event != "" {
		return u.Event
	}
	return u.At.String()
}

// MarshalText is the exact inverse of UnmarshalText.
func (u Until) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText accepts "heal", "end" or a duration.
func (u *Until) UnmarshalText(text []byte) error {
	if s := string(text); s == "heal" || s == "end" {
		*u = Until{Event: s}
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(text); err != nil || d < 0 {
		return fmt.Errorf(`expected "heal", "end" or a duration such as "5s", found %s`,
			strict.Quote(string(text)))
	}
	*u = Until{At: d}
	return nil
}
