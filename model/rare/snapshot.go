package rare

import (
	"context"
	"math"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
)

// A Snapshot asks what is down at a random moment: nodes are down independently, or because a
// failure domain of theirs is, or in an outage that strikes the whole fleet. Member m of cell c is
// node c·n+m of the fleet, where a cell has n nodes.
type Snapshot struct {
	Placement *place.Placement

	Down float64   // probability that a node is down, [0, 1]
	Each []float64 // of every node of the fleet in place of Down; nil: all alike

	// Topology and DomainDown: a domain of level l is down with probability DomainDown[l], all
	// domains of all levels independently, and every node in it is then down. nil: none.
	Topology   *place.Topology
	DomainDown []float64

	Common Common // an outage of everything; zero: none

	// FailRate is how often a node that is up goes down by itself, per hour: 1/MTTF. With it,
	// Frequency is estimated, too. For nodes of independent up and down times it is right for any
	// distribution of them. FailRates is one for every node in place of it; DomainRates one for
	// each level, nil: domains do not count as causes. A node or domain with a rate needs a
	// probability above 0.
	FailRate    float64
	FailRates   []float64
	DomainRates []float64

	Method string // Auto, MonteCarlo, Stratified or ImportanceSampling
}

// A Common cause, such as a power outage, exists at a random moment with the given probability,
// and then takes down every node independently with probability Down, besides those that are down
// anyway. Its beginnings do not count for Frequency.
type Common struct{ Probability, Down float64 }

// Incidents are frequency, size and expected loss, side by side.
type Incidents struct {
	Any     Result // probability that some LV is down
	LVs     Result // expected share of the LVs that are down
	Storage Result // expected share of the storage that is down
	// Frequency is how often per hour it happens that no LV was down and some LV is; 0 and Exact
	// without rates.
	Frequency Result
	Sizes     Sizes // LVs down at once, given that any is
}

// Run estimates until Any is as exact as asked; the Converged of the others tells whether they
// are, too. Objects of an LV are placed anew in every sample: probabilities are averages over the
// placements of finitely many objects. The error wraps ErrInput, ErrMethod, or is that of ctx.
func (s Snapshot) Run(ctx context.Context, o draw.Options) (Incidents, error) {
	if err := s.validate(); err != nil {
		return Incidents{}, err
	}
	o = o.WithDefaults()
	switch {
	case s.Common.Probability == 0 || s.Common.Down == 0:
		s.Common = Common{}
		return s.one(ctx, o)
	case s.Common.Probability == 1:
		struck := s.struck()
		return struck.one(ctx, named(o, "common"))
	}
	return s.both(ctx, o)
}

func (s *Snapshot) validate() error {
	if s.Placement == nil {
		return badInput("no placement")
	}
	if err := s.Placement.Validate(); err != nil {
		return badInput("%v", err)
	}
	n := s.Placement.Nodes()
	for _, list := range [][]float64{s.Each, s.FailRates} {
		if list != nil && len(list) != n {
			return badInput("%d values for %d nodes", len(list), n)
		}
	}
	for _, list := range [][]float64{{s.Down, s.Common.Probability, s.Common.Down}, s.Each,
		s.DomainDown} {
		for _, p := range list {
			if !(p >= 0 && p <= 1) {
				return badInput("probability %g", p)
			}
		}
	}
	for _, list := range [][]float64{{s.FailRate}, s.FailRates, s.DomainRates} {
		for _, x := range list {
			if !(x >= 0) || math.IsInf(x, 1) {
				return badInput("rate %g", x)
			}
		}
	}
	if s.Topology == nil {
		if len(s.DomainDown) > 0 || len(s.DomainRates) > 0 {
			return badInput("probabilities or rates of domains without a topology")
		}
		return nil
	}
	if err := s.Topology.Validate(); err != nil {
		return badInput("%v", err)
	}
	levels := len(s.Topology.Levels)
	if s.Topology.Nodes != n || len(s.DomainDown) != levels ||
		s.DomainRates != nil && len(s.DomainRates) != levels {
		return badInput("topology of %d nodes and %d levels with %d probabilities and %d rates for "+
			"%d nodes", s.Topology.Nodes, levels, len(s.DomainDown), len(s.DomainRates), n)
	}
	return nil
}

// alike says whether nodes are down independently and with one probability, so that cells are
// independent and alike, too.
func (s *Snapshot) alike() bool {
	for _, r := range s.DomainDown {
		if r > 0 {
			return false
		}
	}
	return s.Each == nil && s.FailRates == nil
}

func (s *Snapshot) rates() bool {
	return s.FailRate > 0 || s.FailRates != nil || s.DomainRates != nil
}

