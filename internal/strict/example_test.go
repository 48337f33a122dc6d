package strict_test

import (
	"fmt"

	"github.com/container-football/pitch/internal/strict"
)

// A pair is a small format: two teams, which must not be the same.
type pair struct {
	Home  string `toml:"home" req:"yes"`
	Away  string `toml:"away" req:"yes"`
	Goals int    `toml:"goals" default:"0" min:"0" max:"99"`
}

var pairs = strict.Format{Name: "pair"}

func readPair(name, text string) (*pair, error) {
	p := &pair{}
	doc, err := pairs.Decode(name, []byte(text), p)
	if err != nil {
		return nil, err
	}
	// What the tags cannot say comes last, and only if the keys are sound.
	if doc.Err() == nil && p.Home == p.Away {
		doc.Value("away", "away: %q plays at home", p.Away)
	}
	return p, doc.Err()
}

func Example() {
	for _, text := range []string{
		"home = 'Leipzig'\naway = 'Bremen'\ngaols = 3",
		"home = 'Leipzig'\naway = 'Bremen'\ngoals = 100",
		"home = 'Leipzig'\naway = 'Leipzig'",
	} {
		_, err := readPair("match.toml", text)
		fmt.Println(err)
	}
	// Output:
	// match.toml:3:1: unknown key "gaols" at the top level; did you mean "goals"?
	// match.toml:3:9: goals: expected 0 to 99, found 100
	// match.toml:2:8: away: "Leipzig" plays at home
}
