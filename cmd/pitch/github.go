package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
)

// maxAnnotations is how many GitHub shows of one step before it leaves the rest out.
const maxAnnotations = 8

// annotate prints an ::error line for each of the first runs that did not pass, pointing at the
// step that fired last before the end, and adds a table to the job's summary where there is one.
func annotate(w io.Writer, all []done) {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	n := 0
	var results []*scenario.Result
	for i := range all {
		d := &all[i]
		if d.res == nil {
			continue
		}
		results = append(results, d.res)
		if d.res.Outcome == scenario.Passed || n == maxAnnotations {
			continue
		}
		n++
		line := 1
		for _, f := range d.res.Fired {
			if f.Step >= 0 && f.Step < len(d.file.Steps) {
				line = d.file.Steps[f.Step].Line
			}
		}
		fmt.Fprintf(w, "::error file=%s,line=%d,title=%s::%s\n", d.path, line,
			escape.Replace(fmt.Sprintf("%s in %s, seed %d, %v", d.res.Scenario, d.res.World,
				d.res.Seed, d.res.Outcome)),
			escape.Replace(d.res.Reason+"\n"+reports.Repeat(d.res)))
	}
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(w, "pitch: no job summary:", err)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, "```")
	if err := reports.Summary(f, results); err != nil {
		fmt.Fprintln(w, "pitch: no job summary:", err)
	}
	fmt.Fprintln(f, "```")
}
