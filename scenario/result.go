package scenario

import (
	"fmt"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Outcome is the class of a run; the exit code of pitch follows from the worst one.
type Outcome uint8

// The outcomes, from best to worst.
const (
	Passed   Outcome = iota // the verdict is the expected one
	Vacuous                 // what had to happen did not, so nothing was shown
	Unknown                 // a check or the run ran out of time
	Violated                // a check was violated, or was not although that was expected
	Failed                  // the harness failed
)

var outcomeNames = [...]string{"passed", "vacuous", "unknown", "violated", "failed"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText makes reports carry the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if string(text) == name {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("scenario: no outcome is called %q", text)
}

// ExitCode is the exit code that stands for o.
func (o Outcome) ExitCode() int { return [...]int{0, 3, 2, 1, 70}[o] }

// Result is what one run of one scenario in one world with one seed has shown.
type Result struct {
	Scenario string  `json:"scenario"`
	File     string  `json:"file"`
	World    string  `json:"world"`
	Seed     uint64  `json:"seed"`
	Outcome  Outcome `json:"outcome"`
	Reason   string  `json:"reason,omitempty"` // one sentence, unless passed

	// Verdict is the worst of Checks.
	Verdict check.Verdict  `json:"verdict"`
	Checks  []check.Result `json:"checks"`
	Losses  []Loss         `json:"losses,omitempty"` // one a resource that was failed over by force

	Counts Counts  `json:"counts"`
	Fired  []Fired `json:"fired"`
	// Digest is that of every event, in a world that has one: equal inputs, equal digests.
	Digest string `json:"digest,omitempty"`

	Time    node.Time     `json:"time_ns"` // of the world
	Elapsed time.Duration `json:"elapsed_ns"`
	Repeat  string        `json:"repeat"` // the command that repeats the run

	History check.History `json:"-"`
	Samples []Sample      `json:"-"`
	Logs    []ReplicaLog  `json:"-"` // as they were at the end; kept together with Samples
	Replay  *File         `json:"-"` // the scenario with every random choice a literal
	// Coverage are the states of the replicas that were seen, each as a number that is the same in every
	// run; kept if asked for.
	Coverage []uint64 `json:"-"`
}

// ReplicaLog is one replica's log device.
type ReplicaLog struct {
	Host, Resource string
	Files          []node.LogFile
}

// Counts are the totals of a run.
type Counts struct {
	Acked   int    `json:"acked"`
	Reads   int    `json:"reads"` // acked ones
	Writes  int    `json:"writes"`
	Unknown int    `json:"unknown"` // operations without an answer
	Refused int    `json:"refused"` // answered with not-primary, and tried again
	Events  uint64 `json:"events,omitempty"`
}

// Fired is a step, or part of one, that took place.
type Fired struct {
	At   node.Time `json:"at_ns"`
	Step int       `json:"step"` // index in the replay file; -1: not a step
	Verb string    `json:"verb"`
	Name string    `json:"name,omitempty"`
	Text string    `json:"text"`
}

func (f Fired) String() string { return fmt.Sprintf("%10v  %s", f.At, f.Text) }

// Loss is what a forced failover has cost, by the logs of both sides (Ops, Bytes, For) and as the
// old primary reports it on its return (Reported).
type Loss struct {
	Resource string        `json:"resource"`
	Ops      int           `json:"ops"`     // acknowledged writes
	Records  int           `json:"records"` // records of the log, acknowledged or not
	Bytes    int64         `json:"bytes"`   // of the acknowledged ones
	For      time.Duration `json:"for_ns"`  // from the first lost acknowledgement to the failover
	Reported replica.Loss  `json:"reported"`
}

// Sample is the state of one replica at a moment, for pictures.
type Sample struct {
	At       node.Time
	Host     node.ID
	Resource int
	Up       bool
	Status   replica.Status
	Acked    int // operations of all workloads so far
}
