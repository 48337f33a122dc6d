package study

import (
	"github.com/container-football/pitch/model/draw"
)

// points are the design: for each point one coordinate within (0, 1) for each uncertain input.
// Each input has a random stream of its own, keyed by its name: one input more shifts no other's
// draws.
func (d *Design) points(seed uint64, inputs []Uncertain) [][]float64 {
	out := make([][]float64, d.Points)
	for i := range out {
		out[i] = make([]float64, len(inputs))
	}
	for j := range inputs {
		stream := draw.Stream(seed, "design "+inputs[j].Param, 0)
		switch d.Kind {
		case "sobol":
			v, shift := sobolVectors(j), stream.Uint32()
			for i := range out {
				out[i][j] = sobol(&v, uint32(i), shift)
			}
		case "latin-hypercube":
			for i, stratum := range stream.Perm(d.Points) {
				out[i][j] = (float64(stratum) + open(stream.Float64())) / float64(d.Points)
			}
		case "random":
			for i := range out {
				out[i][j] = open(stream.Float64())
			}
		}
	}
	return out
}

// open moves 0 a little into the interval: the quantile of 0 may be infinite.
func open(u float64) float64 { return max(u, 1e-16) }
