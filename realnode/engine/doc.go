// Package engine runs machines on real devices, real networks and the wall clock: it is the world
// of package node that a daemon offers.
//
// Every machine has a [Unit] of its own: one event loop, which owns the machine and everything
// that the machine's calls touch, and one worker (two while syncs run) for each of its devices.
// So machines run side by side on several cores, and a slow disk of one holds up no other.
//
//	users ── Submit ──▶ inbox ──▶ loop ── machine ──┬─▶ devices (package disk)
//	peers ── Deliver ──▶  ▲                         ├─▶ Config.Send (package mesh)
//	                      └── completions, timers   └─▶ Replier
//
// All other goroutines only put things into a loop's inbox or take work out of queues that never
// make the loop wait, so no cycle of waiting can form. Memory is bounded: users wait when an
// inbox is full, and messages of other hosts are lost then, which machines must live with anyway.
package engine
