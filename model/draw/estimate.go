package draw

import "math"

// Options say how exact an estimate must be, and what it may cost.
type Options struct {
	Seed    uint64  // of all random streams; every value is as good as any other
	Name    string  // of the question: it keys the streams, so that questions share no draws
	RelErr  float64 // half the width of the interval over the estimate, wanted; 0: 0.05
	Level   float64 // confidence of the interval, within (0, 1); 0: 0.95
	Samples int64   // at most so many; 0: 100 million. The estimate then says that it is coarse
	Threads int     // cores to use; 0: all. It never changes a result

	// Progress, where it is set, is called between rounds, from the calling goroutine.
	Progress func(Estimate)
}

// WithDefaults fills in what zero values stand for.
func (o Options) WithDefaults() Options {
	if o.RelErr == 0 {
		o.RelErr = 0.05
	}
	if o.Level == 0 {
		o.Level = 0.95
	}
	if o.Samples == 0 {
		o.Samples = 100_000_000
	}
	return o
}

// A Tally adds up independent samples of a pair (x, y): x is what is looked for, already
// multiplied with its likelihood ratio, y is 1 for a plain mean, or the denominator of a ratio.
type Tally struct {
	N, Hits    int64 // samples, and those with x ≠ 0
	X, XX      float64
	Y, YY, XY  float64
	PlainCount bool // all x so far are 0 or 1, and all y are 1: a proportion
	Weighted   bool // set by who adds: x carry likelihood ratios, and no hits say nothing
	init       bool
}

// Add counts a sample of a mean.
func (t *Tally) Add(x float64) { t.AddRatio(x, 1) }

// AddRatio counts a sample of a ratio of two means, E[x]/E[y].
func (t *Tally) AddRatio(x, y float64) {
	if !t.init {
		t.PlainCount, t.init = true, true
	}
	t.N++
	if x != 0 {
		t.Hits++
	}
	if (x != 0 && x != 1) || y != 1 {
		t.PlainCount = false
	}
	t.X += x
	t.XX += float64(x * x)
	t.Y += y
	t.YY += float64(y * y)
	t.XY += float64(x * y)
}

// Merge adds the samples of another tally.
func (t *Tally) Merge(o Tally) {
	o.Weighted = o.Weighted || t.Weighted
	if !o.init {
		t.Weighted = o.Weighted
		return
	}
	if !t.init {
		*t = o
		return
	}
	t.Weighted = o.Weighted
	t.PlainCount = t.PlainCount && o.PlainCount
	t.N += o.N
	t.Hits += o.Hits
	t.X += o.X
	t.XX += o.XX
	t.Y += o.Y
	t.YY += o.YY
	t.XY += o.XY
}

// An Estimate is what samples say of a mean or of a ratio of means.
type Estimate struct {
	Value     float64
	StdErr    float64 // of Value, by the delta method for a ratio
	Low, High float64 // interval of the asked level; Wilson's for a proportion, else normal
	N, Hits   int64   // samples; those that saw the event
	ESS       float64 // effective sample size of the weighted hits: (Σx)²/Σx²
	Converged bool    // the wanted relative error was reached
}

// RelErr is half the width of the interval over the value, +Inf for a value of 0.
func (e Estimate) RelErr() float64 {
	if e.Value == 0 {
		return math.Inf(1)
	}
	return (e.High - e.Low) / 2 / math.Abs(e.Value)
}

// Reached says whether the estimate is as exact as asked, and rests on enough samples for its
// interval to be believed: few hits, or a few that weigh most, may happen to agree.
func (e Estimate) Reached(o Options) bool {
	return e.Hits >= minHits && e.ESS >= minHits && e.RelErr() <= o.RelErr
}

// minHits is how many hits, and equally weighted ones, an estimate needs to be believed.
const minHits = 100
