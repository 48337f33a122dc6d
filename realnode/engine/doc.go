// Package engine runs machines on real devices, real networks and the wall clock: it is the world
// of package node that a daemon offers.
//
// Every machine has a [Unit] of its own: one event loop, which owns the machine and everything
// that the machine's calls touch, and one worker (two while syncs run) for each of its devices.
// So machines run side by side on several cores, and a slow disk of one holds up no other.
//
// A small request that finds its loop asleep is handled in the turn of the user's own goroutine, and a
// small read of what is in memory is carried out there: waking other goroutines takes longer than
// either. One goroutine at a time runs a machine, whichever it is.
//
//	users ── Submit ──▶ inbox ──▶ loop ── machine ──┬─▶ devices (package disk)
//	peers ── Deliver ──▶  ▲                         ├─▶ Config.Send (package mesh)
//	                      └── completions, timers   └─▶ Replier
//
// All others only put things into a loop's inbox or take work out of queues that never make the
// loop wait, and nobody waits for another's turn but the loop, so no cycle of waiting can form.
// Repliers must not need what a caller of Submit holds. Memory is bounded: users wait when an
// inbox is full, and messages of other hosts are lost then, which machines must live with anyway.
package engine
