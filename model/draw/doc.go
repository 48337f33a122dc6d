// Package draw is the random side of the reliability modeler: named streams of random numbers,
// the one helper that uses several cores, and estimates that stop on their relative error.
//
// What is drawn depends on the seed, the name of the question and the number of the batch alone.
// Batches are shared out to as many cores as there are and merged in their order, and whether
// another round is needed is decided between rounds, so that no result depends on the number of
// threads or on how fast they are. Wall time decides nothing.
package draw
