// Package prob is the exact probability arithmetic of the reliability modeler: binomial,
// hypergeometric and Poisson tails, the distribution of lost replica groups and windows, the
// closed forms of the copysets paper, erasure codes, and confidence intervals.
//
// Everything is a function of its arguments. A loss is wanted to some digits also where it is
// 1e-200, so every result has a small relative error, about 1e-14 unless its comment says
// otherwise: sums have positive terms and begin at the largest, what is small is never the
// difference of what is large, and logarithms of factorials are taken in double-double
// arithmetic (106 bits), since those of math.Lgamma cost about 9e-11 in a binomial coefficient.
//
//	prob.Binomial{N: 200, P: 1e-4}.Tail(2)   // at least 2 of 200 servers are down
//	prob.AnyGroupLost(1667, 3, 2, 50)        // 50 of 5001 nodes fail: is a triple lost?
//
// Arguments are checked by the caller. A function panics, naming the values, where a broken
// precondition is cheap to see; NaN and the like give NaN. Probabilities are in [0, 1], times in
// hours, rates per hour.
package prob
