// Package reports turns results of runs into what people and CI read: a picture of a run over
// time, a table, a text about one run, a page, JUnit XML, and JSON. It also draws figures of data,
// such as the answers of models: curves, maps of who wins where, distributions, and how far an
// output swings with each input. All of them are a [Picture].
//
// Every function writes to an io.Writer and depends on its arguments alone: equal results give
// equal bytes. Text from outside, such as names, paths and sentences of machines, is made
// harmless for the form that carries it, so that no file can be broken by a strange name.
//
//	reports.Summary(os.Stdout, results)             // one line a scenario and world
//	reports.Details(os.Stdout, res)                 // one run, with its counterexamples
//	reports.Timeline(f, res, reports.TimelineOptions{Format: "png"})
//	reports.JUnit(f, []reports.Suite{{Name: "nightly", Cases: cases}})
//	(&reports.Curves{Title: title, X: x, Y: y, Curves: list}).Draw(f, reports.FigureOptions{})
//
// The timeline needs a run with scenario.RunOptions.Samples.
package reports
