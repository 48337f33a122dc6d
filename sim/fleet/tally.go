package fleet

// draws is what one part of the time, a batch or a clump of episodes, adds to each of these sums.
type draws [6]float64

const (
	ofVolumes  = iota // LV-hours of LVs that are down
	ofAny             // hours with an LV down
	ofLost            // hours of pairs of an LV and a lost group that it needs
	ofEpisodes        // that began
	ofAbove           // LV-hours above those of the fewest LVs that can be down, while any is
	ofBelow           // LV-hours below those of all LVs, while any is
)

func (w *record) draws(t totals) draws {
	lv, any := t.volumes.hours(), t.any.hours()
	return draws{lv, any, t.lost.hours(), float64(t.episodes),
		max(0, lv-float64(w.least*any)), max(0, float64(w.most*any)-lv)}
}

// raise takes the larger number of each.
func (d *draws) raise(o draws) {
	for i, x := range o {
		d[i] = max(d[i], x)
	}
}

// tally is what draws that are independent and alike say about their sum.
type tally struct {
	n                  int64
	sum, squares, most draws
	cross              float64 // of LV-hours and hours
}

func (t *tally) add(d draws) {
	t.n++
	for i, x := range d {
		t.sum[i] += x
		t.squares[i] += float64(x * x)
	}
	t.most.raise(d)
	t.cross += float64(d[ofVolumes] * d[ofAny])
}

// around is the sum of the squares of how far the draws are from their mean.
func (t *tally) around(i int) float64 {
	return max(0, t.squares[i]-float64(t.sum[i]/float64(t.n)*t.sum[i]))
}

// excess is by how much the largest draw exceeds the mean.
func (t *tally) excess(i int) float64 { return t.most[i] - t.sum[i]/float64(t.n) }

// aroundRatio is the sum of the squares of LV-hours minus ratio times hours.
func (t *tally) aroundRatio(ratio float64) float64 {
	return max(0, t.squares[ofVolumes]-float64(2*ratio*t.cross)+
		float64(float64(ratio*ratio)*t.squares[ofAny]))
}
