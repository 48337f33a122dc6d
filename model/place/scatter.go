package place

// ScatterWidth is with how many other nodes a node shares sets, in the mean over all nodes of the
// cell: from how many nodes at once it can be rebuilt (Cidon et al., Copysets, USENIX ATC 2013).
func ScatterWidth(p Pool) float64 {
	switch p := p.(type) {
	case Windows:
		return float64(min(2*p.w, p.n-1))
	case Apart:
		return float64(p.n - p.n/p.g)
	case *Sets:
		return p.scatterWidth()
	}
	return float64(p.Nodes() - 1)
}

func (s *Sets) scatterWidth() float64 {
	last := make([]int, s.n) // the node that last saw this one as its peer, from 1
	peers := 0
	for node := range s.n {
		for _, set := range s.of[node] {
			for _, other := range s.sets[set] {
				if int(other) != node && last[other] != node+1 {
					last[other] = node + 1
					peers++
				}
			}
		}
	}
	return float64(peers) / float64(s.n)
}
