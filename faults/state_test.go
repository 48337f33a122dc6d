package faults_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
)

func TestStateReadsBackAsItWasWritten(t *testing.T) {
	for _, story := range []struct {
		state faults.State
		text  string
	}{
		{faults.State{}, "seed 0 start 0\n"},
		{faults.State{Seed: 1<<64 - 1, Start: 3}, "seed 18446744073709551615 start 3\n"},
		{faults.State{Links: []faults.Link{{To: 2, Cut: true}, {Loss: 0.1, Duplicate: 1, Reorder: 1e-9,
			Delay: 1500 * node.Microsecond}, {To: 3}}},
			"seed 0 start 0\nlink 2 cut\nlink 0 loss=0.1 duplicate=1 reorder=1e-09 delay=1.5ms\n" +
				"link 3\n"},
		{faults.State{Disk: faults.Disk{Slow: 2.5, Full: true}}, "seed 0 start 0\ndisk slow=2.5 full\n"},
		{faults.State{Disk: faults.Disk{Full: true}}, "seed 0 start 0\ndisk full\n"},
	} {
		if got := story.state.String(); got != story.text {
			t.Errorf("%+v is written %q, expected %q", story.state, got, story.text)
		}
		got, err := faults.Parse(story.text)
		if err != nil || !reflect.DeepEqual(got, story.state) {
			t.Errorf("%q is read as %+v, %v", story.text, got, err)
		}
	}
}

func TestSpaceAndEmptyLinesMeanNothing(t *testing.T) {
	got, err := faults.Parse("\n  seed 1   start 2 \n\n\tlink 2  cut\n")
	want := faults.State{Seed: 1, Start: 2, Links: []faults.Link{{To: 2, Cut: true}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestErrorNamesTheLineAndWhatWasExpected(t *testing.T) {
	for text, want := range map[string]string{
		"fault":              `faults, line 1: expected seed, link or disk, found "fault"`,
		"\nseed 1":           "faults, line 2: expected `seed N start N`, found \"seed 1\"",
		"seed a start 1":     "faults, line 1: expected `seed N start N`, found \"seed a start 1\"",
		"seed 1 start -1":    "faults, line 1: expected `seed N start N`, found \"seed 1 start -1\"",
		"seed 1 stop 1":      "faults, line 1: expected `seed N start N`, found \"seed 1 stop 1\"",
		"link":               "faults, line 1: expected a host after link",
		"link x":             `faults, line 1: expected the number of a host, found "x"`,
		"link 4294967296":    `faults, line 1: expected the number of a host, found "4294967296"`,
		"link 1\nlink 1 cut": "faults, line 2: second entry for the link to 1",
		"link 1 loss=1.1":    `faults, line 1: expected a probability from 0 to 1, found "1.1"`,
		"link 1 loss=NaN":    `faults, line 1: expected a probability from 0 to 1, found "NaN"`,
		"link 1 reorder=-1":  `faults, line 1: expected a probability from 0 to 1, found "-1"`,
		"link 1 duplicate":   `faults, line 1: expected a probability from 0 to 1, found ""`,
		"link 1 delay=1": `faults, line 1: expected a delay of at least 0, such as 5ms, ` +
			`found "1"`,
		"link 1 delay=-1ms": `faults, line 1: expected a delay of at least 0, such as 5ms, ` +
			`found "-1ms"`,
		"link 1 cut=no": `faults, line 1: expected cut, loss, duplicate, reorder or delay, ` +
			`found "cut=no"`,
		"link 1 slow": `faults, line 1: expected cut, loss, duplicate, reorder or delay, ` +
			`found "slow"`,
		"disk slow=0.5":   `faults, line 1: expected slow=1 to slow=1e6, found "0.5"`,
		"disk slow=1e7":   `faults, line 1: expected slow=1 to slow=1e6, found "1e7"`,
		"disk slow":       `faults, line 1: expected slow=1 to slow=1e6, found ""`,
		"disk broken":     `faults, line 1: expected slow, full or latent, found "broken"`,
		"disk full=never": `faults, line 1: expected slow, full or latent, found "full=never"`,
	} {
		s, err := faults.Parse(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
		if !reflect.DeepEqual(s, faults.State{}) {
			t.Errorf("%q: with the error comes %+v", text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("seed 7 start 2\nlink 2 cut\nlink 0 loss=0.25 duplicate=0.5 reorder=1 delay=1.5ms\n")
	f.Add("disk slow=10 full\n")
	f.Add("disk\ndisk slow=1\nseed 1 start 1\nseed 2 start 2")
	f.Add("link 1 delay=2562047h47m16.854775807s loss=-0 reorder=0x1p-2")
	f.Add(strings.Repeat("link 1\n", 2))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := faults.Parse(text)
		if err != nil {
			return
		}
		again, err := faults.Parse(s.String())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%q is %+v, written %q, read back as %+v, %v", text, s, s.String(), again, err)
		}
	})
}
