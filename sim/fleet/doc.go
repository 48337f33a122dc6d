// Package fleet is a simulator of hosts that fail and come back, for years of virtual time, at the
// fidelity of a flow: no message is sent and no block is written. It measures how long logical
// volumes (LVs) are down, how often, and how many at once.
//
//	cfg := fleet.Config{Hosts: 4, Hours: 87_660, Seed: 1,
//		Lifetime: fleet.Law{Mean: 10_000}, Repair: fleet.Law{Mean: 1},
//		Groups: []fleet.Group{
//			{Members: []int32{0, 1}, Tolerate: 1},
//			{Members: []int32{2, 3}, Tolerate: 1}},
//		Volumes: []fleet.Class{
//			{Groups: []int32{0}, Count: 1},
//			{Groups: []int32{1}, Count: 1}}}
//	result, err := fleet.Run(ctx, cfg, nil)
//	// result.Volumes.Value is the share of the time that an LV is down, in the mean
//
// What is simulated is what the formulas of reliability are about, by other means: here failures
// and repairs happen one after the other, nothing is summed over states, and times need not be
// exponential. That both agree is a test of both.
//
// A [Group] is a set of hosts in which content lies whole. It is lost while more of its members
// are down than it tolerates, and an LV is down while any group that it needs is lost. Any
// placement with explicit sets can be said so; a BigCluster, whose LVs have an object on every set
// of k hosts, is one group of all hosts that tolerates k-1.
//
// Each host, and each failure domain such as a rack, is up and down in turn, independently of all
// others, and a host is down while it or a domain of its is. All of them begin in their stationary
// state, whatever their laws are, so that no time passes before what is measured counts.
//
// Inside, each host has one pending event in the queue that package sim has, too, and all
// relations are flat arrays. Time is counted in microseconds, and what is measured is added up in
// integers, so that a second implementation must give the same to the last digit. Random numbers
// depend on the seed, the host and the number of its draw alone: one more host shifts no other.
// Results are the same on every CPU.
package fleet
