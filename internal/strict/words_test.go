package strict_test

import (
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict"
)

func TestDidYouMean(t *testing.T) {
	words := []string{"replicas", "resource", "size", "a"}
	for word, want := range map[string]string{
		"replica": "replicas", "Replicas": "replicas", "siez": "size", "resuorce": "resource",
		"b": "", "xyz": "", "": "", "sizeable-and-more": "", strings.Repeat("size", 17): "",
	} {
		if want != "" {
			want = `; did you mean "` + want + `"?`
		}
		if got := strict.DidYouMean(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := strict.DidYouMean("ac", []string{"ab", "ad"}); got != `; did you mean "ab"?` {
		t.Errorf("of two that are as near, %q", got)
	}
}

func TestWordsInMessages(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{strict.OrList(nil), ""},
		{strict.OrList([]string{"a"}), `"a"`},
		{strict.OrList([]string{"a", "b", "c"}), `"a", "b" or "c"`},
		{strict.NotOneOf("rad", []string{"red", "blue"}),
			`expected "red" or "blue", found "rad"; did you mean "red"?`},
		{strict.Quote("a\nb"), `"a\nb"`},
		{strict.Quote(strings.Repeat("ü", 61)), `"` + strings.Repeat("ü", 60) + `"…`},
		{strict.Join("", "a"), "a"},
		{strict.Join(strict.Index("a.b", 2), "c"), "a.b[2].c"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}
