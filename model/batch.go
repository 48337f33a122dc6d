package model

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A Query is one line of a batch.
type Query struct {
	ID      string `json:"id"`
	Measure string `json:"measure"`
	Params  Params `json:"params"`
}

// A Reply is the answer to one line of a batch, with the same id. Either Error is set or Value is.
type Reply struct {
	ID       string     `json:"id,omitempty"`
	Value    *Number    `json:"value,omitempty"`
	Method   Method     `json:"method,omitempty"`
	Interval []Number   `json:"interval,omitempty"` // low, high
	Level    float64    `json:"level,omitempty"`    // of the interval
	Samples  int64      `json:"samples,omitempty"`
	Hits     int64      `json:"hits,omitempty"`
	ESS      float64    `json:"ess,omitempty"`
	Seed     *uint64    `json:"seed,omitempty"`
	Coarse   bool       `json:"coarse,omitempty"` // the wanted relative error was not reached
	Sizes    *SizeTable `json:"sizes,omitempty"`
	Note     string     `json:"note,omitempty"`
	Check    *Second    `json:"check,omitempty"`
	Error    string     `json:"error,omitempty"`
}

// Second is the answer of another method to the same question.
type Second struct {
	Value    Number   `json:"value"`
	Method   Method   `json:"method"`
	Interval []Number `json:"interval,omitempty"`
	Agree    bool     `json:"agree"`
}

// SizeTable is a distribution of incident sizes.
type SizeTable struct {
	P50   float64   `json:"p50"`
	P90   float64   `json:"p90"`
	P99   float64   `json:"p99"`
	Max   float64   `json:"max"`
	At    []float64 `json:"at"`
	Share []float64 `json:"share"`
}

// NewReply is the answer in the form of a batch.
func NewReply(id string, a Answer) Reply {
	value := Number(a.Value)
	r := Reply{ID: id, Value: &value, Method: a.Method, Note: a.Note}
	if a.Interval != nil {
		r.Interval, r.Level = []Number{Number(a.Interval.Low), Number(a.Interval.High)}, a.Interval.Level
	}
	if s := a.Sampling; s != nil {
		r.Samples, r.Hits, r.ESS, r.Seed = s.Samples, s.Hits, s.ESS, &s.Seed
		r.Coarse = !s.Converged
	}
	if s := a.Sizes; s != nil {
		r.Sizes = &SizeTable{P50: s.P50, P90: s.P90, P99: s.P99, Max: s.Max, At: s.At, Share: s.Share}
	}
	return r
}

// NewCheckedReply is the answer with that of the second method.
func NewCheckedReply(id string, c Check) Reply {
	r, second := NewReply(id, c.First), NewReply(id, c.Second)
	r.Check = &Second{Value: *second.Value, Method: second.Method, Interval: second.Interval,
		Agree: c.Agree}
	return r
}

// Reply answers a query; what is wrong with it stands in the reply.
func (q Query) Reply(ctx context.Context, opt Options, crossCheck bool) Reply {
	if crossCheck {
		c, err := CrossCheck(ctx, q.Measure, q.Params, opt)
		if err != nil {
			return Reply{ID: q.ID, Error: err.Error()}
		}
		return NewCheckedReply(q.ID, c)
	}
	a, err := Ask(ctx, q.Measure, q.Params, opt)
	if err != nil {
		return Reply{ID: q.ID, Error: err.Error()}
	}
	return NewReply(q.ID, a)
}

// A Number is a float64 that JSON may have no number for: infinities and NaN are written by name.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); math.IsInf(x, 0) || math.IsNaN(x) {
		return json.Marshal(strings.ToLower(fmt.Sprint(x))) // "+inf", "-inf", "nan"
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements json.Unmarshaler; what MarshalJSON has written comes back exactly.
func (n *Number) UnmarshalJSON(data []byte) error {
	text := string(data)
	if len(text) > 1 && text[0] == '"' {
		switch text = text[1 : len(text)-1]; text {
		case "nan", "+inf", "-inf":
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

// mostLine is the longest line of a batch, in bytes.
const mostLine = 1 << 20

// Batch answers every line of r by one line of w, in order. A line that cannot be answered is
// answered by an error, and does not keep the others from being answered: failed counts them. The
// error is one of reading, of writing, or of ctx.
func Batch(ctx context.Context, r io.Reader, w io.Writer, opt Options, crossCheck bool) (
	failed int, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	out := bufio.NewWriter(w)
	defer func() { err = errors.Join(err, out.Flush()) }()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for n := 1; ; n++ {
		line, more, err := readLine(in)
		if err != nil {
			return failed, err
		}
		if reply, any := answerLine(ctx, n, line, opt, crossCheck); any {
			if err := ctx.Err(); err != nil {
				return failed, err
			}
			if reply.Error != "" {
				failed++
			}
			if err := enc.Encode(reply); err != nil {
				return failed, err
			}
			if in.Buffered() == 0 { // an interactive asker waits for it
				if err := out.Flush(); err != nil {
					return failed, err
				}
			}
		}
		if !more {
			return failed, nil
		}
	}
}

// readLine reads up to and without the next line end; what is beyond mostLine is dropped, and the
// line then cannot be valid JSON. more is false at the end of the input.
func readLine(in *bufio.Reader) (line []byte, more bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line) <= mostLine {
			line = append(line, part...)
		}
		switch {
		case err == nil:
			return line, true, nil
		case errors.Is(err, io.EOF):
			return line, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
	}
}

func answerLine(ctx context.Context, n int, line []byte, opt Options, crossCheck bool) (Reply, bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return Reply{}, false
	}
	q, err := parseQuery(line)
	if err != nil {
		return Reply{ID: q.ID, Error: fmt.Sprintf("line %d: %v", n, err)}, true
	}
	reply := q.Reply(ctx, opt, crossCheck)
	if reply.Error != "" {
		reply.Error = fmt.Sprintf("line %d: %s", n, reply.Error)
	}
	return reply, true
}

// parseQuery reads a line strictly, but for members that only a file of worked values has.
func parseQuery(line []byte) (Query, error) {
	var q struct {
		Query
		Expect any `json:"expect"` // of worked values; not ours to judge here
		RelTol any `json:"rel_tol"`
	}
	if len(line) > mostLine {
		return Query{}, fmt.Errorf("longer than %d bytes", mostLine)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		var partial struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(line, &partial) // for the reply, as far as it can be known
		return Query{ID: partial.ID}, fmt.Errorf(
			`expected {"id": "…", "measure": "…", "params": {…}}: %w`, err)
	}
	if dec.More() {
		return q.Query, errors.New("more than one JSON value on the line")
	}
	if q.Measure == "" {
		return q.Query, errors.New(`"measure" is missing`)
	}
	return q.Query, nil
}
