package markov

import (
	"fmt"
	"math"
)

// Chain is a birth-death chain with killing. In state i = 0 … m, i units have failed: Up[i] is the
// rate to state i+1, Down[i] that to state i-1, Kill[i] that to the absorbing state in which data
// are lost. The three have the same length m+1 ≥ 1; Up[m] and Down[0] are zero.
type Chain struct {
	Up, Down, Kill []float64
}

func (c Chain) check() {
	m := len(c.Up) - 1
	if m < 0 || len(c.Down) != m+1 || len(c.Kill) != m+1 || c.Up[m] != 0 || c.Down[0] != 0 {
		panic(fmt.Sprintf("markov: not a birth-death chain: %d, %d, %d rates",
			len(c.Up), len(c.Down), len(c.Kill)))
	}
}

// MTTA is the mean time to absorption from state 0, the MTTDL of a group; +Inf if absorption is
// impossible, or beyond 1e308. O(m), about 8 ns a state.
//
// States are eliminated from the last one on. What is left of state i is its loss rate Lᵢ,
// directly or by way of higher states, and the time Rᵢ that is spent per unit of time in i:
//
//	Rᵢ = 1  + uᵢ·Rᵢ₊₁/(dᵢ₊₁+Lᵢ₊₁)
//	Lᵢ = kᵢ + uᵢ·Lᵢ₊₁/(dᵢ₊₁+Lᵢ₊₁)
//
// and the result is R₀/L₀.
func (c Chain) MTTA() float64 {
	c.check()
	m := len(c.Up) - 1
	up, down, kill := c.Up[:m+1], c.Down[:m+1], c.Kill[:m+1]
	r, l := 1.0, kill[m]
	for i := m - 1; i >= 0; i-- {
		leave := down[i+1] + l
		switch {
		case up[i] == 0:
			r, l = 1, kill[i]
		case leave == 0: // who goes up stays there forever
			r, l = math.Inf(1), kill[i]
		default:
			f := up[i] / leave
			r = 1 + float64(f*r)
			l = kill[i] + float64(f*l)
		}
	}
	// A loss rate that has lost digits, below 1e-308, only occurs where the quotient is beyond it.
	return r / l
}

// Loss is the probability that the chain, in state 0 at time 0, is absorbed by t ≥ 0, with a small
// relative error from 1e-300 to 1, for any rates and t. O(m³·log(t·rate)): see [Chain.Until] for
// many times.
func (c Chain) Loss(t float64) float64 { return c.Until(t).Loss(t) }

// Survival is 1-Loss(t) with a small relative error of its own. For t beyond the mean time to
// absorption that error grows with the exponent: 1e-300 is known to about 1e-13.
func (c Chain) Survival(t float64) float64 { return c.Until(t).Survival(t) }

// LossOfAny is the probability that at least one of M ≥ 0 independent chains like c, each in state
// 0 at time 0, is absorbed by t: 1-(1-Loss(t))^M.
func LossOfAny(M int, c Chain, t float64) float64 {
	if M == 0 {
		return 0
	}
	loss, survival := c.Until(t).both(t)
	return -math.Expm1(float64(float64(M) * logSurvival(loss, survival)))
}

// logSurvival is the logarithm of the survival, from whichever of the two has the digits.
func logSurvival(loss, survival float64) float64 {
	if loss < 0.5 {
		return math.Log1p(-loss)
	}
	return math.Log(survival)
}
