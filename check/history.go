package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// OpKind tells a read from a write.
type OpKind uint8

const (
	Read  OpKind = iota // Op.ID is what the read returned
	Write               // Op.ID is the stamp that was written
)

// String returns "read" or "write".
func (k OpKind) String() string {
	switch k {
	case Read:
		return "read"
	case Write:
		return "write"
	}
	return fmt.Sprintf("OpKind(%d)", uint8(k))
}

// Op is one operation of a client on one sector. An operation on several sectors is several
// values with the same Client, ID, Call and Return: nothing is promised about their atomicity.
//
// Intervals are closed: an operation that returns at the very instant at which another is
// called ran at the same time as that one.
type Op struct {
	Client   int    // who asked; 0 … 2^31-1
	Kind     OpKind //
	Unknown  bool   // no answer came; Return means nothing, and of a read ID means nothing
	Resource string // name of the volume; registers are told apart by Resource and Sector
	Sector   uint64 //
	ID       uint64 // the content: 0 is the initial one, every write of a sector has its own
	Call     int64  // ns since the run began, at least 0
	Return   int64  // ns since the run began, at least Call
	Host     string // who served it, or "" if that was not recorded
	Epoch    uint64 // under which epoch it was served, or 0 if that was not recorded
}

// String tells the operation as a sentence without its full stop.
func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client %d ", o.Client)
	switch {
	case o.Kind == Read && o.Unknown:
		fmt.Fprintf(&b, "tried to read %s", o.place())
	case o.Kind == Read:
		fmt.Fprintf(&b, "read %s from %s", content(o.ID), o.place())
	case o.Unknown:
		fmt.Fprintf(&b, "tried to write #%d to %s", o.ID, o.place())
	default:
		fmt.Fprintf(&b, "wrote #%d to %s", o.ID, o.place())
	}
	if o.Host != "" {
		b.WriteString(" at " + o.Host)
	}
	if o.Epoch != 0 {
		fmt.Fprintf(&b, " in epoch %d", o.Epoch)
	}
	if o.Unknown {
		fmt.Fprintf(&b, " (%s …, outcome unknown)", nanos(o.Call))
	} else {
		fmt.Fprintf(&b, " (%s … %s)", nanos(o.Call), nanos(o.Return))
	}
	return b.String()
}

// short names the operation without its place and interval: "client 3's read of #42".
func (o *Op) short() string {
	return fmt.Sprintf("client %d's %s of #%d", o.Client, o.Kind, o.ID)
}

func (o *Op) place() string { return place(o.Resource, o.Sector) }

func place(resource string, sector uint64) string {
	if resource == "" {
		return fmt.Sprintf("sector %d", sector)
	}
	return fmt.Sprintf("sector %d of %s", sector, resource)
}

func content(id uint64) string {
	if id == 0 {
		return "the initial content #0"
	}
	return fmt.Sprintf("#%d", id)
}

// nanos prints a time or duration exactly, in the largest unit up to seconds that is not
// larger than it: "137 ns", "1.234 ms", "62.5 s".
func nanos(ns int64) string {
	div, unit := int64(1), "ns"
	switch abs := max(ns, -ns); {
	case ns == math.MinInt64 || abs >= 1e9:
		div, unit = 1e9, "s"
	case abs >= 1e6:
		div, unit = 1e6, "ms"
	case abs >= 1e3:
		div, unit = 1e3, "µs"
	}
	s := strconv.FormatInt(ns/div, 10)
	if rest := ns % div; rest != 0 {
		if ns < 0 && ns/div == 0 {
			s = "-0"
		}
		digits := strconv.FormatInt(div+max(rest, -rest), 10)[1:]
		s += "." + strings.TrimRight(digits, "0")
	}
	return s + " " + unit
}

// History is what clients saw, in any order.
type History []Op

// Only returns the operations on one resource. Checks that compare a history with a log or an
// image want such a history, because logs and images are those of one volume.
func (h History) Only(resource string) History {
	var out History
	for i := range h {
		if h[i].Resource == resource {
			out = append(out, h[i])
		}
	}
	return out
}

// fault returns the first field that makes o an operation that no history may hold, with
// what was expected of it, or two empty strings.
func (o *Op) fault() (field, msg string) {
	switch {
	case o.Client < 0 || int64(o.Client) > math.MaxInt32:
		return "client", fmt.Sprintf("expected an integer from 0 to %d, got %d",
			math.MaxInt32, o.Client)
	case o.Kind > Write:
		return "op", fmt.Sprintf("expected \"read\" or \"write\", got %v", o.Kind)
	case o.Kind == Write && o.ID == 0:
		return "id", "expected the id of a write to be at least 1, got 0, the initial content"
	case o.Call < 0:
		return "call", fmt.Sprintf("expected a time of at least 0 ns, got %d", o.Call)
	case !o.Unknown && o.Return < o.Call:
		return "return", fmt.Sprintf("expected a time of at least %d, when it was called, got %d",
			o.Call, o.Return)
	}
	return "", ""
}
