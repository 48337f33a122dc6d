package main

import (
	"context"
	"fmt"
	"io"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/sim"
)

// simCarry is how many bytes a sector the simulator carries: the stamp.
const simCarry = 8

// simWorld is the simulator as scenarios use it. It needs no files. If trace is set, every event is
// written there, one line each.
func simWorld(trace io.Writer) *scenario.WorldKind {
	k := &scenario.WorldKind{Name: "sim", Carry: func(uint32) uint32 { return simCarry },
		Poll: 5 * node.Millisecond, Timeout: 5 * node.Second}
	k.Open = func(_ context.Context, s scenario.Setup) (scenario.World, error) {
		f := s.File
		for i := range f.Hosts { // a mistake in a strategy's options shows here, not in a panic
			if _, err := f.Specs(node.ID(i+1), k); err != nil {
				return nil, usageError{err}
			}
		}
		w, err := sim.New(sim.Config{Archive: true,
			Hosts: len(f.Hosts), Seed: f.Seed, Wrap: scenario.Wrap,
			Specs: func(id node.ID) []node.Spec {
				specs, err := f.Specs(id, k)
				if err != nil {
					panic(fmt.Sprintf("the machines of host %d could be made before: %v", id, err))
				}
				return specs
			},
			Network: sim.Network{
				Latency:   latency(f.Network.Latency, f.Network.Jitter),
				Bandwidth: max(1, int64(f.Network.Bandwidth)/8),
			},
			Disk: sim.Disk{
				Write: latency(f.Disk.Latency, f.Disk.Latency/4),
				Read:  latency(f.Disk.Read, f.Disk.Read/4),
				Sync:  latency(f.Disk.Sync, f.Disk.Sync/4), Bandwidth: int64(f.Disk.Bandwidth),
				LogBytes: int64(f.Disk.Capacity),
			},
			Trace: traceTo(trace, f),
			Clock: func(id node.ID) (node.Time, int64) {
				h := &f.Hosts[id-1]
				return node.Time(h.ClockOffset), int64(h.ClockDriftPPM)
			},
		})
		if err != nil {
			return nil, err
		}
		return w, w.StartAll()
	}
	return k
}

// traceTo prints an event: when, where, what.
func traceTo(w io.Writer, f *scenario.File) func(node.Time, node.Addr, *node.Event) {
	if w == nil {
		return nil
	}
	return func(at node.Time, to node.Addr, ev *node.Event) {
		resource := ""
		if int(to.Machine) < len(f.Resources) {
			resource = f.Resources[to.Machine].Name
		}
		fmt.Fprintf(w, "%14d  %s %s  %v\n", at, f.HostName(to.Host), resource, ev)
	}
}

// latency never is all zero: the simulator takes that for its default.
func latency(base, jitter scenario.Duration) sim.Latency {
	return sim.Latency{Base: max(node.Time(base), 1), Jitter: node.Time(jitter)}
}
