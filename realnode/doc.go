// Package realnode is the local world: every host of a run is one operating system process on
// this machine, with TCP between them, files for disks and the wall clock for time.
//
// It has two ends. [StartCluster] belongs to the runner: it starts the processes, hands users'
// requests to them and breaks them on purpose. [Run] belongs to the process of one host: it
// carries out what the machines of package node ask for. The two talk over the standard input
// and output of the process; standard error is its log.
//
//	runner ── requests, addresses ──▶ stdin  ┐                    ┌── TCP ──▶ other hosts
//	   ▲                                     │ event loop ── Host ┤
//	   └──── replies, readiness ◀── stdout   ┘                    └── files
//
// One goroutine, the event loop, owns the [node.Host] and everything that the host's calls touch.
// All other goroutines (network readers, disk workers, the control reader) only put events into
// the loop's inbox or take work out of queues that never make the loop wait, so no cycle of
// waiting can form.
//
// A process that loses its runner ends: it sees its standard input close, and Linux kills it
// besides. The end of a process is always a crash, never a clean stop: machines must live with
// crashes, and a second way to end would only be tested less.
package realnode
