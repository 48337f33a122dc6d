package reports

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/container-football/pitch/node"
)

// clean makes text from outside fit for one line: what would break a line, move a cursor, turn
// the direction of writing or be illegal in XML becomes U+FFFD; line breaks and tabs become
// spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case harmful(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// cleanLines is clean for text of several lines.
func cleanLines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case harmful(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// harmful is true for control characters, for the marks that turn the direction of text, and
// for what XML 1.0 forbids. Bytes that are not UTF-8 arrive here as U+FFFD already.
func harmful(r rune) bool {
	switch {
	case unicode.IsControl(r), r == 0xfffe, r == 0xffff:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// wrap breaks each line of s at spaces so that it fits width columns if it can. What is carried
// over is indented by hang more than its line is.
func wrap(s string, width, hang int) string {
	const hold = "\u00a0" // in place of a space at which a line shall not break
	s = quantity.ReplaceAllString(s, "$1"+hold+"$2")
	var out strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		wrapLine(&out, line, width, hang)
	}
	return strings.ReplaceAll(out.String(), hold, " ")
}

// quantity is a number and its unit.
var quantity = regexp.MustCompile(`([0-9]) (ns|us|ms|s|B|[KMGTP]iB)\b`)

func wrapLine(out *strings.Builder, line string, width, hang int) {
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	at := indent
	out.WriteString(strings.Repeat(" ", indent))
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width && at > indent+hang:
			out.WriteString("\n" + strings.Repeat(" ", indent+hang))
			at = indent + hang
		default:
			out.WriteByte(' ')
			at++
		}
		out.WriteString(word)
		at += n
	}
}

// span writes a time with a space before its unit: 82.5 ms.
func span(t node.Time) string {
	if t == 0 {
		return "0 s"
	}
	s := t.String()
	i := strings.LastIndexAny(s, "0123456789")
	return s[:i+1] + " " + s[i+1:]
}

// shortSpan is span with three significant digits, for labels and sentences.
func shortSpan(t node.Time) string {
	step := node.Time(1)
	for t >= 1000*step || -t >= 1000*step {
		step *= 10
	}
	t += step / 2 * sign(t)
	return span(t - t%step)
}

func sign(t node.Time) node.Time {
	if t < 0 {
		return -1
	}
	return 1
}

func lasting(d time.Duration) string { return shortSpan(node.Time(d)) }

// size writes a number of bytes in the largest unit below it, with at most one decimal.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, u := float64(n), 0
	for u < len(units)-1 && (v >= 1024 || v <= -1024) {
		v, u = v/1024, u+1
	}
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0") + " " + units[u]
}

// count writes a number with its noun, which gets an s unless there is one of it.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// pad fills s up to n columns.
func pad(s string, n int, right bool) string {
	fill := strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
	if right {
		return fill + s
	}
	return s + fill
}
