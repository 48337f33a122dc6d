package study

import (
	"math"

	"github.com/container-football/pitch/model"
)

// A Row is the answer of one engine to one question in one cell.
type Row struct {
	Cell   int          `json:"-"` // index
	Ask    int          `json:"ask"`
	Engine string       `json:"engine"`
	Method string       `json:"method,omitempty"`
	Value  model.Number `json:"value"` // NaN if there is none: Error says why
	Low    model.Number `json:"low"`   // of the interval of an estimate, else NaN
	High   model.Number `json:"high"`
	Hits   int64        `json:"hits,omitempty"`
	N      int64        `json:"samples,omitempty"`
	ESS    model.Number `json:"ess,omitempty"` // effective sample size of the hits
	Seed   uint64       `json:"seed,omitempty"`
	Coarse bool         `json:"coarse,omitempty"` // the wanted relative error was not reached
	Note   string       `json:"note,omitempty"`
	Error  string       `json:"error,omitempty"`
}

// Estimate says whether the value has an interval.
func (r *Row) Estimate() bool { return !math.IsNaN(float64(r.Low)) }

// Sampled says whether the value rests on samples.
func (r *Row) Sampled() bool { return r.N > 0 }

var none = model.Number(math.NaN())

func newRow(ask int, engine string, seed uint64, a model.Answer, err error) Row {
	r := Row{Ask: ask, Engine: engine, Value: none, Low: none, High: none}
	if err != nil {
		r.Error = plain(err)
		return r
	}
	r.Method, r.Value, r.Note = string(a.Method), model.Number(a.Value), a.Note
	if a.Interval != nil {
		r.Low, r.High = model.Number(a.Interval.Low), model.Number(a.Interval.High)
	}
	if s := a.Sampling; s != nil {
		r.N, r.Hits, r.ESS, r.Seed, r.Coarse = s.Samples, s.Hits, model.Number(s.ESS), seed, !s.Converged
	}
	return r
}
