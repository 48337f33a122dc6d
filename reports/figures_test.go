package reports

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// figures are pictures of every kind, ordinary ones and extreme ones, by name.
func figures(t testing.TB) map[string]Picture {
	t.Helper()
	out := map[string]Picture{"curves-seed": SeedFigure(t)}
	for name, c := range curveFigures() {
		out["curves-"+name] = c
	}
	for name, r := range regimeFigures() {
		out["regimes-"+name] = r
	}
	for name, h := range histogramFigures() {
		out["histogram-"+name] = h
	}
	for name, tornado := range tornadoFigures() {
		out["tornado-"+name] = tornado
	}
	return out
}

const longSource = "availability.spof: 1-(1-p_network)(1-p_frontend)(1-p²), λ = 1/MTBF, Σ over k ≥ 2 of " +
	"(λ/(λ+μ))ᵏ; closed-form, enumeration; Huang et al., Erasure Coding in Windows Azure Storage, " +
	"USENIX ATC 2012, section 2.1 and table 3"

func curveFigures() map[string]*Curves {
	out := map[string]*Curves{}
	grid := func(n int, f func(x float64) float64) (x, y []float64) {
		for i := range n {
			v := math.Pow(10, 4*float64(i)/float64(n-1))
			x, y = append(x, v), append(y, f(v))
		}
		return x, y
	}
	estimates := &Curves{Title: "Loss within a year, exact and estimated",
		Subtitle: "p = 0.0001, MTBF = 50,000 h, MTTR = 12 h, k = 3; intervals of 95 %",
		X:        Axis{Label: "n, units of k servers with one volume each"},
		Y:        Axis{Label: "probability of any loss within a year"}}
	for k := range 3 {
		f := func(x float64) float64 { return -math.Expm1(-x * math.Pow(10, -float64(2*k+3))) }
		c := Curve{Name: fmt.Sprintf("k = %d, exact", k+1), Source: longSource, Shade: k, Group: 1}
		c.X, c.Y = grid(40, f)
		p := Curve{Name: fmt.Sprintf("k = %d, 10⁶ draws", k+1), Source: "Monte Carlo, Wilson interval",
			Shade: k, Points: true}
		p.X, p.Y = grid(8, f)
		for i, y := range p.Y {
			y *= 1 + 0.2*math.Sin(float64(7*i+k))
			low, high := y-2e-3*math.Sqrt(y), y+2e-3*math.Sqrt(y)
			if y < 1e-6 {
				y, low, high = 0, 0, 3.7e-6
			}
			p.Y[i], p.Low, p.High = y, append(p.Low, max(0, low)), append(p.High, high)
		}
		estimates.Curves = append(estimates.Curves, c, p)
	}
	out["estimates"] = estimates

	linear := &Curves{Title: "Share of clients that see an outage", X: Axis{Label: "servers", Linear: true},
		Y: Axis{Label: "share of clients", Linear: true}}
	for g := range 4 {
		c := Curve{Name: []string{"shards", "pairs", "random", "cluster"}[g], Source: "counted", Group: g, Shade: g}
		for i := range 21 {
			x := float64(i * 5)
			y := 0.9 * (1 - math.Exp(-x*float64(g+1)/90))
			c.X, c.Y = append(c.X, x), append(c.Y, y)
			c.Low, c.High = append(c.Low, y*0.93), append(c.High, y*1.05)
		}
		linear.Curves = append(linear.Curves, c)
	}
	out["linear"] = linear

	many := &Curves{Title: "As many as can be told apart, " + strings.Repeat("in a title of several lines, ", 6),
		Subtitle: strings.Repeat("gamma = 0.5772, ", 30),
		X:        Axis{Label: "replication_factor: how many copies of each volume the system keeps, on different servers, racks and sites"},
		Y:        Axis{Label: "expected number of application-hours that are lost within the time of observation, over all applications together (hours)"}}
	for i := range 24 {
		c := Curve{Name: fmt.Sprintf("variant %d", i), Source: fmt.Sprintf("source %d: %s", i%11, longSource), Shade: i}
		c.X, c.Y = grid(30, func(x float64) float64 { return math.Pow(x, 0.3+0.06*float64(i)) / float64(i+1) })
		many.Curves = append(many.Curves, c)
	}
	out["many"] = many

	long := &Curves{Title: "Names longer than there is room beside", X: Axis{Label: "n"}, Y: Axis{Label: "h"}}
	for i := range 5 {
		c := Curve{Name: fmt.Sprintf("placement = copysets, scatter_width = %d, engine = rare-event simulation, repair = declustered", 2*i+2),
			Source: fmt.Sprintf("model %d", i/2), Group: i % 3, Shade: i}
		c.X, c.Y = grid(12, func(x float64) float64 { return 3e-5 * math.Pow(x, 1/float64(i+1)) })
		long.Curves = append(long.Curves, c)
	}
	out["long"] = long

	narrow := &Curves{Title: "Less than a decade", X: Axis{Label: "hours", Min: 20, Max: 31}, Y: Axis{Label: "ratio"}}
	narrow.Curves = []Curve{{Name: "a", X: []float64{20, 25, 31}, Y: []float64{1.101, 1.15, 1.13}, Source: "by hand"},
		{Name: "gap", X: []float64{20, 22, 23, 25, 27, 28}, Y: []float64{1.12, 1.11, 0, 1.125, math.NaN(), 1.12},
			Shade: 1, Group: 2}, {Name: "nothing", X: []float64{21}, Y: []float64{-1}, Shade: 2}}
	out["narrow"] = narrow

	far := &Curves{Title: "Far", X: Axis{Label: "x"}, Y: Axis{Label: "y", Linear: true}}
	far.Curves = []Curve{{Name: "from the least to the most", X: []float64{1e-300, 1, 1e300}, Y: []float64{-3e7, 0, 1.23456e8}},
		{Name: "one", X: []float64{1e10}, Y: []float64{5e7}, Shade: 1}}
	out["far"] = far
	return out
}

