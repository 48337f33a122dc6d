package units

import (
	"encoding"
	"math"
	"math/rand/v2"
	"testing"
)

func TestDurationText(t *testing.T) {
	for _, c := range []struct {
		text string
		ns   int64
		back string
	}{
		{"0s", 0, "0s"}, {"0ns", 0, "0s"}, {"200us", 200e3, "200us"}, {"1.5s", 1500e6, "1500ms"},
		{"60s", 60e9, "1m"}, {"1m30s", 90e9, "90s"}, {"-3ms", -3e6, "-3ms"}, {"2h", 7200e9, "2h"},
		{"0.001us", 1, "1ns"}, {"010ms", 10e6, "10ms"},
		{"9223372036854775807ns", math.MaxInt64, "9223372036854775807ns"},
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(c.text)); err != nil || int64(d) != c.ns {
			t.Errorf("%s: got %d, %v", c.text, d, err)
		}
		if d.String() != c.back {
			t.Errorf("%s: printed %s, want %s", c.text, d, c.back)
		}
	}
	for _, bad := range []string{"", "-", "5", "s", "1.s", ".5s", "+1s", "1 s", "1e3s", "1s ", "5µs",
		"1d", "0.1ns", "9223372036854775808ns", "1..5s", "1s-2s", "2000000h36000000m"} {
		var d Duration
		if d.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
}

func TestSizeAndRateText(t *testing.T) {
	var b Bytes
	var r Rate
	var br ByteRate
	for _, c := range []struct {
		text string
		into encoding.TextUnmarshaler
		from func() (int64, string)
		want int64
		back string
	}{
		{"64MiB", &b, func() (int64, string) { return int64(b), b.String() }, 64 << 20, "64MiB"},
		{"1.5KiB", &b, func() (int64, string) { return int64(b), b.String() }, 1536, "1536B"},
		{"2000B", &b, func() (int64, string) { return int64(b), b.String() }, 2000, "2kB"},
		{"0B", &b, func() (int64, string) { return int64(b), b.String() }, 0, "0B"},
		{"1Gbit/s", &r, func() (int64, string) { return int64(r), r.String() }, 1e9, "1Gbit/s"},
		{"2.5kbit/s", &r, func() (int64, string) { return int64(r), r.String() }, 2500, "2500bit/s"},
		{"200MiB/s", &br, func() (int64, string) { return int64(br), br.String() }, 200 << 20,
			"200MiB/s"},
	} {
		if err := c.into.UnmarshalText([]byte(c.text)); err != nil {
			t.Error(err)
		}
		if n, back := c.from(); n != c.want || back != c.back {
			t.Errorf("%s: got %d, %s; want %d, %s", c.text, n, back, c.want, c.back)
		}
	}
	for _, bad := range []string{"", "1", "1M", "1mib", "-1B", "1MiB2KiB", "8388608TiB", "1bit"} {
		if b.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q was read as %s", bad, b)
		}
	}
}

// TestUnitsInverse prints and reads back values of every magnitude.
func TestUnitsInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		n := rng.Int64() >> rng.IntN(63)
		if rng.IntN(2) == 0 { // round numbers take the branches of large units
			n -= n % durationUnits[rng.IntN(4)].scale
		}
		var d Duration
		if err := d.UnmarshalText([]byte(Duration(-n).String())); err != nil || int64(d) != -n {
			t.Fatalf("duration %d: %v", -n, err)
		}
		var b Bytes
		if err := b.UnmarshalText([]byte(Bytes(n).String())); err != nil || int64(b) != n {
			t.Fatalf("bytes %d: %v", n, err)
		}
		var r Rate
		if err := r.UnmarshalText([]byte(Rate(n).String())); err != nil || int64(r) != n {
			t.Fatalf("rate %d: %v", n, err)
		}
		var br ByteRate
		if err := br.UnmarshalText([]byte(ByteRate(n).String())); err != nil || int64(br) != n {
			t.Fatalf("byte rate %d: %v", n, err)
		}
	}
}
