package model

import (
	"cmp"
	"math"
	"slices"
)

// A Method is how an answer was computed.
type Method string

// Methods, from exact to estimated.
const (
	ClosedForm  Method = "closed-form" // a finite formula, in float64
	Exact       Method = "exact-sum"   // a sum or recursion over all cases that are not alike
	Enumeration Method = "enumeration" // over every state of every node
	Markov      Method = "markov"      // a continuous-time chain, solved without subtractions
	Quadrature  Method = "quadrature"  // an integral over an uncertain parameter
)

// An Answer is a value and where it comes from. Estimates have an interval, exact answers do not.
type Answer struct {
	Value    float64
	Method   Method
	Interval *Interval // of an estimate
	Sampling *Sampling // of an estimate
	Sizes    *Sizes    // of the measure "size"
	Note     string    // what the reader must know to use the value; empty: nothing
}

// An Interval is a confidence interval.
type Interval struct {
	Low, High float64
	Level     float64 // such as 0.95
}

// Sampling says what an estimate rests on.
type Sampling struct {
	Samples, Hits int64   // hits are the samples that saw the event
	ESS           float64 // effective sample size of the weighted hits
	Seed          uint64
	Converged     bool // the wanted relative error was reached
}

// Sizes is the distribution of how many LVs are down at once, given that at least one is.
type Sizes struct {
	Mean          float64
	P50, P90, P99 float64   // quantiles
	Max           float64   // the largest that is not negligible (1e-12)
	At            []float64 // sizes with a share of their own, ascending
	Share         []float64 // of all incidents; parallel to At
}

func sizes(at, share []float64) *Sizes {
	s := &Sizes{}
	var total float64
	for _, p := range share {
		total += p
	}
	var sum float64
	quantile := func(q float64, to *float64, x float64) {
		if *to == 0 && sum >= q*(1-1e-12) {
			*to = x
		}
	}
	for i, p := range share {
		p /= total
		sum += p
		s.Mean += float64(at[i] * p)
		quantile(0.5, &s.P50, at[i])
		quantile(0.9, &s.P90, at[i])
		quantile(0.99, &s.P99, at[i])
		if p > 1e-12 {
			s.Max = at[i]
			s.At, s.Share = append(s.At, at[i]), append(s.Share, p)
		}
	}
	return s
}

// Likeliest are the n sizes with the largest shares, ascending by size.
func (s *Sizes) Likeliest(n int) (at, share []float64) {
	order := make([]int, len(s.At))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Share[b], s.Share[a]) })
	order = order[:min(n, len(order))]
	slices.Sort(order)
	for _, i := range order {
		at, share = append(at, s.At[i]), append(share, s.Share[i])
	}
	return at, share
}

// Agrees says whether two answers to the same question can both be right: two exact ones within
// rel of each other, an estimate within three times its interval's half width of the other.
func (a Answer) Agrees(b Answer, rel float64) bool {
	tolerance := float64(rel * max(math.Abs(a.Value), math.Abs(b.Value)))
	for _, x := range []Answer{a, b} {
		if x.Interval != nil {
			tolerance += 1.5 * (x.Interval.High - x.Interval.Low)
		}
	}
	return a.Value == b.Value || math.Abs(a.Value-b.Value) <= tolerance
}
