package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/scenario"
)

// JSONSchema is the number of the form that [WriteJSON] writes. Fields may be added under the
// same number; readers ignore those they do not know.
const JSONSchema = 1

// ErrJSONSchema is returned by [ReadJSON] for a form that it does not read.
var ErrJSONSchema = errors.New("the results have a form that this version does not read")

// WriteJSON writes results as one JSON document, described in docs/reference/reports.md. It
// holds all of a result but its history, samples and replay file.
func WriteJSON(w io.Writer, results []*scenario.Result) error {
	doc := jsonDocument{Schema: JSONSchema, Results: make([]jsonResult, len(results))}
	for i, res := range results {
		doc.Results[i] = toJSON(res)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&doc); err != nil {
		return fmt.Errorf("results as JSON: %w", err)
	}
	return nil
}

// ReadJSON reads what [WriteJSON] wrote.
func ReadJSON(r io.Reader) ([]*scenario.Result, error) {
	var doc jsonDocument
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("results as JSON: %w", err)
	}
	if doc.Schema != JSONSchema {
		return nil, fmt.Errorf("%w: schema %d, not %d", ErrJSONSchema, doc.Schema, JSONSchema)
	}
	out := make([]*scenario.Result, len(doc.Results))
	for i := range doc.Results {
		res, err := doc.Results[i].result()
		if err != nil {
			return nil, fmt.Errorf("results as JSON: result %d: %w", i, err)
		}
		out[i] = res
	}
	return out, nil
}

type jsonDocument struct {
	Schema  int          `json:"schema"`
	Results []jsonResult `json:"results"`
}

// jsonResult takes the tags of scenario.Result and writes those parts anew whose types have no
// tags of their own, so that names in the file do not follow names in the code.
type jsonResult struct {
	*scenario.Result
	Outcome string      `json:"outcome"`
	Checks  []jsonCheck `json:"checks"`
	Losses  []jsonLoss  `json:"losses,omitempty"`
}

type jsonCheck struct {
	Check     string         `json:"check"`
	Verdict   check.Verdict  `json:"verdict"`
	Note      string         `json:"note,omitempty"`
	Violation *jsonViolation `json:"violation,omitempty"`
}

type jsonViolation struct {
	Summary string       `json:"summary"`
	Ops     []jsonOp     `json:"ops,omitempty"`
	Records []jsonRecord `json:"records,omitempty"`
	Why     []string     `json:"why,omitempty"`
}

// jsonOp has the names of docs/reference/history.md.
type jsonOp struct {
	Client   int    `json:"client"`
	Op       string `json:"op"`
	Resource string `json:"resource,omitempty"`
	Sector   uint64 `json:"sector"`
	ID       uint64 `json:"id"`
	Call     int64  `json:"call"`
	Return   *int64 `json:"return"` // null: no answer came
	Host     string `json:"host,omitempty"`
	Epoch    uint64 `json:"epoch,omitempty"`
}

type jsonRecord struct {
	Seq    uint64 `json:"seq"`
	Sector uint64 `json:"sector"`
	N      uint32 `json:"n"`
	ID     uint64 `json:"id"`
}

type jsonLoss struct {
	Resource string       `json:"resource"`
	Ops      int          `json:"ops"`
	Records  int          `json:"records"`
	Bytes    int64        `json:"bytes"`
	For      int64        `json:"for_ns"`
	Reported jsonReported `json:"reported"`
}

type jsonReported struct {
	Ops   uint64 `json:"ops"`
	Bytes int64  `json:"bytes"`
	Age   int64  `json:"age_ns"`
}

func toJSON(res *scenario.Result) jsonResult {
	copied := *res
	copied.Repeat = Repeat(res)
	if copied.Fired == nil {
		copied.Fired = []scenario.Fired{}
	}
	out := jsonResult{Result: &copied, Outcome: res.Outcome.String(), Checks: []jsonCheck{}}
	for i := range res.Checks {
		c := &res.Checks[i]
		out.Checks = append(out.Checks, jsonCheck{c.Check, c.Verdict, c.Note, violation(c)})
	}
	for _, l := range res.Losses {
		out.Losses = append(out.Losses, jsonLoss{l.Resource, l.Ops, l.Records, l.Bytes,
			int64(l.For), jsonReported{l.Reported.Ops, l.Reported.Bytes, int64(l.Reported.Age)}})
	}
	return out
}

func violation(c *check.Result) *jsonViolation {
	v := c.Violation
	if v == nil {
		return nil
	}
	out := &jsonViolation{Summary: v.Summary, Why: v.Why}
	for _, op := range v.Ops {
		o := jsonOp{op.Client, op.Kind.String(), op.Resource, op.Sector, op.ID, op.Call, nil,
			op.Host, op.Epoch}
		if !op.Unknown {
			o.Return = &op.Return
		}
		out.Ops = append(out.Ops, o)
	}
	for _, r := range v.Records {
		out.Records = append(out.Records, jsonRecord(r))
	}
	return out
}

func (j *jsonResult) result() (*scenario.Result, error) {
	res := j.Result
	if res == nil {
		return nil, errors.New("it is empty")
	}
	if err := res.Outcome.UnmarshalText([]byte(j.Outcome)); err != nil {
		return nil, err
	}
	for _, c := range j.Checks {
		v, err := c.Violation.violation()
		if err != nil {
			return nil, err
		}
		res.Checks = append(res.Checks, check.Result{Check: c.Check, Verdict: c.Verdict,
			Note: c.Note, Violation: v})
	}
	for _, l := range j.Losses {
		res.Losses = append(res.Losses, scenario.Loss{Resource: l.Resource, Ops: l.Ops,
			Records: l.Records, Bytes: l.Bytes, For: time.Duration(l.For), Reported: replica.Loss{
				Ops: l.Reported.Ops, Bytes: l.Reported.Bytes, Age: node.Time(l.Reported.Age)}})
	}
	return res, nil
}

func (j *jsonViolation) violation() (*check.Violation, error) {
	if j == nil {
		return nil, nil
	}
	v := &check.Violation{Summary: j.Summary, Why: j.Why}
	for _, o := range j.Ops {
		op := check.Op{Client: o.Client, Kind: check.Read, Resource: o.Resource, Sector: o.Sector,
			ID: o.ID, Call: o.Call, Unknown: o.Return == nil, Host: o.Host, Epoch: o.Epoch}
		switch o.Op {
		case check.Read.String():
		case check.Write.String():
			op.Kind = check.Write
		default:
			return nil, fmt.Errorf("no operation is called %q", o.Op)
		}
		if o.Return != nil {
			op.Return = *o.Return
		}
		v.Ops = append(v.Ops, op)
	}
	for _, r := range j.Records {
		v.Records = append(v.Records, check.Record(r))
	}
	return v, nil
}
