package draw

import (
	"hash/fnv"
	"math/rand/v2"
)

// Stream makes the random stream of one batch of one question: the same three arguments give the
// same numbers, others give unrelated ones. The generator is PCG-DXSM of the standard library.
func Stream(seed uint64, name string, batch uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	key := mix(seed ^ mix(h.Sum64()))
	return rand.New(rand.NewPCG(key, mix(key^mix(batch))))
}

// mix is the output function of SplitMix64 (Steele, Lea, Flood 2014): neighbouring seeds and
// batches must not give neighbouring states.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
