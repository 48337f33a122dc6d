// Package replica holds what all replication strategies share towards their users: the verbs of
// administration, and the status that a replica reports. The strategies are in the packages
// below it, each a node.Machine.
//
// The verbs carry the names of marsadm. A verb is a node.Request with its number as Op; the
// answer has an empty body, or a sentence that says why it was refused, or for [OpStatus] a
// [Status].
package replica

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
)

// The verbs. Each is asked of one replica, and concerns that replica.
const (
	OpStatus       = node.OpVerb + iota // what is your state; never refused once booted
	OpPrimary                           // planned handover to this replica; loses nothing
	OpPrimaryForce                      // forced failover; loses what was not fetched
	OpConnect                           // switch fetching of the log on
	OpDisconnect                        // switch fetching off
	OpResumeReplay                      // switch replay of the fetched log on
	OpPauseReplay                       // switch replay off
)

// Verbs maps the names of the verbs to their numbers.
var Verbs = []struct {
	Name string
	Op   node.Op
}{
	{"status", OpStatus},
	{"primary", OpPrimary},
	{"primary --force", OpPrimaryForce},
	{"connect", OpConnect},
	{"disconnect", OpDisconnect},
	{"resume-replay", OpResumeReplay},
	{"pause-replay", OpPauseReplay},
}

// Verb returns the number of the verb with this name.
func Verb(name string) (op node.Op, ok bool) {
	for _, v := range Verbs {
		if v.Name == name {
			return v.Op, true
		}
	}
	return 0, false
}

// Role is what a replica is at this moment, whatever it is meant to be.
type Role uint8

// The roles. Only RolePrimary serves I/O.
const (
	RoleBooting    Role = iota // reads its log
	RoleRecovering             // designated primary that is not serving yet
	RolePrimary
	RoleClosed // was primary and has handed over; nobody has taken over yet
	RoleSecondary
	RoleDefective // its disks do not hold what they must
)

var roleNames = [...]string{"Booting", "NotYetPrimary", "Primary", "Closed", "Secondary",
	"Defective"}

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("Role(%d)", uint8(r))
}

// Loss is what a forced failover cost: the suffix of a log that the surviving branch lacks.
type Loss struct {
	Ops   uint64    // writes
	Bytes int64     // declared bytes of their sectors
	Age   node.Time // from the first lost write to the last, by the stamps in the log
}

// Status is the state of one replica, as it knows it. Positions are bytes of the log stream.
type Status struct {
	Role       Role
	Primary    node.ID // designated primary; 0 none
	Epoch      uint64  // of the designated primary
	SplitBrain bool    // this replica's history, or a peer's, has left the designated branch
	CutOff     bool    // this replica's own history has left it: somebody has to decide
	UpToDate   bool    // everything known to be committed is on this replica's disk
	FetchOn    bool
	ReplayOn   bool

	End       int64 // end of the log as received or written
	Durable   int64 // end of the log that is durable here
	Applied   int64 // everything before is on the volume
	Synced    int64 // everything before is on the volume and survives a crash there
	Committed int64 // committed end of the primary's log, as last heard

	EndSeq, DurableSeq, AppliedSeq, CommittedSeq uint64 // the same, in records

	Lost Loss // on the replica whose branch was cut off; zero elsewhere
}

const statusSize = 16 + 12*8

// Encode returns the form that [DecodeStatus] reads.
func (s *Status) Encode() []byte {
	b := make([]byte, 0, statusSize)
	flags := byte(0)
	for i, f := range []bool{s.SplitBrain, s.UpToDate, s.FetchOn, s.ReplayOn, s.CutOff} {
		if f {
			flags |= 1 << i
		}
	}
	b = append(b, byte(s.Role), flags, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.Primary))
	b = binary.LittleEndian.AppendUint64(b, s.Epoch)
	for _, v := range [...]uint64{uint64(s.End), uint64(s.Durable), uint64(s.Applied),
		uint64(s.Committed), s.EndSeq, s.DurableSeq, s.AppliedSeq, s.CommittedSeq, s.Lost.Ops,
		uint64(s.Lost.Bytes), uint64(s.Lost.Age), uint64(s.Synced)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// DecodeStatus is the inverse of Encode.
func DecodeStatus(b []byte) (Status, error) {
	if len(b) != statusSize {
		return Status{}, fmt.Errorf("status: %d bytes, expected %d", len(b), statusSize)
	}
	u := func(i int) uint64 { return binary.LittleEndian.Uint64(b[16+8*i:]) }
	f := b[1]
	return Status{Role: Role(b[0]), SplitBrain: f&1 != 0, UpToDate: f&2 != 0, FetchOn: f&4 != 0,
		ReplayOn: f&8 != 0, CutOff: f&16 != 0, Primary: node.ID(binary.LittleEndian.Uint32(b[4:])),
		Epoch: binary.LittleEndian.Uint64(b[8:]),
		End:   int64(u(0)), Durable: int64(u(1)), Applied: int64(u(2)), Committed: int64(u(3)),
		EndSeq: u(4), DurableSeq: u(5), AppliedSeq: u(6), CommittedSeq: u(7),
		Lost:   Loss{Ops: u(8), Bytes: int64(u(9)), Age: node.Time(u(10))},
		Synced: int64(u(11))}, nil
}
