package node

// Stream is a named, counter-based random stream: the i-th draw depends on the seed, the name
// and i alone, so that taking draws out of one stream shifts no other. It is SplitMix64
// (Steele, Lea, Flood 2014) with the counter as state. The zero value is a valid stream.
type Stream struct {
	key, n uint64
}

// NewStream makes the stream with this name.
func NewStream(seed uint64, name string) Stream {
	k := Hash(seed, uint64(len(name)))
	for i := 0; i < len(name); i++ {
		k = Hash(k, uint64(name[i]))
	}
	return Stream{key: k}
}

// Uint64 draws 64 uniform bits.
func (s *Stream) Uint64() uint64 {
	s.n++
	return mix(s.key + s.n*0x9e3779b97f4a7c15)
}

// Below draws uniformly from [0, n). The bias is under n/2^32; n must be in [1, 2^31].
func (s *Stream) Below(n uint64) uint64 { return (s.Uint64() >> 32) * n >> 32 }

// Chance is true with probability p. It draws exactly once, whatever p is.
func (s *Stream) Chance(p float64) bool { return Chance(s.Uint64(), p) }

// Chance is true for a share p of all words.
func Chance(word uint64, p float64) bool { return float64(word>>11) < p*(1<<53) }

// Hash mixes v into h. It is not cryptographic.
func Hash(h, v uint64) uint64 { return mix(h ^ mix(v+0x9e3779b97f4a7c15)) }

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
