// Package nodetest is the conformance suite of package node: what every world must do, told as
// short stories. A world passes it from its own tests:
//
//	func TestWorld(t *testing.T) {
//		nodetest.Run(t, func(t *testing.T, s nodetest.Setup) nodetest.World {
//			s.Geometry.Carry = 8 // what this world carries of a sector
//			... start s.Hosts hosts with nodetest.Specs(s.Geometry) and s.Wrap()
//		})
//	}
//
// The machines are probes. A probe does what a request tells it to do, effect by effect, and
// writes down every event that it sees; another request fetches the notes. So a story looks at
// a world from both sides, and the same story runs where all machines live in one process and
// where each host is a process of its own.
//
// Stories wait by Next with a deadline and by the probes' own timers, never by sleeping: they
// take no time where time is virtual. They assert no speed.
package nodetest
