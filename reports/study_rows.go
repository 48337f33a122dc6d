package reports

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"strconv"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/study"
)

// column is one of the tidy table of a study: a value has its type, or is nil where there is none.
type column struct {
	name string
	kind columnKind
	at   func(c *study.Cell, r *study.Row) any // string, float64, int64 or bool; nil
}

type columnKind int

const (
	textColumn columnKind = iota
	floatColumn
	intColumn
	boolColumn
)

// studyColumns are those of a result: what was asked, what was answered, how sure that is, and
// what it comes from. A row can be understood on its own.
func studyColumns(res *study.Result) []column {
	f := res.Plan.File
	text := func(name string, at func(*study.Cell, *study.Row) string) column {
		return column{name, textColumn, func(c *study.Cell, r *study.Row) any {
			if s := at(c, r); s != "" {
				return s
			}
			return nil
		}}
	}
	number := func(name string, at func(*study.Row) float64) column {
		return column{name, floatColumn, func(_ *study.Cell, r *study.Row) any {
			if x := at(r); !math.IsNaN(x) {
				return x
			}
			return nil
		}}
	}
	sampled := func(name string, at func(*study.Row) int64) column {
		return column{name, intColumn, func(_ *study.Cell, r *study.Row) any {
			if r.Sampled() {
				return at(r)
			}
			return nil
		}}
	}
	columns := []column{
		text("study", func(*study.Cell, *study.Row) string { return f.Name }),
		{"cell", intColumn, func(c *study.Cell, _ *study.Row) any { return int64(c.Index) }},
		text("role", func(c *study.Cell, _ *study.Row) string { return c.Role }),
		text("varied", func(c *study.Cell, _ *study.Row) string { return c.Varied }),
	}
	columns = append(columns, inputColumns(res.Plan)...)
	return append(columns,
		text("ask", func(_ *study.Cell, r *study.Row) string { return f.Asks[r.Ask].Name }),
		text("measure", func(_ *study.Cell, r *study.Row) string { return f.Asks[r.Ask].Measure }),
		text("unit", func(_ *study.Cell, r *study.Row) string { return unitOf(f.Asks[r.Ask].Measure) }),
		text("engine", func(_ *study.Cell, r *study.Row) string { return r.Engine }),
		text("method", func(_ *study.Cell, r *study.Row) string { return r.Method }),
		number("value", func(r *study.Row) float64 { return float64(r.Value) }),
		number("low", func(r *study.Row) float64 { return float64(r.Low) }),
		number("high", func(r *study.Row) float64 { return float64(r.High) }),
		number("level", func(r *study.Row) float64 {
			if !r.Estimate() {
				return math.NaN()
			}
			return f.Precision.Level
		}),
		sampled("samples", func(r *study.Row) int64 { return r.N }),
		sampled("hits", func(r *study.Row) int64 { return r.Hits }),
		number("ess", func(r *study.Row) float64 {
			if !r.Sampled() {
				return math.NaN()
			}
			return float64(r.ESS)
		}),
		sampled("seed", func(r *study.Row) int64 { return int64(r.Seed) }),
		column{"coarse", boolColumn, func(_ *study.Cell, r *study.Row) any { return r.Coarse }},
		text("note", func(_ *study.Cell, r *study.Row) string { return r.Note }),
		text("error", func(_ *study.Cell, r *study.Row) string { return r.Error }),
		text("version", func(*study.Cell, *study.Row) string { return res.Version }),
		text("input", func(*study.Cell, *study.Row) string { return f.Hash[:16] }),
	)
}

// eachRow goes through the rows of a result, with the cell of each.
func eachRow(res *study.Result, f func(c *study.Cell, r *study.Row) error) error {
	var cell study.Cell
	for i := range res.Rows {
		r := &res.Rows[i]
		if i == 0 || r.Cell != cell.Index {
			cell = res.Plan.Cell(r.Cell)
		}
		if err := f(&cell, r); err != nil {
			return err
		}
	}
	return nil
}

// inputColumns are the inputs of the cells. One that is a word anywhere is text everywhere.
func inputColumns(p *study.Plan) []column {
	var out []column
	for i, name := range p.Columns {
		kind := floatColumn
		for _, v := range p.Values(i) {
			if _, number := v.(float64); !number {
				kind = textColumn
			}
		}
		out = append(out, column{name, kind, func(c *study.Cell, _ *study.Row) any {
			if kind == textColumn {
				return inputText(c.Inputs[i])
			}
			return c.Inputs[i]
		}})
	}
	return out
}

// inputText is an input as a table shows it.
func inputText(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	}
	return ""
}

func unitOf(measure string) string {
	if m, err := model.Find(measure); err == nil {
		return m.Unit
	}
	return ""
}

// WriteStudyCSV writes the tidy table of a study, exact to the last digit: one row a cell, question
// and engine. What is not there is empty; infinity is inf.
func WriteStudyCSV(w io.Writer, res *study.Result) error {
	out := csv.NewWriter(w)
	columns := studyColumns(res)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	err := eachRow(res, func(cell *study.Cell, r *study.Row) error {
		for j, c := range columns {
			record[j] = csvText(c.at(cell, r))
		}
		return out.Write(record)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func csvText(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if math.IsInf(v, 0) {
			return map[bool]string{true: "inf", false: "-inf"}[v > 0]
		}
	}
	return inputText(v)
}

// WriteStudyJSON writes the same table as JSON lines. What is not there is left out; infinities are
// the strings "+inf" and "-inf", since JSON has none.
func WriteStudyJSON(w io.Writer, res *study.Result) error {
	out := bufio.NewWriter(w)
	columns := studyColumns(res)
	var line []byte
	err := eachRow(res, func(cell *study.Cell, r *study.Row) error {
		line = append(line[:0], '{')
		for _, c := range columns {
			v := c.at(cell, r)
			if v == nil {
				continue
			}
			if x, ok := v.(float64); ok {
				v = model.Number(x)
			}
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if len(line) > 1 {
				line = append(line, ',')
			}
			line = append(strconv.AppendQuote(line, c.name), ':') // names are ASCII
			line = append(line, text...)
		}
		line = append(line, "}\n"...)
		_, err := out.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
