package model

import (
	"context"
	"errors"
	"maps"
	"math"
)

// Comparison are the parameters of a table that holds placements against each other.
type Comparison struct {
	N, K     int     // units of K servers, with one volume each
	P        float64 // probability that a server is down at a random moment
	T        float64 // hours of observation
	Lambda   float64 // permanent failures of a server per hour
	Mu       float64 // rebuilds per hour, at the speed of a pair
	Outage   float64 // share of the servers that do not come back after a power outage
	Clusters int     // of the column between shards and one BigCluster
	Scatter  int     // width of the copysets; 0: 2(K-1)
}

// A Column is a placement of a table.
type Column struct {
	Name   string
	params Params
}

// A Row is one question, answered for all columns.
type Row struct {
	Question string
	Unit     string
	Higher   bool // the higher the better
	Answers  []Answer
	Known    []bool // parallel to Answers; the Note of one that is not says why
	Best     []bool // parallel to Answers; all of those that no other beats clearly
}

// clearly is by how much an answer must beat another for a difference to count, besides their
// intervals: a factor.
const clearly = 1.05

// Compare answers the questions that people decide by for four placements. progress, if set, is
// called before each answer.
func (c Comparison) Compare(ctx context.Context, opt Options, progress func(done, of int)) (
	[]Column, []Row, error) {
	if c.Scatter == 0 {
		c.Scatter = 2 * (c.K - 1)
	}
	base := Params{"n": float64(c.N), "k": float64(c.K)}
	columns := []Column{
		{"shards", Params{"placement": "shards"}},
		{"copysets", Params{"placement": "copysets", "S": float64(c.Scatter)}},
		{"clusters", Params{"placement": "clusters", "clusters": float64(c.Clusters)}},
		{"BigCluster", Params{"placement": "bigcluster"}},
	}
	down := Params{"p": c.P}
	lose := func(rebuild string) Params {
		return Params{"lambda_per_h": c.Lambda, "mu_per_h": c.Mu, "rebuild": rebuild}
	}
	rows := []struct {
		Row
		measure string
		params  Params
	}{
		{Row{Question: "some volume is down", Unit: "probability"}, "incident", down},
		{Row{Question: "volumes down at once, when any is", Unit: "mean"}, "size", down},
		{Row{Question: "a given volume is down", Unit: "probability"}, "unavailability", down},
		{Row{Question: "downtime of all volumes", Unit: "hours"}, "downtime",
			Params{"p": c.P, "T": c.T}},
		{Row{Question: "storage that is down", Unit: "share, expected"}, "storage", down},
		{Row{Question: "a power outage loses data", Unit: "probability"}, "outage", Params{"q": c.Outage}},
		{Row{Question: "time to data loss, rebuild at pair speed", Unit: "hours", Higher: true}, "mttdl",
			lose("pair-speed")},
		{Row{Question: "time to data loss, all nodes rebuild", Unit: "hours", Higher: true}, "mttdl",
			lose("declustered")},
		{Row{Question: "the same, critical data first", Unit: "hours", Higher: true}, "mttdl",
			lose("critical-first")},
	}
	var out []Row
	for i, r := range rows {
		for j, column := range columns {
			if progress != nil {
				progress(i*len(columns)+j, len(rows)*len(columns))
			}
			params := maps.Clone(base)
			maps.Copy(params, r.params)
			maps.Copy(params, column.params)
			a, err := Ask(ctx, r.measure, params, opt)
			if err != nil && (!errors.Is(err, ErrBadInput) || column.Name == "shards") {
				return nil, nil, err // what shards cannot be asked is wrong for all
			}
			if err != nil {
				a.Note = err.Error()
			}
			r.Answers, r.Known = append(r.Answers, a), append(r.Known, err == nil)
		}
		r.judge()
		out = append(out, r.Row)
	}
	return columns, out, nil
}

// judge marks every answer that no other beats clearly.
func (r *Row) judge() {
	r.Best = make([]bool, len(r.Answers))
	for i := range r.Answers {
		r.Best[i] = r.Known[i]
		for j := range r.Answers {
			if r.Known[i] && r.Known[j] && r.beats(j, i) {
				r.Best[i] = false
			}
		}
	}
}

func (r *Row) beats(i, j int) bool {
	low, high := bounds(r.Answers[i])
	otherLow, otherHigh := bounds(r.Answers[j])
	if r.Higher {
		return low > clearly*otherHigh
	}
	return clearly*high < otherLow
}

func bounds(a Answer) (low, high float64) {
	if a.Interval == nil {
		return a.Value, a.Value
	}
	return a.Interval.Low, math.Max(a.Interval.High, a.Value)
}
