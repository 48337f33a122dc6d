// Package check judges what a run of a replicated block device has shown to its clients and
// left on its replicas.
//
// A run is recorded as a [History]: one [Op] for every sector that a client read or wrote,
// each write stamped with an id that its sector never sees again. [ReadHistory] and
// [WriteHistory] exchange it as JSON lines. Every check returns a [Result] with a
// three-valued [Verdict]; one that is [Violated] carries a counterexample of a few operations
// or log records and the reason why they cannot all be true.
//
//	h, err := check.ReadHistory(f, "history.jsonl")
//	...
//	if r := check.Linearizable(h, check.LinOptions{}); r.Verdict != check.OK {
//		fmt.Println(r)
//	}
//
// What clients saw: [Linearizable], [LinearizablePorcupine], [LinearizableAcross]. What
// replicas hold: [PrefixStrict], [PrefixWindow], [Converges], [Lineage]. What must have
// outlived a failure: [Durable], [DurableImage], [RPO]. Who served: [OnePrimary].
//
// All functions are pure: equal input gives an equal answer, whatever the machine. The one
// exception is [LinearizablePorcupine], which may run out of the time that it was given.
package check
