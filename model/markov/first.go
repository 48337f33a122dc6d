package markov

import (
	"fmt"
	"math"
)

// FirstLoss is the mean time to the first absorption among M ≥ 1 independent chains like c, each
// in state 0 at the start: ∫S(t)^M dt over t ≥ 0, which is not MTTA/M, and for groups without
// repair far from it. mttdl.shards. +Inf if no chain is ever absorbed.
//
// S is evaluated with a small relative error in its distance from one ([Transient]), and the
// integral taken octave by octave, with bisection where the integrand bends. The result is good
// to about 1e-13; some milliseconds for chains of a few states.
func FirstLoss(M int, c Chain) float64 {
	if M < 1 {
		panic(fmt.Sprintf("markov: first of %d chains", M))
	}
	if M == 1 {
		return c.MTTA()
	}
	longest := c.longest()
	if math.IsInf(longest, 1) {
		return longest
	}
	f := survivalPower{t: c.uniformised(), M: float64(M)}
	f.scratch = f.t.newScratch()

	// The rest of the integral beyond T is at most S(T)^M times the longest mean time to
	// absorption from any state; T·S(T)^M is a lower bound for all of it.
	f.t.steps = append(f.t.steps, f.t.first())
	end, least := f.t.h, f.below(f.t.h)
	for {
		k := f.t.steps[len(f.t.steps)-1]
		power := f.power(balance(k.stay[:f.t.n], k.lost[0]))
		least = max(least, end*power)
		if power*longest < 1e-17*least || end > math.MaxFloat64/4 {
			break
		}
		f.t.double()
		end *= 2
	}

	sum := 0.0
	for {
		sum += f.integral(end/2, end, f.gauss(end/2, end), 1e-14*max(least, sum), 20)
		end /= 2
		if missing := 1 - f.at(end); missing*end < 1e-16*sum {
			return sum + float64(end*(1-missing/2))
		}
	}
}

// longest is the longest mean time to absorption from any state that can be reached from 0.
func (c Chain) longest() float64 {
	c.check()
	n := len(c.Up)
	for i, u := range c.Up {
		if u == 0 {
			n = i + 1
			break
		}
	}
	r, l := make([]float64, n), make([]float64, n)
	r[n-1], l[n-1] = 1, c.Kill[n-1]
	for i := n - 2; i >= 0; i-- {
		leave := c.Down[i+1] + l[i+1]
		if leave == 0 {
			return math.Inf(1)
		}
		f := c.Up[i] / leave
		r[i], l[i] = 1+float64(f*r[i+1]), c.Kill[i]+float64(f*l[i+1])
	}
	longest, last := 0.0, 0.0
	for i := range n {
		last = (r[i] + float64(c.Down[i]*last)) / (c.Down[i] + l[i])
		longest = max(longest, last)
	}
	return longest
}

// survivalPower is the function S(t)^M.
type survivalPower struct {
	t       *Transient
	M       float64
	scratch *scratch
}

func (f *survivalPower) at(time float64) float64 {
	return f.power(balance(f.t.at(time, f.scratch)))
}

func (f *survivalPower) power(loss, survival float64) float64 {
	return math.Exp(float64(f.M * logSurvival(loss, survival)))
}

// below is a lower bound for the integral from what the function is at h, h/2, h/4 …
func (f *survivalPower) below(h float64) float64 {
	least := 0.0
	for {
		value := f.at(h)
		least = max(least, h*value)
		if value > 0.5 {
			return least
		}
		h /= 2
	}
}

// integral improves a value for the interval a … b by halves until that changes nothing.
func (f *survivalPower) integral(a, b, value, tolerance float64, depth int) float64 {
	m := a + (b-a)/2
	left, right := f.gauss(a, m), f.gauss(m, b)
	if math.Abs(left+right-value) <= tolerance+float64(1e-15*value) || depth == 0 {
		return left + right
	}
	return f.integral(a, m, left, tolerance, depth-1) + f.integral(m, b, right, tolerance, depth-1)
}

// legendre holds the positive nodes and the weights of the Gauss-Legendre rule of sixteen points:
// M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", table 25.4.
var legendre = [8][2]float64{
	{0.095012509837637440185, 0.18945061045506849629},
	{0.28160355077925891323, 0.18260341504492358887},
	{0.45801677765722738634, 0.16915651939500253819},
	{0.61787624440264374845, 0.14959598881657673208},
	{0.7554044083550030339, 0.12462897125553387205},
	{0.86563120238783174388, 0.09515851168249278481},
	{0.94457502307323257608, 0.062253523938647892863},
	{0.9894009349916499326, 0.027152459411754094852},
}

func (f *survivalPower) gauss(a, b float64) float64 {
	middle, half := a+(b-a)/2, (b-a)/2
	sum := 0.0
	for _, n := range legendre {
		d := half * n[0]
		sum += float64(n[1] * (f.at(middle-d) + f.at(middle+d)))
	}
	return sum * half
}
