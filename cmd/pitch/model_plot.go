package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/container-football/pitch/reports"
)

type modelPlotCmd struct {
	Figure string  `arg:"" enum:"bigcluster-vs-sharding" help:"Which: bigcluster-vs-sharding."`
	Out    string  `default:"out/plots" placeholder:"DIR" help:"Where to write NAME.svg, NAME.png and NAME.csv."`
	P      float64 `name:"p" short:"p" default:"1e-4" help:"Probability that a server is down."`
	T      float64 `name:"T" short:"T" default:"0" help:"Hours of observation; 0: 1/p."`
	S      float64 `name:"s" short:"s" default:"0" help:"Spread exponent: 0 services, 1 mountpoints."`
	Most   int     `name:"n" short:"n" default:"10000" help:"Units at the right end of the axis."`
	K      int     `name:"k" short:"k" default:"4" help:"Most replicas."`
}

func (c *modelPlotCmd) Help() string {
	return `bigcluster-vs-sharding: downtime of all applications together over the size of the system,
for 1 to k replicas: shards, BigCluster, what MARS's guide prints for a BigCluster weighted by
size, and what that should have been, which is the line of the shards.`
}

func (c *modelPlotCmd) Run(s *streams) error {
	f, err := reports.BigClusterVsSharding(s.ctx, reports.SeedFigure{P: c.P, T: c.T, S: c.S, Most: c.Most,
		Replicas: c.K})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return inaccessible(c.Out, "created", err)
	}
	for _, format := range []string{"svg", "png", "csv"} {
		path := filepath.Join(c.Out, c.Figure+"."+format)
		err := writeFile(path, func(w *os.File) error {
			if format == "csv" {
				return f.WriteCSV(w)
			}
			return f.Draw(w, reports.FigureOptions{Format: format})
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, path)
	}
	return nil
}
