package faults

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/container-football/pitch/node"
)

// State is what is wrong with one host. The zero value is a healthy host.
type State struct {
	Seed  uint64 // of the random streams
	Start uint64 // how often the host was started: it names the streams, lest draws repeat
	Links []Link // at most one a destination
	Disk  Disk
}

// Link is what is wrong with the messages from this host to another one. Probabilities are
// from 0 to 1, each message is judged by itself.
type Link struct {
	To        node.ID // 0: every host without an entry of its own
	Cut       bool    // nothing gets through
	Loss      float64
	Duplicate float64
	Reorder   float64   // share of messages that are held back for reorderHold
	Delay     node.Time // of every message
}

// Disk is what is wrong with a host's disks.
type Disk struct {
	// Slow makes every request take about this many times as long: nominal latency is added
	// Slow-1 times. 0 and 1 mean healthy.
	Slow float64
	// Full has appends to the first log of each machine fail with NoSpace. The others are small, and live
	// in space that they have had all the time.
	Full bool
	// Latent is the share of the volumes' sectors that cannot be read: a read that touches one
	// fails with IOError. Which ones depends on the seed alone. (A drive would map a sector anew
	// when it is written; here it stays bad until the fault ends.)
	Latent float64
}

// nominal is what a request of a healthy disk is taken to last.
const nominal = 500 * node.Microsecond

// reorderHold is how much later a reordered message is sent: long enough for those behind it.
const reorderHold = 2 * node.Millisecond

// String is the text form: one fault a line. Parse is its inverse.
func (s State) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d start %d\n", s.Seed, s.Start)
	for _, l := range s.Links {
		fmt.Fprintf(&b, "link %d", l.To)
		if l.Cut {
			b.WriteString(" cut")
		}
		for _, p := range []struct {
			name string
			v    float64
		}{{"loss", l.Loss}, {"duplicate", l.Duplicate}, {"reorder", l.Reorder}} {
			if p.v != 0 {
				b.WriteString(" " + p.name + "=" + strconv.FormatFloat(p.v, 'g', -1, 64))
			}
		}
		if l.Delay != 0 {
			b.WriteString(" delay=" + time.Duration(l.Delay).String())
		}
		b.WriteByte('\n')
	}
	if s.Disk != (Disk{}) {
		b.WriteString("disk")
		if s.Disk.Slow != 0 {
			b.WriteString(" slow=" + strconv.FormatFloat(s.Disk.Slow, 'g', -1, 64))
		}
		if s.Disk.Full {
			b.WriteString(" full")
		}
		if s.Disk.Latent != 0 {
			b.WriteString(" latent=" + strconv.FormatFloat(s.Disk.Latent, 'g', -1, 64))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Parse reads the text form. An error names the line and what was expected.
func Parse(text string) (State, error) {
	var s State
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.parse(words); err != nil {
			return State{}, fmt.Errorf("faults, line %d: %w", i+1, err)
		}
	}
	return s, nil
}

func (s *State) parse(w []string) error {
	switch w[0] {
	case "seed":
		if len(w) != 4 || w[2] != "start" {
			return fmt.Errorf("expected `seed N start N`, found %q", strings.Join(w, " "))
		}
		var err1, err2 error
		s.Seed, err1 = strconv.ParseUint(w[1], 10, 64)
		s.Start, err2 = strconv.ParseUint(w[3], 10, 64)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("expected `seed N start N`, found %q", strings.Join(w, " "))
		}
		return nil
	case "link":
		return s.parseLink(w)
	case "disk":
		return s.parseDisk(w[1:])
	}
	return fmt.Errorf("expected seed, link or disk, found %q", w[0])
}

func (s *State) parseLink(w []string) error {
	if len(w) < 2 {
		return fmt.Errorf("expected a host after link")
	}
	to, err := strconv.ParseUint(w[1], 10, 32)
	if err != nil {
		return fmt.Errorf("expected the number of a host, found %q", w[1])
	}
	l := Link{To: node.ID(to)}
	for _, old := range s.Links {
		if old.To == l.To {
			return fmt.Errorf("second entry for the link to %d", to)
		}
	}
	for _, word := range w[2:] {
		key, value, valued := strings.Cut(word, "=")
		if key == "cut" && valued {
			key = "" // it takes none
		}
		var err error
		switch key {
		case "cut":
			l.Cut = true
		case "loss":
			l.Loss, err = probability(value)
		case "duplicate":
			l.Duplicate, err = probability(value)
		case "reorder":
			l.Reorder, err = probability(value)
		case "delay":
			d, bad := time.ParseDuration(value)
			if bad != nil || d < 0 {
				err = fmt.Errorf("expected a delay of at least 0, such as 5ms, found %q", value)
			}
			l.Delay = node.Time(d)
		default:
			err = fmt.Errorf("expected cut, loss, duplicate, reorder or delay, found %q", word)
		}
		if err != nil {
			return err
		}
	}
	s.Links = append(s.Links, l)
	return nil
}

// link is what is wrong on the way to a host.
func (s *State) link(to node.ID) (l Link) {
	for _, k := range s.Links {
		if k.To == to {
			return k
		}
		if k.To == 0 {
			l = k
		}
	}
	return l
}

func probability(text string) (float64, error) {
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return 0, fmt.Errorf("expected a probability from 0 to 1, found %q", text)
	}
	return p, nil
}

func (s *State) parseDisk(w []string) error {
	for _, word := range w {
		key, value, valued := strings.Cut(word, "=")
		if key == "full" && valued {
			key = "" // it takes none
		}
		switch key {
		case "full":
			s.Disk.Full = true
		case "latent":
			p, err := probability(value)
			if err != nil {
				return err
			}
			s.Disk.Latent = p
		case "slow":
			f, err := strconv.ParseFloat(value, 64)
			if err != nil || !(f >= 1 && f <= 1e6) {
				return fmt.Errorf("expected slow=1 to slow=1e6, found %q", value)
			}
			s.Disk.Slow = f
		default:
			return fmt.Errorf("expected slow, full or latent, found %q", word)
		}
	}
	return nil
}
