// Package rare is the simulation half of the reliability modeler: Monte Carlo and rare-event
// simulation of node failures and repairs, on any placement that package place can describe.
//
// There are four questions. A [Snapshot] asks what is down at a random moment, an [Outage] what is
// hit when many nodes fail at once. [Dynamics] asks when data is lost for the first time where
// nodes fail and are repaired at constant rates, and [Lifetimes] the same where they age. The
// zero value of an option is the sensible default; the method is chosen by a short plain pilot
// simulation unless it is named:
//
//	s := rare.Snapshot{Placement: p, Down: 1e-4}
//	r, err := s.Run(ctx, draw.Options{Seed: 1, Name: "example"})
//	// r.Any.Value, r.Any.Low, r.Any.High, r.Any.Method
//
// A loss is often so rare that no plain simulation would ever see one. Every method here samples
// from another distribution, under which losses are common, and multiplies what it sees with the
// exact likelihood ratio, so that all estimators of probabilities and of expectations are unbiased;
// a test holds each of them against arithmetic, a Markov chain, or all 2^N states. Means:
//
//	monte-carlo             what the model says, as it says it
//	stratified-monte-carlo  by the number of failures, whose distribution is known
//	importance-sampling     around a set that is lost (Karp and Luby), around a cell whose failures
//	                        are exponentially tilted, or with hazards that are multiplied
//	failure-biasing         on branches of a plain path, failures are likelier than repairs
//
// How good an estimate is, it says itself: Converged is whether the asked relative error was
// reached, by 100 hits or more, ESS how many equally weighted hits its hits are worth. Where ESS
// is far below Hits the weights are unequal, and the largest may not have been seen yet: ask for a
// smaller error, and see whether the value stays.
//
// Nothing here starts a goroutine or reads a clock; draw.Map does the work of all cores, in batches
// that depend on the seed alone.
package rare
