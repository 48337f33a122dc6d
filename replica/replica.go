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
	"math"

	"github.com/container-football/pitch/node"
)

// The verbs. Each is asked of one replica, and concerns that replica. Numbers from node.OpVerb + 64 on
// belong to package catalog.
const (
	OpStatus       = node.OpVerb + iota // what is your state; never refused once booted
	OpPrimary                           // planned handover to this replica; loses nothing
	OpPrimaryForce                      // forced failover; loses what was not fetched
	OpConnect                           // switch fetching of the log on
	OpDisconnect                        // switch fetching off
	OpResumeReplay                      // switch replay of the fetched log on
	OpPauseReplay                       // switch replay off
	// OpWatch is OpStatus, but answered only once the number of changes, Status.Changes, is not N.
	OpWatch
	// OpOpen says that one user more holds the volume open here, OpClose that one has let go. A
	// primary whose volume is open does not hand over. They end with the incarnation.
	OpOpen
	OpClose
	// OpAddMember and OpRemoveMember change who replicates. Data is the address in the form that
	// [AppendAddr] makes. Only a serving primary can do this, and it cannot remove itself.
	OpAddMember
	OpRemoveMember
	OpResize // give the volume N sectors, on all members; only at a serving primary; only more
	// OpInvalidate gives up what a secondary holds, for what the primary holds: the way out of a split
	// brain, and of a log that does not reach back far enough. Only what differs is copied. With N = 1
	// everything is compared, though the own log may say what has changed.
	OpInvalidate
	OpPauseSync  // switch copying off
	OpResumeSync // switch copying on
	OpLogRotate  // begin a new segment of the log; only at a serving primary
	// OpSetAck says when writes are acknowledged from now on, on all members: Data is the name of a setting
	// of the strategy, as Status.Ack tells it. Only at a serving primary.
	OpSetAck
	// OpSetLogLimit says how much log is kept from now on for members that are behind, on all members:
	// N bytes, 0 for as much as they need. Only at a serving primary.
	OpSetLogLimit
	// OpSyncTurn says whether this replica may copy: N is one of SyncFree, SyncHeld and SyncGiven. Never
	// refused; it ends with the incarnation.
	OpSyncTurn
	// OpSecondary lets a primary close without a successor: nobody is primary then, until a member
	// is asked to be.
	OpSecondary
	// OpContinues asks a primary whether its history is the one that host Off served under epoch N, and
	// nobody has become primary by force since: then all that was durable there is here. It is
	// refused if that is not so, or is not known any more.
	OpContinues
	// OpGuests asks a member which hosts without a replica use the volume. The answer is a list of
	// [Guest]. The primary knows them all, other members only who may change the volume.
	OpGuests
)

// What OpOpen may ask for where the volume is used without a replica, as bits of N.
const (
	OpenForce  = 1 << iota // take the volume away from whoever holds it elsewhere
	OpenShared             // read only, beside others
)

// What [OpSyncTurn] says. A host with many replicas lets only some of them copy at a time. That is another
// matter than the switch of its operator, which stays as it is.
const (
	SyncFree  = iota // copy whenever there is something to copy: so it is at first
	SyncHeld         // wait for a turn
	SyncGiven        // this is the turn, until there is nothing to copy, or nobody to copy from
)

// AppendAddr appends the form of an address to b: host, machine, 4 bytes each, little endian.
func AppendAddr(b []byte, a node.Addr) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(a.Host))
	return binary.LittleEndian.AppendUint32(b, a.Machine)
}

// DecodeAddr is the inverse of [AppendAddr].
func DecodeAddr(b []byte) (node.Addr, error) {
	if len(b) != 8 {
		return node.Addr{}, fmt.Errorf("address: %d bytes, expected 8", len(b))
	}
	return node.Addr{Host: node.ID(binary.LittleEndian.Uint32(b)),
		Machine: binary.LittleEndian.Uint32(b[4:])}, nil
}

// Verbs maps the names of the verbs that people type to their numbers. The others are for the
// programs that speak to a replica: who opens a volume, and who manages the group.
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
	{"resize", OpResize},
	{"invalidate", OpInvalidate},
	{"pause-sync", OpPauseSync},
	{"resume-sync", OpResumeSync},
	{"log-rotate", OpLogRotate},
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
	RoleLeft      // has been removed from the group
	RoleRemote    // no replica: the volume is used from here over the network
	RoleWitness   // no replica: votes on leases
)

var roleNames = [...]string{"Booting", "NotYetPrimary", "Primary", "Closed", "Secondary",
	"Defective", "NotJoined", "Prosumer", "Witness"}

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
	SyncOn     bool
	// Inconsistent is set while the volume is being copied from the primary's. ToCopy says how much is
	// left. It does not end with that: what was copied is of different moments, and replay has to go
	// over it.
	Inconsistent bool
	Orphan       bool // nobody has the log any more that follows the own one
	// Emergency is set while the log of a primary has no room: what users write goes to the volume
	// without it, and members that do not keep up are left behind.
	Emergency bool
	SyncWaits bool // there is something to copy, and it is not this replica's turn: see OpSyncTurn
	SyncTurn  bool // it is
	// Leased: this replica holds a lease. Fenced: it is primary, or is to be, and its users wait because
	// it holds none. Where there are no leases both are false.
	Leased, Fenced bool
	// CatchesUp is set while content from the primary is put aside here, and then brought to the volume,
	// so that an orphan need not stay one. ToCopy says how much is still to come. What the disks hold
	// stays consistent throughout.
	CatchesUp bool

	End       int64 // end of the log as received or written
	Durable   int64 // end of the log that is durable here
	Applied   int64 // everything before is on the volume
	Synced    int64 // everything before is on the volume and survives a crash there
	Committed int64 // committed end of the primary's log, as last heard

	EndSeq, DurableSeq, AppliedSeq, CommittedSeq uint64 // the same, in records

	Lost Loss // on the replica whose branch was cut off; zero elsewhere

	// Changes counts changes of role, designated primary, epoch, switches, membership, size,
	// flags and loss within this incarnation; not the movement of positions.
	Changes uint64
	Sectors int64  // size of the volume as users see it
	ToCopy  int64  // sectors
	Copied  int64  // sectors whose content has come for copies of the volume, within this incarnation
	LogFrom int64  // where the log begins that is still on disk
	Ack     string // when writes are acknowledged: a name of the strategy's, up to 255 bytes
	// LogLimit is how much log is kept for members that are behind, in bytes; 0: as much as they need.
	LogLimit int64
	Open     int64 // users who hold it open here
	Members  []node.Addr
	// Group names the list of members by which this replica goes, as it was changed how often by whom: who
	// goes by the same has the same number.
	Group  uint64
	Defect string // why the role is RoleDefective; empty otherwise
}

