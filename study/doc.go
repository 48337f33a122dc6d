// Package study sweeps parameters of the reliability modeler: it reads a study file, asks every
// question of it in every cell of a grid, and keeps what is answered so that a run that was
// killed goes on where it stopped and ends with the same bytes.
//
//	f, err := study.Load("studies/copysets.toml")
//	p, err := f.Plan(study.Engines{"fleet": fleet})
//	r, err := study.Run(ctx, p, study.Options{Dir: "out/copysets"})
//	// r.Rows: one row a cell, question and engine
//
// A study is axes (lists, ranges), uncertain inputs that are sampled together (Sobol points,
// Latin hypercube), and asks: measures of package model with their parameters. A [Plan] lists the
// cells that follow from it. Each is answered on its own, with a random stream that depends on
// what is asked and on nothing else, so that cells may be answered in any order, by any number of
// cores, in shards on other machines, and be put together by [Merge].
//
// What has been answered stands in a journal, one line a cell with a checksum. The tables and
// pictures are made from a complete journal, by package reports.
package study
