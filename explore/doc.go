// Package explore looks for runs that break a promise, and makes them small.
//
// [Schedule] turns a scenario and a list of numbers into a schedule of faults with every choice a literal: the
// first number is the seed of a swarm (a random subset of the kinds of faults, a random rate), each further one
// changes what the numbers before it have made. So a list of numbers names a schedule, for ever.
//
// An [Explorer] hands schedules to workers, which run them; it prefers to change those that have led the replicas
// into states that were not seen before. [Shrink] takes a schedule that fails, and leaves out whatever is
// not needed for the failure.
package explore