// contest is a map of who has the lowest of some functions.
func contest(nx, ny int, x, y Axis, x0, x1, y0, y1 float64, names []string,
	f func(n int, x, y float64) float64) *Regimes {
	r := &Regimes{X: x, Y: y, Names: names, TieFactor: 1.1}
	steps := func(a Axis, n int, lo, hi float64) (out []float64) {
		for i := range n {
			out = append(out, a.value(a.count(lo)+(a.count(hi)-a.count(lo))*float64(i)/float64(max(n-1, 1))))
		}
		return out
	}
	r.XAt, r.YAt = steps(x, nx, x0, x1), steps(y, ny, y0, y1)
	r.Winner, r.Tie, r.Margin = grid[int](nx, ny), grid[bool](nx, ny), grid[float64](nx, ny)
	for j, yv := range r.YAt {
		for i, xv := range r.XAt {
			best, first, second := -1, math.Inf(1), math.Inf(1)
			for n := range names {
				if v := f(n, xv, yv); v < first {
					best, first, second = n, v, first
				} else if v < second {
					second = v
				}
			}
			r.Winner[j][i], r.Margin[j][i] = best, second/first
			r.Tie[j][i] = best >= 0 && second/first <= r.TieFactor
		}
	}
	return r
}

func regimeFigures() map[string]*Regimes {
	out := map[string]*Regimes{}
	p, n := Axis{Label: "p, probability that a server is down"}, Axis{Label: "n, units of k servers"}
	three := contest(48, 36, n, p, 1, 1e4, 1e-5, 0.3, []string{"sharding", "BigCluster", "copysets, scatter width 10", "never"},
		func(k int, x, y float64) float64 {
			return []float64{x * y * y, 1e-4 * math.Pow(x, 1.6) * y, 3e-7 * x * (1 + 400*y), 1e9}[k]
		})
	three.Title, three.Subtitle = "Who loses least", "k = 2, T = 10,000 h; the least expected downtime of all applications"
	three.Sources = []string{longSource, "downtime.bigcluster: as measured", longSource, "none"}
	out["three"] = three

	eight := contest(60, 50, Axis{Label: "k", Linear: true}, Axis{Label: "hours to repair", Linear: true}, 2, 30, 1, 100,
		strings.Fields("mirror raid5 raid6 raidz3 lrc rs-10-4 chained declustered"), func(k int, x, y float64) float64 {
			return math.Hypot((x-2)/28-float64(k%3)/2, (y-1)/99-float64(k/3)/2.2) + 0.002
		})
	eight.Title = "Eight, the most that can be told apart"
	out["eight"] = eight

	odd := contest(30, 30, n, p, 1, 1e3, 1e-4, 1, []string{"first", "second"}, func(k int, x, y float64) float64 {
		switch v := math.Hypot(math.Log10(x)-1.2, math.Log10(y)+1.8); {
		case x > 200 && y > 0.1:
			return math.NaN()
		case k == 1:
			return 1 + 0.4*v*v
		case v > 1.7:
			return 0
		}
		return 1.3
	})
	odd.Title, odd.TieFactor = "A ring, with a part without answers", 1.1
	out["odd"] = odd

	one := contest(1, 1, n, p, 5, 5, 0.1, 0.1, []string{"a name that is longer than the panel is wide, by far, " + strings.Repeat("and on ", 20)},
		func(int, float64, float64) float64 { return 1 })
	one.Title = "One cell"
	out["one"] = one

	names := []string{"replication of volumes, three copies", "erasure coding 10+4", "local reconstruction", "mirrors"}
	r := rng()
	noise := contest(40, 25, n, p, 1, 1e4, 1e-6, 1, names, func(int, float64, float64) float64 { return 1 + r.Float64() })
	noise.Title, noise.Subtitle, noise.Sources = "Noise", "so that no name fits", names
	out["noise"] = noise

	few := contest(4, 3, Axis{Label: "copies", Linear: true}, Axis{Label: "sites", Linear: true}, 2, 5, 1, 3, names[:3],
		func(k int, x, y float64) float64 { return math.Abs(x-y*float64(k)) + 0.1 })
	few.Title, few.TieFactor = "Few cells", 1.5
	out["few"] = few
	return out
}

