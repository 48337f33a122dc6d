package scenario

import (
	"strings"
	"testing"
)

const varied = minimal + `
[[vary]]
name = "winner"
values = ["a", "b"]
[[vary]]
name = "rotated"
values = ["yes", "no"]
[[step]]
name = "rotate"
only = "rotated == yes"
at = "1s"
do = "log-rotate"
resource = "r"
host = "A"
[[step]]
name = "crown"
only = "winner == a"
when = "fired(rotate)"
do = "wait"
[[step]]
name = "crown"
only = "winner != a and rotated == yes"
when = "fired(rotate) and up(A)"
do = "wait"
[expect]
must_fire = ["rotate", "log-rotate", "crown"]
`

func TestAFileStandsForEveryCombination(t *testing.T) {
	all, err := Options{}.ParseAll("t.toml", []byte(varied))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range all {
		line := f.Name + ":"
		for _, s := range f.Steps {
			line += " " + s.Name + " [" + s.When.String() + "]"
		}
		got = append(got, line+" must "+strings.Join(f.Expect.MustFire, " "))
	}
	want := `t-a-yes: rotate [] crown [fired(rotate)] must rotate log-rotate crown
t-a-no: crown [time() >= 0s] must crown
t-b-yes: rotate [] crown [fired(rotate) and up(A)] must rotate log-rotate crown
t-b-no: must `
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestAVariantIsAScenarioOfItsOwn(t *testing.T) {
	all, err := Options{}.ParseAll("t.toml", []byte(varied))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		text, err := f.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Options{}.ParseAll("again.toml", text)
		if err != nil || len(again) != 1 || !f.Equal(again[0]) {
			t.Errorf("%v: %s became %d scenarios:\n%s", err, f.Name, len(again), text)
		}
		if f.Variant == "a-no" && (f.Steps[0].Line != 24 || f.Steps[0].Do != DoWait) {
			t.Errorf("the step of %s is said to stand on line %d", f.Name, f.Steps[0].Line)
		}
	}
}

func TestALongNameOfAVariantIsRefused(t *testing.T) {
	long := strings.Replace(varied, `values = ["a"`, `values = ["`+strings.Repeat("x", 128)+`", "a"`, 1)
	if got := complaintOf(t, long); !strings.Contains(got, "is too long") {
		t.Error(got)
	}
}
