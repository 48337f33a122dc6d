// Package drives takes failure rates from tables of real fleets, in the format of Backblaze's
// drive statistics: CSV files with one line for each drive and day, of which it reads the columns
// date, serial_number, model and failure. Other columns are ignored.
package drives

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/container-football/pitch/model/prob"
)

// A Model is what a table says of one model of drive.
type Model struct {
	Name     string
	Drives   int // different serial numbers
	Days     int // drive-days of service
	Failures int

	// AFR is the annualised failure rate: failures a year of service, 365 days. Low and High are
	// its exact 95 % interval, for failures that come independently (Garwood, Biometrika 1936).
	AFR, Low, High float64
}

// LambdaPerHour is the failure rate of a drive.
func (m Model) LambdaPerHour() float64 { return m.AFR / (365 * 24) }

// A TableError is a place in a table that cannot be read.
type TableError struct {
	File string
	Line int
	What string
}

func (e *TableError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What) }

// A Table adds up one or more files.
type Table struct {
	models map[string]*count
}

type count struct {
	serials        map[string]struct{}
	days, failures int
}

// Read adds a file; name is for messages. On an error the table must not be used any more: it is
// a *TableError for a line that cannot be read, or one of r.
func (t *Table) Read(name string, r io.Reader) error {
	if t.models == nil {
		t.models = map[string]*count{}
	}
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return &TableError{name, 1, "empty; expected a header line with date, serial_number, model, failure"}
	}
	if err != nil {
		return located(name, err)
	}
	var at [4]int
	for i, column := range []string{"date", "serial_number", "model", "failure"} {
		if at[i] = slices.IndexFunc(header, func(h string) bool {
			return strings.TrimPrefix(h, "\ufeff") == column
		}); at[i] < 0 {
			return &TableError{name, 1, fmt.Sprintf("no column %s; expected date, serial_number, model, failure",
				column)}
		}
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return located(name, err)
		}
		if err := t.add(record[at[0]], record[at[1]], record[at[2]], record[at[3]]); err != nil {
			line, _ := in.FieldPos(0)
			return &TableError{name, line, err.Error()}
		}
	}
}

// located adds the place to an error of the CSV format, or the file to another one.
func located(name string, err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &TableError{name, parse.Line, parse.Err.Error()}
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (t *Table) add(date, serial, model, failure string) error {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fmt.Errorf("date %q: expected YYYY-MM-DD", date)
	}
	if serial == "" || model == "" {
		return errors.New("serial_number and model must not be empty")
	}
	if failure != "0" && failure != "1" {
		return fmt.Errorf("failure %q: expected 0 or 1", failure)
	}
	c := t.models[model]
	if c == nil {
		c = &count{serials: map[string]struct{}{}}
		t.models[strings.Clone(model)] = c
	}
	if _, known := c.serials[serial]; !known {
		c.serials[strings.Clone(serial)] = struct{}{}
	}
	c.days++
	if failure == "1" {
		c.failures++
	}
	return nil
}

// Models lists the models, those with most days of service first, and all together as the last,
// with an empty name.
func (t *Table) Models() []Model {
	var list []Model
	all := Model{}
	for _, name := range slices.Sorted(maps.Keys(t.models)) {
		c := t.models[name]
		list = append(list, rates(Model{Name: name, Drives: len(c.serials), Days: c.days,
			Failures: c.failures}))
		all.Drives += len(c.serials)
		all.Days += c.days
		all.Failures += c.failures
	}
	slices.SortStableFunc(list, func(a, b Model) int { return cmp.Compare(b.Days, a.Days) })
	if len(list) == 0 {
		return nil
	}
	return append(list, rates(all))
}

func rates(m Model) Model {
	years := float64(m.Days) / 365
	low, high := prob.PoissonInterval(m.Failures, 0.95)
	m.AFR, m.Low, m.High = float64(m.Failures)/years, low/years, high/years
	return m
}
