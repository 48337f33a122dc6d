// Package markov is the arithmetic of repair models: birth-death chains in which units fail, are
// repaired, and now and then too many are down at once, and small general Markov chains.
//
//	c := markov.Group(14, 4, 1e-5, 1./24, markov.Serial)
//	c.MTTA()     // mean time to data loss: 1.26e14 h
//	c.Loss(8760) // probability of a loss within a year
//
// Such chains are stiff: rates differ by powers of ten, and what is asked for is the smallest
// number in them. Iterative solvers are silently wrong there (one printed 7.12e9 h for the
// example above), and so is what subtracts. Everything here is made of additions,
// multiplications and divisions of numbers that are not negative, after W. Grassmann, M. Taksar,
// D. Heyman, "Regenerative analysis and steady state distributions for Markov chains", Operations
// Research 33 (1985), and so has a relative error of some 1e-15 a step, however small or large
// the result.
//
// Times are hours and rates per hour, or any other unit with its inverse. Rates are zero, or
// between 1e-100 and 1e100.
package markov
