// Package node is the seam of pitch: what a protocol is, and what a world offers it.
//
// A protocol is a [Machine]: a deterministic function from one [Event] to a list of [Effects].
// It owns no goroutine, reads no clock and performs no I/O. A world (the simulator of package
// sim, the process of package realnode) carries the effects out and turns what happens into
// events. A [Host] runs the machines of one host in one world.
//
//	machine ── effects ──▶ Host ──▶ (fault layer) ──▶ World
//	   ▲                                                │
//	   └───────────────── events ◀──────────────────────┘
//
// The laws that every world keeps, and that package nodetest checks:
//
//   - An effect is a request. Only a later event proves that it happened.
//   - A completion never arrives inside the call that asked for it.
//   - Events are delivered one at a time, ordered by (time, sequence).
//   - Write and Sync are different effects: what was written but not synced may be lost, whole
//     or in part, when the host crashes.
//   - A transport loses, delays, duplicates and reorders messages silently.
//   - A restarted host is a new incarnation: no timer and no completion of the former one
//     reaches it. Messages may.
//
// Contents of blocks are opaque. A world carries [Geometry.Carry] bytes for each sector: the
// real world all of them, the simulator only a stamp, while it charges the declared size to
// links and disks.
package node
