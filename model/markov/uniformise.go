package markov

import "math"

// Uniformise is [Chain.Loss] by plain uniformisation (A. Jensen, "Markoff chains as an aid in the
// study of Markoff processes", 1953), a second method to check the first: the events of a Poisson
// process of rate Λ move the chain, which is lost with the j-th event with a probability bⱼ, and
// Loss(t) = Σ bⱼ·P[Poisson(Λt) ≥ j]. O(m·Λ·t), hence for t of up to a few million mean times
// between repairs; the relative error grows with √(Λ·t), to 1e-11 or so.
func (c Chain) Uniformise(t float64) float64 {
	u := c.uniformised()
	if u.rate == 0 || t == 0 {
		return 0
	}
	_, tails := poisson(u.rate*t, u.n+40)
	v, next := make([]float64, u.n), make([]float64, u.n)
	v[0] = 1
	mass, loss := 1.0, 0.0
	for _, tail := range tails[1:] {
		lost := u.jump(next, v)
		loss += float64(lost * tail)
		mass -= lost
		if mass <= 0 {
			break
		}
		rescale(next, mass)
		v, next = next, v
	}
	return loss
}

// poisson is P[Poisson(mean) = j] and P[Poisson(mean) ≥ j] for j = 0, 1, … until the first is below
// 1e-35 of its largest value and j is at least least. Weights relative to that value are divided
// by their sum: B. Fox, P. Glynn, "Computing Poisson probabilities", CACM 31 (1988).
func poisson(mean float64, least int) (weights, tails []float64) {
	mode := int(mean)
	w := make([]float64, mode+1, mode+least+100+int(14*math.Sqrt(mean)))
	w[mode] = 1
	for j := mode; j > 0; j-- {
		w[j-1] = w[j] * (float64(j) / mean)
	}
	for j := mode; j < least || w[j] > 1e-35; j++ {
		w = append(w, w[j]*(mean/float64(j+1)))
	}
	tails = make([]float64, len(w))
	sum := 0.0
	for j := len(w) - 1; j >= 0; j-- {
		sum += w[j]
		tails[j] = sum
	}
	for j := range w {
		w[j] /= sum
		tails[j] /= sum
	}
	return w, tails
}
