package place

// Apart is the pool of all sets of r replicas in r different failure domains (racks, rooms, data
// centres): node i is in domain i mod g.
type Apart struct{ n, r, g int }

var _ Law = Apart{}

// AllApart makes the pool: n nodes evenly in g domains, r ≤ g.
func AllApart(n, r, g int) Apart { return Apart{n, r, g} }

// Domains is their number; node i is in domain i mod Domains.
func (a Apart) Domains() int { return a.g }

// Nodes implements Pool.
func (a Apart) Nodes() int { return a.n }

// Code implements Pool.
func (a Apart) Code() Code { return Replicas(a.r) }

// AnyLost implements Law: some set is lost when the failed nodes lie in r or more domains. The
// number of ways to choose f nodes in exactly j domains is counted by a recursion over the domains,
// each count being divided by C(n, f) as it goes.
func (a Apart) AnyLost(f int) (float64, bool) {
	if f < a.r {
		return 0, true
	}
	if a.g*f > 1<<16 {
		return 0, false
	}
	return occupied(a.n, a.g, f, a.r), true
}

// Probe implements Pool.
func (a Apart) Probe() Probe {
	p := &apartProbe{pool: a, down: make([]int, a.g), poly: make([]float64, a.r+1)}
	for i := range p.down {
		p.down[i] = a.n / a.g
	}
	p.all = p.symmetric()
	clear(p.down)
	return p
}

type apartProbe struct {
	pool Apart
	down []int // by domain
	hit  int   // domains with a failed node
	poly []float64
	all  float64
}

func (p *apartProbe) Reset() {
	clear(p.down)
	p.hit = 0
}

func (p *apartProbe) Fail(node int) {
	d := node % p.pool.g
	if p.down[d]++; p.down[d] == 1 {
		p.hit++
	}
}

func (p *apartProbe) Repair(node int) {
	d := node % p.pool.g
	if p.down[d]--; p.down[d] == 0 {
		p.hit--
	}
}

func (p *apartProbe) Worst() int { return min(p.hit, p.pool.r) }

func (p *apartProbe) Lost() float64 {
	if p.hit < p.pool.r {
		return 0
	}
	return p.symmetric() / p.all
}

// symmetric is the elementary symmetric polynomial of degree r of the numbers of failed nodes:
// how many sets have one in each of r domains.
func (p *apartProbe) symmetric() float64 {
	clear(p.poly)
	p.poly[0] = 1
	for _, x := range p.down {
		if x == 0 {
			continue
		}
		for j := p.pool.r; j > 0; j-- {
			p.poly[j] += float64(p.poly[j-1] * float64(x))
		}
	}
	return p.poly[p.pool.r]
}

// occupied is the probability that f of n nodes, evenly in g domains, lie in at least r domains:
// a walk over the domains, with the number of nodes still to be placed and of domains hit so far
// as the state and hypergeometric steps, so that all terms are positive. What is summed is the
// side asked for.
func occupied(n, g, f, r int) float64 {
	m := n / g
	state := make([][]float64, f+1) // [nodes left][domains hit, capped at r]
	next := make([][]float64, f+1)
	for i := range state {
		state[i], next[i] = make([]float64, r+1), make([]float64, r+1)
	}
	state[f][0] = 1
	for d := range g {
		for i := range next {
			clear(next[i])
		}
		for left, row := range state {
			var pmf []float64
			for hit, p := range row {
				if p == 0 {
					continue
				}
				if pmf == nil {
					pmf = steps((g-d)*m, left, m)
				}
				for x, q := range pmf {
					h := hit
					if x > 0 {
						h = min(hit+1, r)
					}
					next[left-x][h] += float64(p * q)
				}
			}
		}
		state, next = next, state
	}
	return state[0][r]
}
