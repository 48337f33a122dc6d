package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the checks say into the stories")

// TestStories runs testdata/stories/*.txt: comments, a history, a line of four dashes, and
// what Linearizable says of it. A comment "# crashes: 30 70" sets LinOptions.CrashTimes.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), "stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			story, want, _ := strings.Cut(string(text), "----\n")
			got := tell(t, story)
			if *rewrite {
				if err := os.WriteFile(file, []byte(story+"----\n"+got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func tell(t *testing.T, story string) string {
	var opt LinOptions
	var lines bytes.Buffer
	for line := range strings.Lines(story) {
		if times, found := strings.CutPrefix(line, "# crashes:"); found {
			for _, f := range strings.Fields(times) {
				at, err := strconv.ParseInt(f, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				opt.CrashTimes = append(opt.CrashTimes, at)
			}
		}
		if !strings.HasPrefix(line, "#") {
			lines.WriteString(line)
		}
	}
	h, err := ReadHistory(&lines, "story")
	if err != nil {
		return err.Error() + "\n"
	}
	r := Linearizable(h, opt)
	if len(opt.CrashTimes) == 0 {
		if p := LinearizablePorcupine(h, 0); p.Verdict != r.Verdict {
			t.Errorf("%v, but porcupine says %v", r, p)
		}
	}
	return r.String() + "\n"
}
