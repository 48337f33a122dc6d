package reports_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/study"
)

// answers is an engine that answers with what the test wants, by the value of n.
type answers map[float64]model.Answer

func (answers) Check(string, model.Params) error { return nil }

func (e answers) Ask(_ context.Context, _ string, p model.Params, _ model.Options) (model.Answer, error) {
	n, _ := p["n"].(float64)
	a, ok := e[n]
	if !ok {
		return a, errors.New("there is no answer, \"quoted\", with | and\na new line")
	}
	return a, nil
}

// odd is the result of a study with everything that is hard to write: words among the inputs, an
// infinity, an estimate, no answer.
func odd(t *testing.T) *study.Result {
	t.Helper()
	f, err := study.Parse("odd.toml", []byte(`
schema = 1
name   = "odd"
title  = "Everything that is hard to write"

[params]
k = 2
p = 0.5

[[axis]]
param  = "n"
values = [1, 2, 3, 4]

[[axis]]
param  = "placement"
values = ["shards", "bigcluster"]

[[ask]]
name    = "odd | even, \"quoted\""
measure = "incident"
engines = ["fleet"]

[[plot]]
name  = "curves"
kind  = "curves"
title = "All of it"
x     = "n"
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(func(study.Fleet) study.Engine {
		return answers{
			1: {Value: 0.1, Method: model.ClosedForm, Note: "mind, the comma"},
			2: {Value: math.Inf(1), Method: model.Markov},
			3: {Value: 0.25, Method: "fleet-simulation", Interval: &model.Interval{Low: 0.2, High: 0.3, Level: 0.95},
				Sampling: &model.Sampling{Samples: 1000, Hits: 250, ESS: 250}},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := study.Run(context.Background(), p, study.Options{Dir: t.TempDir(), Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The three forms of the table hold the same, exactly.
func TestTheFormsOfATableAgree(t *testing.T) {
	r := odd(t)
	var text, lines, columns bytes.Buffer
	for _, err := range []error{reports.WriteStudyCSV(&text, r), reports.WriteStudyJSON(&lines, r),
		reports.WriteStudyParquet(&columns, r)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	records, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(records) != 9 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	objects := json.NewDecoder(&lines)
	file, err := parquet.OpenFile(bytes.NewReader(columns.Bytes()), int64(columns.Len()))
	if err != nil || file.NumRows() != 8 {
		t.Fatalf("%v", err)
	}
	names := file.Schema().Columns()
	rows := make([]parquet.Row, 8)
	reader := parquet.NewReader(file)
	if n, err := reader.ReadRows(rows); n != 8 {
		t.Fatal(n, err)
	}
	for i, record := range records[1:] {
		object := map[string]any{}
		if err := objects.Decode(&object); err != nil {
			t.Fatal(err)
		}
		for j, name := range records[0] {
			if names[j][0] != name {
				t.Fatalf("column %d is %v in Parquet, %s in CSV", j, names[j], name)
			}
			inCSV, inJSON, inParquet := record[j], object[name], rows[i][j]
			if (inCSV == "") != (inJSON == nil) || (inCSV == "") != inParquet.IsNull() {
				t.Fatalf("row %d, %s: %q in CSV, %v in JSON, %v in Parquet", i, name, inCSV, inJSON, inParquet)
			}
			if inCSV == "" {
				continue
			}
			want, _ := json.Marshal(inJSON)
			if got := strings.Trim(string(want), `"+`); inCSV != got && !strings.Contains(inCSV, `"`) &&
				!strings.Contains(inCSV, "\n") {
				t.Errorf("row %d, %s: %q in CSV, %s in JSON", i, name, inCSV, want)
			}
			if got := strings.TrimPrefix(strings.ToLower(inParquet.String()), "+"); got != strings.ToLower(inCSV) {
				t.Errorf("row %d, %s: %q in CSV, %q in Parquet", i, name, inCSV, got)
			}
		}
	}
}

func TestASummaryIsATableForEveryName(t *testing.T) {
	var b bytes.Buffer
	if err := reports.WriteStudySummary(&b, odd(t), []string{"odd-curves.svg"}); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"# Everything that is hard to write", "![odd-curves](odd-curves.svg)",
		`| odd \| even, "quoted" | ` + "`incident` |", "2 of 8 questions have no answer"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "|") && !strings.HasSuffix(line, "|\n") {
			t.Errorf("a row is cut: %q", line)
		}
	}
}

func TestCurvesOfAStudyLeaveOutWhatIsNotKnown(t *testing.T) {
	plots := reports.StudyPlots(odd(t))
	if len(plots) != 1 {
		t.Fatal(len(plots))
	}
	var b bytes.Buffer
	if err := plots[0].Picture.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != 1+2*3 {
		t.Errorf("%d records, %v:\n%s", len(records), err, b.String())
	}
	if err := plots[0].Picture.Draw(&b, reports.FigureOptions{}); err != nil {
		t.Error(err)
	}
}
