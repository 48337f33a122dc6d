package reports

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/study"
)

// mostListed is how many rows of a table the summary of a study shows; the data has all.
const mostListed = 40

// WriteStudySummary writes what a study asked and what came out as a page of Markdown: questions
// with their formulas and methods, how engines agree, what uncertain inputs do to the answers, and
// what could not be answered. pictures are the names of its picture files.
func WriteStudySummary(w io.Writer, res *study.Result, pictures []string) error {
	out := bufio.NewWriter(w)
	f := res.Plan.File
	fmt.Fprintf(out, "# %s\n\n", f.Title)
	if f.About != "" {
		fmt.Fprintf(out, "%s\n\n", strings.TrimSpace(f.About))
	}
	fmt.Fprintf(out, "Study `%s`, seed %d, %d cells, %d answers; pitch %s, input %s.\n\n", f.Name, f.Seed,
		res.Plan.Cells(), len(res.Rows), res.Version, f.Hash[:16])
	for _, p := range pictures {
		fmt.Fprintf(out, "![%s](%s)\n\n", strings.TrimSuffix(p, ".svg"), p)
	}
	writeQuestions(out, res)
	writeAgreements(out, res)
	writeSpreads(out, res)
	writeSwings(out, res)
	writeFailures(out, res)
	return out.Flush()
}

func writeQuestions(w io.Writer, res *study.Result) {
	fmt.Fprint(w, "## Questions\n\n| question | measure | formula | unit | methods | from | to |\n|---|---|---|---|---|---|---|\n")
	for i, a := range res.Plan.File.Asks {
		m, err := model.Find(a.Measure)
		if err != nil {
			continue // a plan has none
		}
		methods, low, high := answersTo(res, i)
		fmt.Fprintf(w, "| %s | `%s` | %s | %s | %s | %s | %s |\n", inCell(a.Name), a.Measure, inCell(m.Formula),
			m.Unit, strings.Join(methods, ", "), short(low), short(high))
	}
	fmt.Fprintln(w)
}

// answersTo are the methods that answered a question, and the least and the largest answer.
func answersTo(res *study.Result, ask int) (methods []string, low, high float64) {
	low, high = math.NaN(), math.NaN()
	for i := range res.Rows {
		r := &res.Rows[i]
		if r.Ask != ask || r.Error != "" {
			continue
		}
		if !slices.Contains(methods, r.Method) {
			methods = append(methods, r.Method)
		}
		if x := float64(r.Value); !math.IsNaN(x) {
			if !(x >= low) {
				low = x
			}
			if !(x <= high) {
				high = x
			}
		}
	}
	return methods, low, high
}

func writeAgreements(w io.Writer, res *study.Result) {
	list := res.Agreements()
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "## Do the engines agree?\n\n"+
		"| question | engine | compared with | cells | within the %g %% interval | contradict it | farthest |\n"+
		"|---|---|---|---|---|---|---|\n", res.Plan.File.Precision.Level*100)
	for _, a := range list {
		fmt.Fprintf(w, "| %s | %s | %s | %d | %d | %d | %.2f half widths, cell %d |\n",
			inCell(res.Plan.File.Asks[a.Ask].Name), a.Engine, a.Reference, a.Cells, a.Inside, a.Far, a.Farthest,
			a.FarthestAt)
	}
	fmt.Fprint(w, "\nWhere both are estimates, their half widths add up like standard errors. More than three of them apart\nis a contradiction.\n\n")
}

func writeSpreads(w io.Writer, res *study.Result) {
	list := res.Spreads()
	if len(list) == 0 {
		return
	}
	fmt.Fprint(w, "## What is not known exactly\n\n| question | "+axesHeader(res)+
		"5 % | median | mean | 95 % | at the medians |\n|"+strings.Repeat("---|", 6+len(res.Plan.File.Axes))+"\n")
	for i, s := range list {
		if i == mostListed {
			break
		}
		fmt.Fprintf(w, "| %s | %s%s | %s | %s | %s | %s |\n", askAndEngine(res, s.Ask, s.Engine),
			axesCells(s.Axes), short(s.P5), short(s.P50), short(s.Mean), short(s.P95), short(s.AtMedians))
	}
	writeRest(w, len(list))
}

func writeSwings(w io.Writer, res *study.Result) {
	list := res.Swings()
	if len(list) == 0 {
		return
	}
	fmt.Fprint(w, "## Which input matters\n\nEach input at its 5 % and 95 % quantile, the others at their "+
		"medians. An elasticity of 2 means: 1 % more of the input is 2 % more of the answer.\n\n"+
		"| question | "+axesHeader(res)+"input | from | to | answer from | to | elasticity |\n|"+
		strings.Repeat("---|", 7+len(res.Plan.File.Axes))+"\n")
	for i, s := range list {
		if i == mostListed {
			break
		}
		fmt.Fprintf(w, "| %s | %s`%s` | %s | %s | %s | %s | %s |\n", askAndEngine(res, s.Ask, s.Engine),
			axesCells(s.Axes), s.Param, short(s.LowInput), short(s.HighInput), short(s.Low), short(s.High),
			strconv.FormatFloat(s.Elasticity, 'f', 2, 64))
	}
	writeRest(w, len(list))
}

func writeRest(w io.Writer, n int) {
	if n > mostListed {
		fmt.Fprintf(w, "\n%d rows more are in the data.\n", n-mostListed)
	}
	fmt.Fprintln(w)
}

func writeFailures(w io.Writer, res *study.Result) {
	if res.Failed() == 0 {
		return
	}
	fmt.Fprintf(w, "## Not answered\n\n%d of %d questions have no answer. The first of each kind:\n\n",
		res.Failed(), len(res.Rows))
	var seen []string
	for i := range res.Rows {
		r := &res.Rows[i]
		if r.Error == "" || slices.Contains(seen, r.Error) || len(seen) == mostListed {
			continue
		}
		seen = append(seen, r.Error)
		fmt.Fprintf(w, "- cell %d, %s: %s\n", r.Cell, res.Plan.File.Asks[r.Ask].Name, r.Error)
	}
	fmt.Fprintln(w)
}

func axesHeader(res *study.Result) string {
	var b strings.Builder
	for i := range res.Plan.File.Axes {
		fmt.Fprintf(&b, "`%s` | ", res.Plan.File.Axes[i].Param)
	}
	return b.String()
}

func axesCells(values []any) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(inputText(v) + " | ")
	}
	return b.String()
}

func askAndEngine(res *study.Result, ask, engine int) string {
	a := &res.Plan.File.Asks[ask]
	if len(a.Engines) == 1 {
		return inCell(a.Name)
	}
	return inCell(a.Name) + ", " + a.Engines[engine]
}

// inCell keeps text from ending a cell of a Markdown table.
func inCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func short(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
