// Package mars replicates a volume by shipping its transaction log, as MARS does: the primary
// writes every change to a log, acknowledges it when the log is durable, and writes it back to
// the volume later, sorted and coalesced. Secondaries fetch the log and replay it, each at its
// own pace, so that each of their volumes is, together with the part of the log not yet
// replayed, some past state of the primary ("anytime consistency").
//
// A [Machine] is one replica of one resource. It has one volume (device 0) and two logs: the
// transaction log (device 0) and its own state (device 1).
//
// # The log
//
// The log is one stream of frames (see frame.go). A position is a byte offset in the stream; it
// means the same on every replica. The stream is stored in segments: whoever becomes primary
// begins a new one with a frame that names the epoch, the host and the position. These frames
// are the log's lineage. Every frame carries a digest of all that stands before it, so that two
// logs that agree on (position, chain) are equal up to there, and a replica that has left the
// designated branch of history is found at its first fetch.
//
// # Positions of a replica
//
//	applied ≤ durable ≤ end
//
// End: received or written. Durable: synced on this replica's log; only this much is
// acknowledged, shipped, or applied. Applied: written to the volume. A second, persistent
// "applied" follows after the volume was synced; recovery replays from there, idempotently.
//
// # Who is primary
//
// The designated primary is a register that all replicas hold, ordered by version (epoch,
// closed); the newest wins. A planned handover closes the epoch at the old primary, waits until
// the new one has all of the log on disk, and opens the next epoch there. A forced failover opens
// the next epoch at once: what was not fetched is lost, and the old primary finds on its return
// that its log has left the branch, says how much (replica.Loss), and stops there.
//
// # Who replicates, and how much
//
// The group of members is another such register, ordered by (epoch of the primary that changed it,
// that primary, how often). It comes from the configuration at first; once a primary has changed it,
// it is in every hello. Who is not in it any more takes no part; who is added again begins anew.
//
// # Content without its history
//
// The log does not go back for ever. A segment is deleted when all members have it on their
// volumes, to stay; the primary decides, for only it knows who has left its branch. A member that needs
// log which its source has deleted, or whose source is silent, fetches from any other that has it.
//
// A new member, one that nobody has the log for, and one that gives in after a split brain copy the
// volume from the primary's instead, while writes go on: see resync.go and copy.go. Sectors are compared
// by digests first, holes stay holes, and after a split brain only what either branch has
// written is looked at. A copy goes on under another primary.
//
// A zero (a trim) is a record of the log without content. It never costs more than one entry for
// its range: not in the log, not in memory, not in a window of replay. A change of size is a frame
// too, so that each record meets a volume of the size for which it was made.
//
// # Who has to have a write
//
// The setting of acknowledgement says what a write has survived when it is answered: see ack.go. It may ask
// for one more member, or a majority. It is part of the group, so it goes with the primary.
//
// How much log is kept for members that are behind is part of the group, too: see limit.go. A log without
// room is what emergency.go is about.
//
// With [Config.Lease] a primary answers users only while a majority of the members and of a [Witness]
// has promised to grant nobody else (see lease.go).
package mars