// struck is the question during the outage of everything.
func (s Snapshot) struck() Snapshot {
	q := s.Common.Down
	also := func(p float64) float64 { return p + float64(q*(1-p)) }
	s.Common, s.Down = Common{}, also(s.Down)
	if s.Each != nil {
		each := make([]float64, len(s.Each))
		for i, p := range s.Each {
			each[i] = also(p)
		}
		s.Each = each
	}
	return s
}

// both mixes quiet moments and outages. What matters little need not be known well: after a coarse
// look at either, each is made only as exact as the sum needs it.
func (s *Snapshot) both(ctx context.Context, o draw.Options) (Incidents, error) {
	w := []float64{1 - s.Common.Probability, s.Common.Probability}
	quiet := *s
	quiet.Common = Common{}
	parts := [2]Snapshot{quiet, s.struck()}
	names := [2]string{"quiet", "common"}
	var in [2]Incidents
	for i := range parts {
		coarse := named(o, names[i]+"/coarse")
		coarse.RelErr, coarse.Samples = max(0.3, o.RelErr), max(1, o.Samples/64)
		var err error
		if in[i], err = parts[i].one(ctx, coarse); err != nil {
			return Incidents{}, err
		}
	}
	total := float64(w[0]*in[0].Any.Value) + float64(w[1]*in[1].Any.Value)
	for i := range parts {
		part := float64(w[i] * in[i].Any.Value)
		if part == 0 && total > 0 {
			continue
		}
		fine := named(o, names[i])
		if part > 0 {
			fine.RelErr = o.RelErr / math.Sqrt2 * total / part
		}
		if in[i].Any.Converged && in[i].Any.RelErr() <= fine.RelErr {
			continue
		}
		var err error
		if in[i], err = parts[i].one(ctx, fine); err != nil {
			return Incidents{}, err
		}
	}
	return mixIncidents(w, in, o), nil
}

func mixIncidents(w []float64, in [2]Incidents, o draw.Options) Incidents {
	mix := func(get func(*Incidents) Result) Result {
		a, b := get(&in[0]), get(&in[1])
		r := Result{Estimate: mixed(w, []draw.Estimate{a.Estimate, b.Estimate}), Method: a.Method}
		if b.Method != a.Method {
			r.Method += " and " + b.Method
		}
		r.Converged = r.RelErr() <= o.RelErr || (a.Converged && b.Converged)
		return r
	}
	out := Incidents{
		Any:       mix(func(i *Incidents) Result { return i.Any }),
		LVs:       mix(func(i *Incidents) Result { return i.LVs }),
		Storage:   mix(func(i *Incidents) Result { return i.Storage }),
		Frequency: mix(func(i *Incidents) Result { return i.Frequency }),
	}
	for i := range in {
		if t := in[i].Sizes.total; t > 0 {
			out.Sizes.merge(&in[i].Sizes, float64(w[i]*in[i].Any.Value)/t)
		}
	}
	return out
}

// Pilot: so many plain samples decide whether plain simulation will do.
const (
	pilotSamples = 1024
	pilotHits    = 16
)

// pilot are the options of the plain simulation that chooses a method.
func pilot(o draw.Options) draw.Options {
	o = named(o, "pilot")
	o.Samples, o.RelErr, o.Progress = pilotSamples, 1e-9, nil
	return o
}

// one answers without a common cause.
func (s *Snapshot) one(ctx context.Context, o draw.Options) (Incidents, error) {
	in, err := s.by(ctx, o)
	// Incidents cannot begin more often than failures, even if none was seen.
	in.Frequency.High = min(in.Frequency.High, s.failures())
	return in, err
}

// failures is the total rate of all causes.
func (s *Snapshot) failures() float64 {
	sum := s.FailRate * float64(s.Placement.Nodes())
	if s.FailRates != nil {
		sum = 0
		for _, x := range s.FailRates {
			sum += x
		}
	}
	for l, x := range s.DomainRates {
		sum += x * float64(s.Topology.Levels[l].Count)
	}
	return sum
}

func (s *Snapshot) by(ctx context.Context, o draw.Options) (Incidents, error) {
	method := s.Method
	if method == Auto {
		in, err := s.wholeFleet(ctx, pilot(o), MonteCarlo)
		switch {
		case err != nil:
			return in, err
		case in.Any.Hits >= pilotHits:
			method = MonteCarlo
		case s.alike() && setsOf(s.Placement.Cell) == nil:
			method = Stratified
		default:
			method = ImportanceSampling
		}
	}
	switch method {
	case MonteCarlo:
		return s.wholeFleet(ctx, o, method)
	case Stratified:
		if !s.alike() {
			return Incidents{}, badMethod(method, "nodes are not alike and independent")
		}
		return s.stratified(ctx, o)
	case ImportanceSampling:
		if sets := setsOf(s.Placement.Cell); s.alike() && sets != nil {
			return s.aroundSets(ctx, o, sets)
		}
		return s.wholeFleet(ctx, o, method)
	}
	return Incidents{}, badMethod(method, "unknown here")
}
