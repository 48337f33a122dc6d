// Package faults holds what goes wrong: a vocabulary of faults in a text form, and the [Layer] that
// carries them out between a host and whatever world it runs in. Written once, the same faults
// exist in the simulator and in real processes.
//
// A [State] is all that is wrong with one host at a moment: the links that lead away from it,
// and its disks. It is data: whoever drives a run sets a host's state as a whole, and sets it
// again after a restart. Crash, restart and pause are not here: they are done to a host, from
// outside.
package faults
