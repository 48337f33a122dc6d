// Package sim is the simulated world: a deterministic discrete-event simulator in one goroutine.
//
// A [Sim] holds hosts, a network between them and a disk for each device. Time is virtual: it
// jumps from event to event. Every random choice comes from a named, counter-based stream, and
// every delivered event goes into a 64-bit digest, so that two runs of the same inputs can be
// compared with one number.
//
//	s, err := sim.New(sim.Config{Hosts: 3, Seed: 7, Specs: specs})
//	s.Submit(node.Request{Host: 1, Op: node.OpWrite, ...})
//	obs, ok := s.Next(5 * node.Second)
//
// What is modelled here is physics: how long links and disks take, in what state a crash leaves
// a disk, how far clocks are off. What goes wrong on top of that (partitions, loss, duplicates,
// slow or full disks) is the business of fault layers, which work in every world alike: see
// [Config].Wrap and package faults.
//
// Inside, one value heap, package queue, orders 24-byte entries by (time, sequence). An entry points
// into a slab of events; message bodies live in a pool. In steady state nothing is allocated.
//
// Package fleet below shares the queue, and watches thousands of hosts for years: it knows when they
// are up, and nothing else of them.
package sim
