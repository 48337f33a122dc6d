// Package units holds quantities as files and command lines have them: a number with a unit.
package units

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/container-football/pitch/internal/strict"
)

// Duration is a span of time in nanoseconds. Its text is a number with a unit, such as "200us" or
// "1.5s", or several in a row, such as "1m30s"; a leading minus makes it negative.
type Duration int64

// Bytes is a number of bytes, never negative. Its text is a number with a unit: B, KiB, MiB, GiB,
// TiB (powers of 1024) or kB, MB, GB, TB (powers of 1000).
type Bytes int64

// Rate is a data rate in bits per second, never negative, written like "1Gbit/s" (powers of 1000).
type Rate int64

// ByteRate is a data rate in bytes per second, never negative, written like "200MiB/s".
type ByteRate int64

type unit struct {
	name  string
	scale int64
}

// Each table is ordered from the largest unit to the smallest; printing takes the first that
// divides the value, so every table must end in a unit of scale 1.
var (
	durationUnits = []unit{
		{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1},
	}
	byteUnits = []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
	}
	rateUnits = []unit{
		{"Tbit/s", 1e12}, {"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1},
	}
	byteRateUnits = perSecond(byteUnits)
)

func perSecond(units []unit) []unit {
	out := make([]unit, len(units))
	for i, u := range units {
		out[i] = unit{u.name + "/s", u.scale}
	}
	return out
}

// String prints d with the largest unit that divides it: 60 s are "1m", 1.5 ms are "1500us".
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	return formatUnit(int64(d), durationUnits)
}

// MarshalText is the exact inverse of UnmarshalText.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts what the type describes, if it is a whole number of nanoseconds in range.
func (d *Duration) UnmarshalText(text []byte) error {
	s, negative := strings.CutPrefix(string(text), "-")
	sum := new(big.Rat)
	rest := s
	for first := true; first || rest != ""; first = false {
		v, tail, hint := parseUnit(rest, durationUnits)
		if v == nil {
			return fmt.Errorf("expected a duration such as \"200us\" or \"1m30s\", found %s%s",
				strict.Quote(string(text)), hint)
		}
		sum.Add(sum, v)
		rest = tail
	}
	if negative {
		sum.Neg(sum)
	}
	n, ok := whole(sum)
	if !ok {
		return fmt.Errorf("%s is not a whole number of nanoseconds below 292 years",
			strict.Quote(string(text)))
	}
	*d = Duration(n)
	return nil
}

// String prints b with the largest unit that divides it: 65536 bytes are "64KiB".
func (b Bytes) String() string { return formatUnit(int64(b), byteUnits) }

// MarshalText is the exact inverse of UnmarshalText.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText accepts what the type describes, if it is a whole number of bytes below 2^63.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := parseSingle(string(text), byteUnits, `a size such as "64MiB"`, "bytes")
	if err == nil {
		*b = Bytes(n)
	}
	return err
}

// String prints r with the largest unit that divides it: 10^9 bit/s are "1Gbit/s".
func (r Rate) String() string { return formatUnit(int64(r), rateUnits) }

// MarshalText is the exact inverse of UnmarshalText.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts what the type describes, if it is a whole number of bit/s below 2^63.
func (r *Rate) UnmarshalText(text []byte) error {
	n, err := parseSingle(string(text), rateUnits, `a rate in bits such as "1Gbit/s"`, "bit/s")
	if err == nil {
		*r = Rate(n)
	}
	return err
}

// String prints r with the largest unit that divides it.
func (r ByteRate) String() string { return formatUnit(int64(r), byteRateUnits) }

// MarshalText is the exact inverse of UnmarshalText.
func (r ByteRate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts what the type describes, if it is a whole number of B/s below 2^63.
func (r *ByteRate) UnmarshalText(text []byte) error {
	n, err := parseSingle(string(text), byteRateUnits, `a rate in bytes such as "200MiB/s"`, "B/s")
	if err == nil {
		*r = ByteRate(n)
	}
	return err
}

func formatUnit(n int64, units []unit) string {
	last := units[len(units)-1]
	if n == 0 {
		return "0" + last.name
	}
	for _, u := range units {
		if n%u.scale == 0 {
			return fmt.Sprintf("%d%s", n/u.scale, u.name)
		}
	}
	panic(fmt.Sprintf("units: no unit divides %d", n))
}

// parseSingle parses text of exactly one number and unit.
func parseSingle(text string, units []unit, what, base string) (int64, error) {
	v, rest, hint := parseUnit(text, units)
	if v == nil || rest != "" {
		return 0, fmt.Errorf("expected %s, found %s%s", what, strict.Quote(text), hint)
	}
	n, ok := whole(v)
	if !ok {
		return 0, fmt.Errorf("%s is not a whole number of %s below 2^63", strict.Quote(text), base)
	}
	return n, nil
}

// parseUnit reads one number with its unit from the front of s. If there is none, v is nil and
// hint is a clause to append to a message, perhaps empty.
func parseUnit(s string, units []unit) (v *big.Rat, rest, hint string) {
	n := leading(s, "0123456789.")
	// 40 digits hold every int64 with room for a fraction, and bound the work on hostile input.
	if n == 0 || n > 40 || s[0] == '.' || s[n-1] == '.' {
		return nil, "", ""
	}
	v, ok := new(big.Rat).SetString(s[:n])
	if !ok {
		return nil, "", ""
	}
	name := s[n:]
	if end := strings.IndexAny(name, "0123456789."); end >= 0 {
		name = name[:end]
	}
	names := make([]string, len(units))
	for i, u := range units {
		if u.name == name {
			return v.Mul(v, new(big.Rat).SetInt64(u.scale)), s[n+len(name):], ""
		}
		names[i] = u.name
	}
	if name == "" {
		return nil, "", " without a unit"
	}
	return nil, "", "; the units are " + strings.Join(names, ", ")
}

// leading counts the bytes at the front of s that are in set.
func leading(s, set string) int {
	return len(s) - len(strings.TrimLeft(s, set))
}

// whole returns v if it is an integer of 63 bits, of either sign.
func whole(v *big.Rat) (int64, bool) {
	if !v.IsInt() || !v.Num().IsInt64() || v.Num().Int64() == math.MinInt64 {
		return 0, false
	}
	return v.Num().Int64(), true
}