// statusSize is the fixed part: numbers. Behind it stand the members, the name of the acknowledgement
// and the defect.
const (
	statusSize = 16 + 20*8 + 8
	addrSize   = 8
)

// Encode returns the form that [DecodeStatus] reads.
func (s *Status) Encode() []byte {
	b := make([]byte, 0, statusSize+addrSize*len(s.Members)+len(s.Ack)+len(s.Defect))
	flags := byte(0)
	for i, f := range []bool{s.SplitBrain, s.UpToDate, s.FetchOn, s.ReplayOn, s.CutOff,
		s.SyncOn, s.Inconsistent, s.Orphan} {
		if f {
			flags |= 1 << i
		}
	}
	more := byte(0)
	for i, f := range []bool{s.SyncWaits, s.SyncTurn, s.Emergency, s.Leased, s.Fenced, s.CatchesUp} {
		if f {
			more |= 1 << i
		}
	}
	ack := s.Ack[:min(len(s.Ack), math.MaxUint8)]
	b = append(b, byte(s.Role), flags, byte(len(ack)), more)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.Primary))
	b = binary.LittleEndian.AppendUint64(b, s.Epoch)
	for _, v := range [...]uint64{uint64(s.End), uint64(s.Durable), uint64(s.Applied),
		uint64(s.Committed), s.EndSeq, s.DurableSeq, s.AppliedSeq, s.CommittedSeq, s.Lost.Ops,
		uint64(s.Lost.Bytes), uint64(s.Lost.Age), uint64(s.Synced), s.Changes, uint64(s.Sectors),
		uint64(s.Open), uint64(s.ToCopy), uint64(s.LogFrom), uint64(s.LogLimit),
		uint64(s.Copied), s.Group} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Members)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Defect)))
	for _, a := range s.Members {
		b = AppendAddr(b, a)
	}
	b = append(b, ack...)
	return append(b, s.Defect...)
}

// DecodeStatus is the inverse of Encode.
func DecodeStatus(b []byte) (Status, error) {
	if len(b) < statusSize {
		return Status{}, fmt.Errorf("status: %d bytes, expected at least %d", len(b), statusSize)
	}
	u := func(i int) uint64 { return binary.LittleEndian.Uint64(b[16+8*i:]) }
	f := b[1]
	s := Status{Role: Role(b[0]), SplitBrain: f&1 != 0, UpToDate: f&2 != 0, FetchOn: f&4 != 0,
		ReplayOn: f&8 != 0, CutOff: f&16 != 0, SyncOn: f&32 != 0, Inconsistent: f&64 != 0,
		Orphan: f&128 != 0, Emergency: b[3]&4 != 0, Leased: b[3]&8 != 0, Fenced: b[3]&16 != 0, CatchesUp: b[3]&32 != 0,
		Primary: node.ID(binary.LittleEndian.Uint32(b[4:])),
		Epoch:   binary.LittleEndian.Uint64(b[8:]),
		End:     int64(u(0)), Durable: int64(u(1)), Applied: int64(u(2)), Committed: int64(u(3)),
		EndSeq: u(4), DurableSeq: u(5), AppliedSeq: u(6), CommittedSeq: u(7),
		Lost:   Loss{Ops: u(8), Bytes: int64(u(9)), Age: node.Time(u(10))},
		Synced: int64(u(11)), Changes: u(12), Sectors: int64(u(13)), Open: int64(u(14)),
		ToCopy: int64(u(15)), LogFrom: int64(u(16)), LogLimit: int64(u(17)), Copied: int64(u(18)), Group: u(19),
		SyncWaits: b[3]&1 != 0, SyncTurn: b[3]&2 != 0}
	members := uint64(binary.LittleEndian.Uint32(b[statusSize-8:]))
	defect := uint64(binary.LittleEndian.Uint32(b[statusSize-4:]))
	ack := int(b[2])
	if b = b[statusSize:]; uint64(len(b)) != members*addrSize+uint64(ack)+defect {
		return Status{}, fmt.Errorf("status: %d members, %d and %d bytes of text in %d bytes", members,
			ack, defect, len(b))
	}
	if members > 0 {
		s.Members = make([]node.Addr, 0, members)
	}
	for ; members > 0; members-- {
		a, err := DecodeAddr(b[:addrSize])
		if err != nil {
			return Status{}, err
		}
		s.Members = append(s.Members, a)
		b = b[addrSize:]
	}
	s.Ack, s.Defect = string(b[:ack]), string(b[ack:])
	return s, nil
}
