package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/model/drives"
)

type modelDrivesCmd struct {
	Files []string `arg:"" help:"CSV files with the columns date, serial_number, model and failure."`
	JSON  bool     `name:"json" help:"Print JSON lines."`
}

func (c *modelDrivesCmd) Help() string {
	return `Reads drive statistics in the format that Backblaze publishes, one line a drive and day, and
prints for each model the annualised failure rate with its exact 95 % interval, and the rate per
hour that the other commands take:

  pitch model drives 2026-01-*.csv
  pitch model mttdl --placement shards -n 100 -k 2 --mu-per-h 0.04 --drives fleet.csv`
}

func (c *modelDrivesCmd) Run(s *streams) error {
	models, err := readDrives(c.Files...)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(s.out)
		for _, m := range models {
			if err := enc.Encode(map[string]any{"model": m.Name, "drives": m.Drives, "drive_days": m.Days,
				"failures": m.Failures, "afr": m.AFR, "afr_low": m.Low, "afr_high": m.High,
				"lambda_per_h": m.LambdaPerHour()}); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "drives\tdrive-days\tfailures\tAFR\t95 % interval\tlambda-per-h\tmodel\t")
	for _, m := range models {
		name := m.Name
		if name == "" {
			name = "all"
		}
		fmt.Fprintf(t, "%d\t%d\t%d\t%s\t%s to %s\t%s\t%s\t\n", m.Drives, m.Days, m.Failures, percent(m.AFR),
			percent(m.Low), percent(m.High), figure(m.LambdaPerHour()), name)
	}
	return t.Flush()
}

func readDrives(files ...string) ([]drives.Model, error) {
	var table drives.Table
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, unreadable(name, err)
		}
		err = table.Read(name, f)
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	models := table.Models()
	if models == nil {
		return nil, usageError{errors.New("the files have no drives")}
	}
	return models, nil
}

// rates takes lambda_per_h from a table of drives; nil without one.
func (c *modelAskCmd) rates(params model.Params) (*drives.Model, error) {
	if c.Drives == "" {
		if c.DriveModel != "" {
			return nil, usageError{errors.New("--drive-model needs --drives")}
		}
		return nil, nil
	}
	if _, given := params["lambda_per_h"]; given {
		return nil, usageError{errors.New("--drives gives lambda-per-h: do not give it, too")}
	}
	models, err := readDrives(c.Drives)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range models {
		if m.Name == c.DriveModel {
			if m.Failures == 0 {
				return nil, usageError{fmt.Errorf("%s: no failure in %d drive-days, so there is no rate; "+
					"it is below %.3g per hour with 97.5 %% confidence", c.Drives, m.Days, m.High/8760)}
			}
			params["lambda_per_h"] = m.LambdaPerHour()
			return &m, nil
		}
		names = append(names, m.Name)
	}
	return nil, usageError{fmt.Errorf("%s: no model %q; there are %s", c.Drives, c.DriveModel,
		strings.Join(names[:len(names)-1], ", "))}
}

// alsoAt carries the uncertainty of a rate that was taken from a table over to the answer.
func (c *modelAskCmd) alsoAt(s *streams, m *drives.Model, params model.Params, opt model.Options) error {
	if m == nil {
		return nil
	}
	failures := "1 failure"
	if m.Failures != 1 {
		failures = fmt.Sprint(m.Failures, " failures")
	}
	fmt.Fprintf(s.out, "\nThe rate comes from %s in %d drive-days: AFR %s, 95 %% interval %s to %s.\n",
		failures, m.Days, percent(m.AFR), percent(m.Low), percent(m.High))
	for _, end := range []struct {
		name string
		afr  float64
	}{{"lower", m.Low}, {"upper", m.High}} {
		params["lambda_per_h"] = end.afr / 8760
		a, err := model.Ask(s.ctx, c.Measure, params, opt)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s end: %s\n", end.name, figure(a.Value))
	}
	return nil
}
