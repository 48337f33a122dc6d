package study

import (
	"context"
	"testing"
)

// tenThousand is a sweep of 10,000 cells over the general measures, all in closed form.
const tenThousand = `
schema = 1
name   = "ten-thousand"
title  = "A sweep of closed forms"

[params]
k = 3

[[axis]]
param  = "n"
from   = 1
to     = 10_000
points = 125
scale  = "log"
whole  = true

[[axis]]
param  = "p"
from   = 1e-6
to     = 1e-2
points = 100
scale  = "log"

[[ask]]
name    = "shards"
measure = "incident"
params  = { placement = "shards" }

[[ask]]
name    = "BigCluster"
measure = "incident"
params  = { placement = "bigcluster" }
`

// BenchmarkTenThousandCells runs a sweep from its file to its journal, on one core.
func BenchmarkTenThousandCells(b *testing.B) {
	cells := 0
	for b.Loop() {
		p := planOf(b, tenThousand)
		r, err := Run(context.Background(), p, Options{Dir: b.TempDir(), Version: "1", Threads: 1})
		if err != nil || r.Failed() > 0 {
			b.Fatal(err)
		}
		cells = p.Cells()
	}
	b.ReportMetric(float64(cells), "cells")
}

// BenchmarkFigureOfTheGuide answers all questions of the study bigcluster-vs-sharding, in memory.
func BenchmarkFigureOfTheGuide(b *testing.B) {
	f, err := Load("../studies/bigcluster-vs-sharding.toml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p, err := f.Plan(nil)
		if err != nil {
			b.Fatal(err)
		}
		for i := range p.Cells() {
			if _, err := p.answer(context.Background(), p.Cell(i)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
