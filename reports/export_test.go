package reports

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/container-football/pitch/study"
)

// SeedFigure runs the shipped study of the figure that the guide begins with, in which pairs of
// texts are replaced, and returns its picture.
func SeedFigure(t testing.TB, replace ...string) *Curves {
	t.Helper()
	data, err := os.ReadFile("../studies/bigcluster-vs-sharding.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(data), replace[i]) {
			t.Fatalf("the study has no %q", replace[i])
		}
	}
	f, err := study.Parse("seed.toml", []byte(strings.NewReplacer(replace...).Replace(string(data))))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := study.Run(context.Background(), p, study.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return StudyPlots(r)[0].Picture.(*Curves)
}
