package daemon

// Word is one of the control plane's own, with its meaning.
type Word struct{ Name, Meaning string }

// DiskWords are what [View] can say of a disk, in brackets what may follow.
func DiskWords() []Word {
	return []Word{
		{"UpToDate", "everything that is known to be committed is on the volume"},
		{"OutDated[F]", "log is still to be fetched"},
		{"OutDated[R]", "log is still to be replayed"},
		{"OutDated[FR]", "both"},
		{"OutDated[S]", "split brain, and the history here is not that of the primary: `invalidate`"},
		{"InConsistent", "the volume is being copied, and cannot be used before that has ended"},
		{"Orphan", "consistent and old: nobody has the log any more that follows; it catches up if it can, else: `invalidate`"},
		{"EmergencyMode", "at the primary: the log has no room, and what is written goes to the volume without it"},
		{"WriteBack[BYTES]", "at the primary: so much log is not on the volume yet"},
		{"Recovery[BYTES]", "the same while it becomes primary"},
		{"Detached", "the replica reads its log and does not take part yet"},
		{"DefectiveLog", "log, volume or definition cannot be used; the view says why"},
		{"NotJoined", "the primary has ended the membership of this host: `leave`"},
		{"NoReplica", "the volume is imported: it is used here over the network; or this host is its witness"},
	}
}

// ReplWords are what [View] can say of replication.
func ReplWords() []Word {
	return []Word{
		{"Replicating", "this host is primary, and others fetch its log"},
		{"EmergencyMode", "this host is primary and does without its log: members that do not keep up are left behind"},
		{"Fenced", "this host is primary, but holds no lease: its users wait"},
		{"Replaying", "all is switched on"},
		{"Syncing", "the volume is being copied"},
		{"WaitingSync", "the volume is to be copied, and waits for its turn: see `sync.limit`"},
		{"PausedSync", "the volume is to be copied, and that is switched off"},
		{"PausedFetch", "fetching is switched off"},
		{"PausedReplay", "replay is switched off"},
		{"NoPrimaryDesignated", "nobody is primary"},
		{"PrimaryUnreachable", "the primary is not connected"},
		{"SplitBrain", "the history here has left that of the primary"},
		{"CatchingUp", "an orphan copies what has changed since, and stays consistent"},
		{"Orphan", "nobody has the log any more that follows the one here, nor can it be told what has changed since"},
		{"NotYetPrimary", "this host is about to become primary"},
		{"NotStarted", "the replica reads its log, or cannot"},
		{"UnResponsive", "the replica is defective"},
		{"NotJoined", "this host is no member any more"},
		{"Voting", "this host is the witness: it votes on leases without a replica"},
		{"NotInUse", "the volume is imported, and nobody has opened it here"},
		{"Remote", "it is open here, and the primary serves it"},
		{"SeekingPrimary", "it is open here, and users wait for a primary"},
		{"TakenAway", "it was open here, and cannot be any more; the view says why. Close it here, and open it again"},
	}
}

// RoleWords are what [View] can say of a role.
func RoleWords() []Word {
	return []Word{
		{"Primary", "serves clients"},
		{"Secondary", "replicates"},
		{"NotYetPrimary", "becomes primary, after a start or a `primary`"},
		{"Closed", "was primary and has handed over; nobody has taken over yet"},
		{"Booting", "reads its log"},
		{"Defective", "its disks do not hold what they must"},
		{"NotJoined", "was thrown out"},
		{"Witness", "is no replica: votes on who may serve"},
		{"Prosumer", "is no replica: uses the volume of others"},
	}
}

// FlagWords explain the six letters of the flags, by place.
func FlagWords() []Word {
	return []Word{
		{"D d -", "the volume is exported here and in use; exported; not exported"},
		{"C c -", "the volume is consistent; it is being copied; unknown"},
		{"A -", "the replica has its disk; it has not"},
		{"S s -", "nothing is left to be copied; something is, and copying is on; or off. Always `-` at the primary"},
		{"F f -", "all is fetched; it is not, and fetching is on; or off. Always `-` at the primary"},
		{"R r -", "all is replayed; it is not, and replay is on; or off. Always `-` at the primary"},
	}
}
