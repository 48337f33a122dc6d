package node

import (
	"fmt"
	"strings"
)

// Request is what a user of a host (a workload, an NBD client, an operator) asks one machine for.
type Request struct {
	Host    ID
	Machine uint32
	Op      Op     // OpRead, OpWrite, OpZero, OpMap, OpSync (flush) or a verb
	Tag     Tag    // comes back with the reply; unique among the requests in flight
	Sector  int64  // I/O: first sector
	N       int64  // I/O: sectors; verbs: as the verb says
	Flags   uint64 // such as FlagDurable
	Data    []byte // OpWrite: N*Carry bytes
}

// ObsKind says what an [Observation] is.
type ObsKind uint8

// What users of a world see.
const (
	ObsReply ObsKind = iota + 1 // the answer to Request Tag
	ObsUp                       // Host has started and answers
	ObsDown                     // Host has ended: requests in flight there have unknown outcome
)

// Observation is what a world shows to those who stand outside: users and the runner.
type Observation struct {
	Kind  ObsKind
	Host  ID
	Tag   Tag    // ObsReply
	Code  Code   // ObsReply
	Epoch uint64 // ObsReply: the epoch under which the request was served
	At    Time   // on the runner's clock
	Data  []byte // ObsReply: valid until the next observation is taken
	Note  string // ObsDown: why, where the world knows it
}

// Unsynced says what becomes, at a crash, of data that was written and not synced.
type Unsynced uint8

// What may become of unsynced data.
const (
	LoseSome Unsynced = iota // each unsynced write survives, vanishes or is torn, at random
	LoseAll                  // as after a power failure of a cache that wrote nothing early
	Keep                     // as after the crash of a process whose machine lives on
)

// Dump is what the disks of one machine hold: for checks, after a crash or at the end of a run.
type Dump struct {
	Volumes [][]byte    // volume Dev(i): Sectors*Carry bytes
	Logs    [][]LogFile // log Dev(i): its segments in ascending order
	// Dropped is, for each log, what was deleted or cut off, oldest first: of a world that keeps it
	// for those who judge a run. What was cut off begins where the cut was. Content that a log had no
	// room for is there, too, if the machine has told it.
	Dropped [][]LogFile
}

// LogFile is one segment with its content.
type LogFile struct {
	ID   uint64
	Data []byte
}

// unsyncedNames are in the order of the constants.
var unsyncedNames = [...]string{"lose-some", "lose-all", "keep"}

// UnsyncedNames are the names of all modes.
func UnsyncedNames() []string { return unsyncedNames[:] }

func (u Unsynced) String() string {
	if int(u) < len(unsyncedNames) {
		return unsyncedNames[u]
	}
	return fmt.Sprintf("unsynced(%d)", u)
}

// ParseUnsynced is the inverse of String.
func ParseUnsynced(name string) (Unsynced, error) {
	for i, n := range unsyncedNames {
		if n == name {
			return Unsynced(i), nil
		}
	}
	return 0, fmt.Errorf("%q, expected one of %s", name, strings.Join(unsyncedNames[:], ", "))
}