func histogramFigures() map[string]*Histogram {
	r := rng()
	draws := func(n int, f func() float64) (out []float64) {
		for range n {
			out = append(out, f())
		}
		return out
	}
	quantiles := func(s *Sample, central float64) {
		v := slices.Clone(s.Values)
		slices.Sort(v)
		at := func(q float64) float64 { return v[int(q*float64(len(v)-1))] }
		s.Marks = []Mark{{"5 %", at(0.05)}, {"median", at(0.5)}, {"95 %", at(0.95)}}
		if central > 0 {
			s.Marks = append(s.Marks, Mark{"central inputs", central})
		}
	}
	out := map[string]*Histogram{}
	log := func(mean, sigma float64) func() float64 {
		return func() float64 { return math.Exp(math.Log(mean) + sigma*r.NormFloat64()) }
	}
	one := &Histogram{Title: "Uncertain inputs: probability of loss", Subtitle: "AFR 1 to 4 %, repair 6 to 48 h",
		X: Axis{Label: "probability of loss within a year"}, Series: []Sample{
			{Name: "copysets", Source: longSource, Values: draws(2000, log(3.2e-5, 0.9))}}}
	quantiles(&one.Series[0], 2.6e-5)
	out["one"] = one

	four := &Histogram{Title: "Four placements", X: Axis{Label: "hours of downtime", Linear: true}}
	for i, name := range []string{"shards", "pairs", "random", "cluster, with a rather long name"} {
		s := Sample{Name: name, Source: fmt.Sprintf("source %d: Monte Carlo", i%2), Values: draws(500*(i+1), func() float64 {
			return 100 + 30*float64(i) + float64(10+5*i)*r.NormFloat64()
		})}
		quantiles(&s, 101+float64(i))
		four.Series = append(four.Series, s)
	}
	out["four"] = four

	out["same"] = &Histogram{Title: "All alike", X: Axis{Label: "x"}, Series: []Sample{
		{Name: "alike", Values: []float64{7, 7, 7}, Marks: []Mark{{"median", 7}, {"nowhere", -1}}},
		{Name: "empty"}, {Name: "not there", Values: []float64{-1, 0, math.NaN(), math.Inf(1)}}}}
	out["tail"] = &Histogram{Title: "A long tail", X: Axis{Label: "x, from −5 on", Linear: true, Max: 60}, Series: []Sample{
		{Name: "Pareto", Values: draws(3000, func() float64 { return math.Pow(r.Float64(), -1.2) - 5 }), Source: "drawn"},
		{Name: "two", Values: []float64{3, 50}}}}
	return out
}

func tornadoFigures() map[string]*Tornado {
	out := map[string]*Tornado{}
	out["log"] = &Tornado{Title: "What the probability of loss depends on", Subtitle: "one input at a time, others central",
		X: Axis{Label: "probability of any loss within a year"}, Base: 3.2e-5, Source: longSource,
		Bars: []Bar{
			{"annual failure rate of a disk", "1 %", "4 %", 8e-6, 1.3e-4, 2},
			{"hours to repair", "6 h", "48 h", 9e-6, 6e-5, 1.003},
			{"scatter width", "2", "100", 4e-6, 7e-4, 1.1},
			{"nodes", "500", "20000", 1.6e-5, 6.4e-4, 0.98},
			{"capacity of a disk", "8 TB", "20 TB", 3.5e-5, 3.9e-5, math.NaN()},
			{"latent sector errors per terabyte and year", "0.01", "1", 3.2e-5, 2.2e-5, -0.13},
			{"nothing", "0", "1", 3.2e-5, 3.2e-5, 0},
			{"not computed", "0.1", "0.9", math.NaN(), 9e-5, math.NaN()},
			{"infinite", "0.1", "0.9", 0, math.Inf(1), math.NaN()},
		}}
	linear := &Tornado{Title: "Linear", X: Axis{Label: "servers", Linear: true}, Base: 120}
	for i := range 50 {
		linear.Bars = append(linear.Bars, Bar{fmt.Sprintf("input %d", i), fmt.Sprint(i), "a value with " + strings.Repeat("many words ", i%5),
			120 - float64(i*2%41), 120 + float64(i*i%67), math.NaN()})
	}
	out["linear"] = linear
	out["one"] = &Tornado{Title: "One", X: Axis{Label: "x", Linear: true}, Base: 0,
		Bars: []Bar{{"x", "−1", "1", 0, 0, math.Inf(1)}}}
	return out
}

// rng is the same in every run.
func rng() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
