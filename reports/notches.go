package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
)

// notch is a tick of a ruler.
type notch struct {
	at    float64 // from 0 to 1
	label string  // empty for a minor one
	grid  bool    // a line goes through the panel
}

const notchSize = 9 // of the labels

// notches are the ticks of an axis so long, as many as fit without their labels touching.
func (s ruler) notches(length vg.Length, vertical bool) []notch {
	var best []notch
	for _, list := range s.notchings(length) {
		labels, clear := 0, true
		end := math.Inf(-1)
		for _, n := range list {
			if n.label == "" {
				continue
			}
			half := float64(room(style(notchSize, black), n.label))/2 + 4
			if vertical {
				half = 8
			}
			at := n.at * float64(length)
			clear = clear && at-half >= end
			end = at + half
			labels++
		}
		if clear && labels >= 2 {
			return list
		}
		if clear && labels > 0 && best == nil {
			best = list
		}
	}
	return best
}

// notchings are ways to divide the axis, the finest first.
func (s ruler) notchings(length vg.Length) [][]notch {
	var out [][]notch
	decades := s.hi - s.lo
	if s.Linear || decades < 1 {
		for n := 12; n > 0; n-- {
			out = append(out, s.even(n, length))
		}
	}
	if s.Linear {
		return out
	}
	unit := float64(length) / decades
	if decades <= 3.2 {
		out = append(out, s.powers(1, []int{1, 2, 5}, unit))
	}
	for _, step := range []int{1, 2, 3, 5, 10, 20, 50, 100, 200, 500} {
		out = append(out, s.powers(step, []int{1}, unit))
	}
	return out
}

// even divides the axis into at most about n steps of one round size.
func (s ruler) even(n int, length vg.Length) []notch {
	lo, hi := s.value(s.lo), s.value(s.hi)
	if size := hi - lo; !(size > 0) || math.IsInf(size, 1) {
		return nil // beyond the largest number or below the least
	}
	step := nice((hi - lo) / float64(n))
	parts := 5
	if m := step / math.Pow(10, math.Floor(math.Log10(step)+1e-9)); m > 1.5 && m < 3 {
		parts = 4
	}
	if float64(length)*step/(hi-lo)/float64(parts) < 4 {
		parts = 1
	}
	fine := step / float64(parts)
	form := numbers(max(math.Abs(lo), math.Abs(hi)), step)
	var out []notch
	for i := math.Ceil(lo/fine - 1e-6); i*fine <= hi+fine*1e-6; i++ {
		v := i * fine
		if at := s.at(v); s.shows(v) && at > -1e-6 && at < 1+1e-6 {
			mark := notch{at: at}
			if math.Mod(i, float64(parts)) == 0 {
				mark.label, mark.grid = form(v), true
			}
			out = append(out, mark)
		}
	}
	return out
}

// powers marks every step-th power of ten and these multiples of it with labels, and other
// multiples without, where a decade of so many points has room for them.
func (s ruler) powers(step int, labelled []int, unit float64) []notch {
	var minor []int
	switch {
	case step == 1 && unit >= 30:
		minor = []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
	case step == 1 && unit >= 14:
		minor = []int{1, 2, 5}
	case unit >= 4:
		minor = []int{1}
	}
	first, last := int(math.Floor(s.lo)), int(math.Ceil(s.hi))
	plain := s.lo >= -3-1e-9 && s.hi <= 5+1e-9
	var out []notch
	for e := first; e <= last; e++ {
		for m := 1; m <= 9; m++ {
			at := s.place(float64(e) + math.Log10(float64(m)))
			if at < -1e-9 || at > 1+1e-9 {
				continue
			}
			mark := notch{at: at, grid: m == 1 && unit >= 10}
			if e%step == 0 && slices.Contains(labelled, m) {
				mark.label, mark.grid = power(m, e, plain), true
			}
			if mark.label != "" || slices.Contains(minor, m) {
				out = append(out, mark)
			}
		}
	}
	return out
}

// power writes m·10^e.
func power(m, e int, plain bool) string {
	switch {
	case plain && e < 0:
		return "0." + strings.Repeat("0", -e-1) + strconv.Itoa(m)
	case plain || e == 0 || e == 1:
		return strconv.Itoa(m) + strings.Repeat("0", e)
	case m == 1:
		return "10" + exponent(e)
	}
	return strconv.Itoa(m) + "×10" + exponent(e)
}

// exponent writes a raised number.
func exponent(e int) string {
	var b strings.Builder
	for _, r := range strconv.Itoa(e) {
		if r == '-' {
			b.WriteRune('⁻')
			continue
		}
		b.WriteRune([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[r-'0'])
	}
	return b.String()
}

// numbers is how the multiples of a step are written on an axis that reaches so far from 0.
func numbers(size, step float64) func(float64) string {
	e := 0
	if size >= 1e5 || size < 1e-3 {
		e = int(math.Floor(math.Log10(size) + 1e-9))
	}
	scale := math.Pow(10, float64(e))
	return func(v float64) string {
		s := minus(decimal(v/scale, step/scale))
		if e != 0 && s != "0" {
			s += "×10" + exponent(e)
		}
		return s
	}
}

// minus writes the sign of a number as long as a plus.
func minus(s string) string {
	if s == "-0" {
		return "0"
	}
	return strings.Replace(s, "-", "−", 1)
}

// brief writes a number with three significant digits.
func brief(v float64) string {
	switch a := math.Abs(v); {
	case math.IsInf(v, 0):
		return minus(strings.TrimSuffix(fmt.Sprint(v), "Inf")) + "∞"
	case math.IsNaN(v):
		return "none"
	case v == 0:
		return "0"
	case a >= 1e-3 && a < 1e5:
		f, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
		return minus(strconv.FormatFloat(f, 'f', -1, 64))
	}
	m, e, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
	n, _ := strconv.Atoi(e)
	m = strings.TrimSuffix(strings.TrimRight(m, "0"), ".")
	if m == "1" || m == "-1" {
		return minus(strings.TrimSuffix(m, "1")) + "10" + exponent(n)
	}
	return minus(m) + "×10" + exponent(n)
}
