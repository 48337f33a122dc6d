package study

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/container-football/pitch/model"
)

// A Row is the answer of one engine to one question in one cell.
type Row struct {
	Cell   int         `json:"-"` // index
	Ask    int         `json:"ask"`
	Engine string      `json:"engine"`
	Method string      `json:"method,omitempty"`
	Value  Number      `json:"value"` // NaN if there is none: Error says why
	Low    Number      `json:"low"`   // of the interval of an estimate, else NaN
	High   Number      `json:"high"`
	Hits   int64       `json:"hits,omitempty"`
	N      int64       `json:"samples,omitempty"`
	ESS    Number      `json:"ess,omitempty"` // effective sample size of the hits
	Seed   uint64      `json:"seed,omitempty"`
	Coarse bool        `json:"coarse,omitempty"` // the wanted relative error was not reached
	Sizes  *[4]float64 `json:"sizes,omitempty"`  // of the measure "size": P50, P90, P99, largest
	Note   string      `json:"note,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// Estimate says whether the value has an interval.
func (r *Row) Estimate() bool { return !math.IsNaN(float64(r.Low)) }

// Sampled says whether the value rests on samples.
func (r *Row) Sampled() bool { return r.N > 0 }

func newRow(ask int, engine string, seed uint64, a model.Answer, err error) Row {
	r := Row{Ask: ask, Engine: engine, Value: none, Low: none, High: none}
	if err != nil {
		r.Error = plain(err)
		return r
	}
	r.Method, r.Value, r.Note = string(a.Method), Number(a.Value), a.Note
	if a.Interval != nil {
		r.Low, r.High = Number(a.Interval.Low), Number(a.Interval.High)
	}
	if s := a.Sampling; s != nil {
		r.N, r.Hits, r.ESS, r.Seed, r.Coarse = s.Samples, s.Hits, Number(s.ESS), seed, !s.Converged
	}
	if s := a.Sizes; s != nil {
		r.Sizes = &[4]float64{s.P50, s.P90, s.P99, s.Max}
	}
	return r
}

// Number is a float64 that survives JSON, which has no infinities and no NaN: those are strings.
type Number float64

var none = Number(math.NaN())

// MarshalJSON implements json.Marshaler; the value comes back exactly.
func (n Number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return json.Marshal(strconv.FormatFloat(x, 'g', -1, 64))
	}
	return strconv.AppendFloat(nil, x, 'g', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(data []byte) error {
	text := string(data)
	if len(text) > 1 && text[0] == '"' {
		switch text = text[1 : len(text)-1]; text {
		case "NaN", "+Inf", "-Inf":
		default:
			return fmt.Errorf("%q is not a number", text)
		}
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%.40q is not a number", text)
	}
	*n = Number(x)
	return nil
}
