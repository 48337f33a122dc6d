package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"

	"github.com/container-football/pitch/model"
)

type modelTableCmd struct {
	N        int     `name:"n" short:"n" default:"100" help:"Units of k servers, with one volume each."`
	K        int     `name:"k" short:"k" default:"3" help:"Replicas."`
	P        float64 `name:"p" short:"p" default:"1e-4" help:"Probability that a server is down at a random moment."`
	T        float64 `name:"T" short:"T" default:"10000" help:"Hours of observation."`
	Lambda   float64 `name:"lambda-per-h" default:"1e-5" help:"Permanent failures of a server per hour."`
	Mu       float64 `name:"mu-per-h" default:"0.041666666666666664" help:"Rebuilds per hour at the speed of a pair."`
	Q        float64 `name:"q" short:"q" default:"0.01" help:"Share of the servers that a power outage takes for good."`
	Clusters int     `default:"10" help:"Clusters of the column between shards and one BigCluster."`
	S        int     `name:"S" short:"S" default:"0" help:"Scatter width of the copysets; 0: 2(k-1)."`
	JSON     bool    `name:"json" help:"Print JSON lines, one an answer."`
	precision
}

func (c *modelTableCmd) Help() string {
	return `Holds shards, copysets, several clusters and one BigCluster against each other: how often
something is down, how much at once, how much in expectation, and how long until data is lost for
good. An asterisk marks what no other placement beats clearly. Nobody wins every line.`
}

func (c *modelTableCmd) Run(s *streams) error {
	opt, err := c.options()
	if err != nil {
		return err
	}
	cmp := model.Comparison{N: c.N, K: c.K, P: c.P, T: c.T, Lambda: c.Lambda, Mu: c.Mu, Outage: c.Q,
		Clusters: c.Clusters, Scatter: c.S}
	bar := tableProgress(s)
	columns, rows, err := cmp.Compare(s.ctx, opt, func(done, of int) {
		if bar != nil {
			bar.ChangeMax(of)
			_ = bar.Set(done)
		}
	})
	if bar != nil {
		bar.Finish()
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return c.printLines(s, columns, rows)
	}
	fmt.Fprintf(s.out, "volumes: %d, replicas of each: %d, servers: %d\n\n", c.N, c.K, c.N*c.K)
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, col := range columns {
		fmt.Fprintf(t, "\t%s", col.Name)
	}
	for _, r := range rows {
		fmt.Fprintf(t, "\n%s (%s)", r.Question, r.Unit)
		for i, a := range r.Answers {
			fmt.Fprintf(t, "\t%s", entry(r, i, a))
		}
	}
	fmt.Fprintln(t)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "\n%s\n%s", legend(columns, rows), notes(columns, rows))
	return err
}

func entry(r model.Row, i int, a model.Answer) string {
	if !r.Known[i] {
		return "-"
	}
	text := fmt.Sprintf("%.3g", a.Value)
	if a.Interval != nil {
		text = "~" + text
	}
	if r.Best[i] && !tie(r) {
		text += " *"
	}
	return text
}

// tie says whether nothing that applies is beaten.
func tie(r model.Row) bool {
	for i, best := range r.Best {
		if r.Known[i] && !best {
			return false
		}
	}
	return true
}

// legend explains the marks, and says who wins where.
func legend(columns []model.Column, rows []model.Row) string {
	wins := make([]int, len(columns))
	ties := 0
	for _, r := range rows {
		if tie(r) {
			ties++
			continue
		}
		for i, best := range r.Best {
			if best {
				wins[i]++
			}
		}
	}
	text := "* not clearly beaten by another (5 %, and beyond the intervals); ~ estimated; - does not apply\nunbeaten:"
	for i, col := range columns {
		text += fmt.Sprintf(" %s in %d,", col.Name, wins[i])
	}
	return text + fmt.Sprintf(" all equal in %d of %d lines", ties, len(rows))
}

// notes are what must be known of some answers, each said once.
func notes(columns []model.Column, rows []model.Row) string {
	var list []string
	for i, col := range columns {
		for _, r := range rows {
			if note := r.Answers[i].Note; note != "" {
				list = append(list, fmt.Sprintf("%s: %s\n", col.Name, note))
			}
		}
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), "")
}

func (c *modelTableCmd) printLines(s *streams, columns []model.Column, rows []model.Row) error {
	for _, r := range rows {
		for i, a := range r.Answers {
			line := struct {
				Question  string `json:"question"`
				Placement string `json:"placement"`
				Unit      string `json:"unit"`
				Best      bool   `json:"best"`
				model.Reply
			}{r.Question, columns[i].Name, r.Unit, r.Best[i], model.NewReply("", a)}
			if !r.Known[i] {
				continue
			}
			if err := printJSON(s.out, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func tableProgress(s *streams) *progressbar.ProgressBar {
	f := terminal(s.err)
	if f == nil {
		return nil
	}
	return progressbar.NewOptions(1, progressbar.OptionSetWriter(f), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("answers"), progressbar.OptionShowCount())
}
