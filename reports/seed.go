package reports

import (
	"context"
	"fmt"
	"math"

	"github.com/container-football/pitch/model"
)

// SeedFigure are the parameters of the figure that the presentation on MARS and Football begins
// with. The zero value of a field is what is drawn there.
type SeedFigure struct {
	P        float64 // probability that a server is down, within (0, 1]; 0: 1e-4
	T        float64 // hours of observation; 0: 1/P
	S        float64 // spread exponent: 0 services, 1 mountpoints
	Most     int     // units at the right end of the axis; 0: 10,000
	Replicas int     // most of them, at most 6; 0: 4
}

// BigClusterVsSharding is the downtime of all applications together over the number of units, for
// 1 to Replicas replicas and both architectures. The expectation weighted by size is there twice:
// as the guide prints it, dashed, and exactly, where it is the line of the shards.
func BigClusterVsSharding(ctx context.Context, o SeedFigure) (*Curves, error) {
	if o.P == 0 {
		o.P = 1e-4
	}
	if o.T == 0 {
		o.T = 1 / o.P
	}
	if o.Most == 0 {
		o.Most = 10_000
	}
	if o.Replicas == 0 {
		o.Replicas = 4
	}
	if o.Replicas < 1 || o.Replicas > 6 {
		return nil, fmt.Errorf("%w: k = %d: must be within 1 and 6", model.ErrBadInput, o.Replicas)
	}
	kind := "services"
	if o.S != 0 {
		kind = fmt.Sprintf("s = %g", o.S)
	}
	if o.S == 1 {
		kind = "mountpoints"
	}
	f := &Curves{
		Title:    "Downtime of a BigCluster and of shards, " + kind,
		Subtitle: fmt.Sprintf("each server down with p = %g, independently; %g hours", o.P, o.T),
		X:        Axis{Label: "n, units of k servers with one volume each", Max: float64(o.Most)},
		Y:        Axis{Label: "downtime of all applications together (hours)"},
	}
	add := func(name, measure string, k, group int) error {
		c := Curve{Name: name, Source: measure, Group: group, Shade: k - 1}
		if measure == "downtime.limit" {
			c.Shade = 5
		}
		for _, n := range units(o.Most) {
			a, err := model.Ask(ctx, measure, model.Params{"n": float64(n), "k": float64(k), "s": o.S,
				"p": o.P, "T": o.T}, model.Options{})
			if err != nil {
				return err
			}
			c.X, c.Y = append(c.X, float64(n)), append(c.Y, a.Value)
		}
		f.Curves = append(f.Curves, c)
		return nil
	}
	if err := add("limit: all down", "downtime.limit", 1, 3); err != nil {
		return nil, err
	}
	for k := 1; k <= o.Replicas; k++ {
		if err := add(fmt.Sprintf("BigCluster, k = %d", k), "downtime.bigcluster", k, 0); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("shards; exact weighted, k = %d", k)
		if err := add(name, "downtime.shards", k, 1); err != nil {
			return nil, err
		}
		if k == 1 {
			continue // one replica has no weighting: as printed it is the line of BigCluster's slope
		}
		name = fmt.Sprintf("weighted as printed, k = %d", k)
		if err := add(name, "downtime.bigcluster-weighted-published", k, 2); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// units are whole numbers from 1 to most, about equally far apart on a logarithmic axis.
func units(most int) []int {
	var out []int
	for x := 0.0; ; x += 0.1 {
		n := min(most, int(math.Round(math.Pow(10, x))))
		if len(out) == 0 || n > out[len(out)-1] {
			out = append(out, n)
		}
		if n == most {
			return out
		}
	}
}
