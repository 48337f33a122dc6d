// Package remote lets a host use a volume of which it has no replica. The use may stay where it is
// while the primary role moves: MARS calls such a host a prosumer.
//
// A [Server] is wrapped around the replica on each member, whatever its strategy. A [Client] is a
// machine on the host without a replica. Users ask it for what they would ask a primary for; it finds
// the primary, opens a session there, forwards requests, repeats what may have been lost, and goes on
// elsewhere when the role has moved. Users see a stall, and no error.
//
//	users ─▶ Client ══ open, request ══▶ Server ─▶ replica, if it is primary
//	users ◀─        ◀═ grant, answer ══        ◀─
//
// # States of a client
//
//	        first I/O, OpOpen                grant
//	Closed ──────────────────▶ Seeking ────────────────▶ Serving
//	  ▲ ▲        refused          │ ▲  role moved, silence  │
//	  │ └─────────────────────────┘ └───────────────────────┘
//	  │           last OpClose    │ fenced, or history lost
//	  └────────── Failed ◀────────┘
//
// While it seeks, requests wait. A Failed client refuses all until its users have closed the volume
// and open it again: what they have in their caches is not what the volume holds.
//
// # What is guaranteed
//
//   - A request takes effect at most once in a session: requests are numbered, the server remembers
//     which of a window it has seen, and what it has answered to changes.
//   - A session is one of an incarnation of the server, and of an epoch of the primary there. Anything
//     that arrives late from another session is refused. So is all from one that was taken over.
//   - What was not answered is sent again in the next session. That cannot undo a newer write:
//     a request that overlaps an unanswered change waits in the client, and nobody else
//     may change the volume.
//   - What was acknowledged is durable at the primary, whatever the strategy's own rule is
//     (node.FlagDurable): after a crash of the primary nobody would tell the user's cache.
//   - A session goes on under a new primary if that one's history continues the one it was served from
//     (replica.OpContinues): after a handover and after a recovery. After a failover by force the client
//     fails, for nobody knows what was lost. This takes the place of MARS's logger epoch.
//   - One host at a time may change the volume: the holder of the newest [stamp], MARS's prosumer epoch. It
//     is given out by the primary, ordered by its epoch first. Members tell each other the newest one,
//     and a new primary asks them before it opens its first session; it waits for those that are
//     silent no longer than ServerConfig.Guard. Who holds an older one is refused everywhere.
//
// A holder that has been silent for ServerConfig.Silence may be replaced, by another host and by a user at the
// primary. That needs no agreement of clocks: whoever replaces it has a newer stamp.
//
// # What is not
//
// A stamp is not written to a disk. It is forgotten if all members that knew it restart at once; the
// epoch of the next primary is higher, so that stamps stay in order. An old primary that cannot hear of
// its successor goes on serving, its clients included: their work is on a branch that is given up, and
// they fail when they find the new one.
package remote
