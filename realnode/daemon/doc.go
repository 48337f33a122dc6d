// Package daemon is the real node: one process a host, which keeps replicas of many resources on
// files, replicates them to other hosts, and exports those of which it is primary to clients.
//
// [Run] is the whole life of a daemon: it reads what the data folder holds, starts the replicas
// and serves until it is told to stop. It joins the parts below it and adds little of its own:
//
//	clients ──▶ nbd ──┐                      ┌──▶ disk: file | checksums | volatile | metrics
//	pitch vol ──▶ control ──▶ engine (a loop a replica)
//	runner ──▶ harness ──┘                   └──▶ mesh ──▶ other daemons
//
// A resource is a folder below resources/ in the data folder: its definition, and the devices of
// its replica. There is nothing else to be restored: whatever runs can be killed at any moment and
// starts again from what is on disk, and a clean stop is only a kinder way to die.
package daemon
