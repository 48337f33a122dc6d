package replica_test

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/replica"
)

func TestTurnsGoToWhoHasWaitedLongest(t *testing.T) {
	var turns replica.Turns
	state := make(map[uint32]replica.TurnOf)
	next := func(limit int, want ...uint32) {
		t.Helper()
		var list []replica.TurnOf
		for _, r := range state { // in no order
			list = append(list, r)
		}
		if got := turns.Next(limit, list); !slices.Equal(got, want) {
			t.Errorf("turns of %v, expected %v", got, want)
		}
	}
	say := func(r replica.TurnOf) { state[r.Number] = r }
	answered := func(r replica.TurnOf) { say(r); turns.Answered(r.Number) }

	say(replica.TurnOf{Number: 9, Waits: true})
	say(replica.TurnOf{Number: 5, Waits: true})
	next(0)
	say(replica.TurnOf{Number: 2, Waits: true}) // later than these
	next(1, 5)
	next(1) // nothing is known of 5 yet
	answered(replica.TurnOf{Number: 5, Has: true})
	next(1)
	next(2, 9)
	answered(replica.TurnOf{Number: 9}) // has nothing to copy any more
	next(2, 2)
	answered(replica.TurnOf{Number: 2, Has: true})
	say(replica.TurnOf{Number: 9, Waits: true})
	say(replica.TurnOf{Number: 7, Waits: true})
	next(2)
	say(replica.TurnOf{Number: 7}) // gives up, and comes again
	next(1)
	say(replica.TurnOf{Number: 7, Waits: true})
	say(replica.TurnOf{Number: 3, Waits: true})
	say(replica.TurnOf{Number: 5, Waits: true}) // gives its turn back: the last in the line
	delete(state, 2)
	next(5, 9, 3, 5, 7)
}
