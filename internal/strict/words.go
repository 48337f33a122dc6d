package strict

import (
	"fmt"
	"strconv"
	"strings"
)

// Quote shows a value in a message, shortened if it is long.
func Quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		return fmt.Sprintf("%q…", string(r[:60]))
	}
	return fmt.Sprintf("%q", s)
}

// OrList prints words as `"a", "b" or "c"`.
func OrList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// NotOneOf says that a word is not one of those that were expected, and which was perhaps meant.
func NotOneOf(word string, words []string) string {
	return fmt.Sprintf("expected %s, found %s%s", OrList(words), Quote(word),
		DidYouMean(word, words))
}

// describe names a TOML value in a message.
func describe(val any) string {
	switch v := val.(type) {
	case string:
		return Quote(v)
	case bool, int64:
		return fmt.Sprint(v)
	case float64:
		return formatFloat(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// formatFloat prints the shortest text that reads back as the same number and is a TOML float.
func formatFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	s = strings.ToLower(strings.TrimPrefix(s, "+")) // NaN and Inf are lower case in TOML
	if !strings.ContainsAny(s, ".en") {
		s += ".0"
	}
	return s
}
