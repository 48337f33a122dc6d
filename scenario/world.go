package scenario

import (
	"context"
	"fmt"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
)

// World is what the runner needs of a world. Package sim's Sim and package realnode's Cluster
// are worlds. It is used from one goroutine.
type World interface {
	// Now is the time since the world was made, exact whatever hosts' clocks say.
	Now() node.Time
	// Submit hands a request to a machine. A host that is down does not answer.
	Submit(req node.Request)
	// Next waits for something to observe, at most until the deadline: then it returns false.
	Next(deadline node.Time) (node.Observation, bool)
	Start(host node.ID) error
	// Crash ends a host at once. The world may know only one mode for each host and then uses
	// that.
	Crash(host node.ID, mode node.Unsynced) error
	Pause(host node.ID) error
	Resume(host node.ID) error
	// Control sets the fault layer of a host that is up.
	Control(host node.ID, cmd []byte) error
	// Dump returns what is on the disks of one machine.
	Dump(host node.ID, machine uint32) (node.Dump, error)
	Close() error
}

// Digester is a World whose runs can be compared by one number.
type Digester interface {
	Digest() uint64
	Events() uint64
}

// Setup is what a world is made from.
type Setup struct {
	File *File
	Dir  string // for files of the run, if the world needs any; made by whoever opens it
}

// WorldKind is one way to run scenarios. The wiring is in cmd/pitch, which knows all worlds.
type WorldKind struct {
	Name string
	// Carry is how many bytes a sector the world carries, given the sector's size.
	Carry func(sector uint32) uint32
	// Poll is how often the runner asks replicas for their state.
	Poll node.Time
	// Timeout is how long a client waits for an answer before it takes the outcome for unknown.
	Timeout node.Time
	// Turns says that hosts see to their sync_limit themselves. Else the runner does, in their place.
	Turns bool
	// Open makes a world whose hosts are starting: each will be observed with ObsUp.
	Open func(context.Context, Setup) (World, error)
}

// HostID returns the number of the host with this name: hosts count from 1 in the order of the
// file. It is 0 if there is none.
func (f *File) HostID(name string) node.ID {
	for i := range f.Hosts {
		if f.Hosts[i].Name == name {
			return node.ID(i + 1)
		}
	}
	return 0
}

// HostName is the inverse of HostID.
func (f *File) HostName(id node.ID) string {
	if id < 1 || uint64(id) > uint64(len(f.Hosts)) {
		return fmt.Sprintf("host %d", id)
	}
	return f.Hosts[id-1].Name
}

// Wrap is the fault layer that worlds put around each host.
var Wrap node.Wrap = faults.Wrap
