package study

import "math/bits"

// direction are the numbers that make one dimension of a Sobol sequence: a primitive polynomial
// of degree len(m) with inner coefficients a, and the first direction numbers m. They are those
// of Joe and Kuo (2008), "Constructing Sobol sequences with better two-dimensional projections",
// file new-joe-kuo-6, whose first dimension is the van der Corput sequence.
type direction struct {
	a uint32
	m []uint32
}

var directions = []direction{
	{0, []uint32{1}},
	{1, []uint32{1, 3}},
	{1, []uint32{1, 3, 1}},
	{2, []uint32{1, 1, 1}},
	{1, []uint32{1, 1, 3, 3}},
	{4, []uint32{1, 3, 5, 13}},
	{2, []uint32{1, 1, 5, 5, 17}},
	{4, []uint32{1, 1, 5, 5, 5}},
	{7, []uint32{1, 1, 7, 11, 19}},
	{11, []uint32{1, 1, 5, 1, 1}},
	{13, []uint32{1, 1, 1, 3, 11}},
	{14, []uint32{1, 3, 5, 5, 31}},
	{1, []uint32{1, 3, 3, 9, 7, 49}},
	{13, []uint32{1, 1, 1, 15, 21, 21}},
	{16, []uint32{1, 3, 1, 13, 27, 49}},
}

// mostInputs is how many uncertain inputs a study may have: the dimensions of the Sobol points.
const mostInputs = 16

// sobolBits is the resolution of a coordinate; a study has fewer points than 2^sobolBits.
const sobolBits = 32

// sobolVectors are the direction vectors of a dimension, counted from 0.
func sobolVectors(dimension int) [sobolBits]uint32 {
	var v [sobolBits]uint32
	if dimension == 0 {
		for i := range v {
			v[i] = 1 << (sobolBits - 1 - i)
		}
		return v
	}
	d := directions[dimension-1]
	s := len(d.m)
	for i := range v {
		if i < s {
			v[i] = d.m[i] << (sobolBits - 1 - i)
			continue
		}
		v[i] = v[i-s] ^ v[i-s]>>s
		for k := 1; k < s; k++ {
			if d.a>>(s-1-k)&1 == 1 {
				v[i] ^= v[i-k]
			}
		}
	}
	return v
}

// sobol is coordinate number index of a dimension, in units of 2^-32 and shifted by a mask: the
// shift makes the points unbiased and another set for each seed, and keeps how evenly they lie.
// Points are in Gray code order, which only permutes each block of a power of two.
func sobol(v *[sobolBits]uint32, index uint32, shift uint32) float64 {
	x := shift
	for gray := index ^ index>>1; gray != 0; gray &= gray - 1 {
		x ^= v[bits.TrailingZeros32(gray)]
	}
	// The middle of the cell, so that no coordinate is 0, whose quantile may be infinite.
	return (float64(x) + 0.5) / (1 << sobolBits)
}
