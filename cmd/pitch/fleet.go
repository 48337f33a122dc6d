package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/sim/fleet"
)

// fleetEngine answers questions about a random moment by running a fleet in the simulator.
type fleetEngine struct {
	years    float64 // of virtual time to watch the fleet for; 0: 10
	lifetime string  // form of the lifetimes of servers and domains: exponential (default) or uniform
	repair   string  // form of their repair times: exponential (default), constant or uniform

	// progress, where it is set, is told how many hours of how many have passed.
	progress func(done, of float64)
}

// fleetMethod names how such answers are made.
const fleetMethod model.Method = "fleet-simulation"

const hoursPerYear = 8766

// Check says whether a question can be answered at all. The error wraps model.ErrBadInput.
func (e fleetEngine) Check(measure string, p model.Params) error {
	_, cfg, err := e.config(measure, p, model.Options{})
	if err != nil {
		return err
	}
	return badFleet(cfg.Validate())
}

// Ask answers a question. opt.Samples bounds the number of failures and repairs: a run that would
// have more ends earlier.
func (e fleetEngine) Ask(ctx context.Context, measure string, p model.Params, opt model.Options) (
	model.Answer, error) {
	if opt.RelErr == 0 {
		opt.RelErr = 0.05
	}
	f, cfg, err := e.config(measure, p, opt)
	if err != nil {
		return model.Answer{}, err
	}
	note := ""
	most := float64(opt.Samples)
	if most == 0 {
		most = 100_000_000
	}
	if events := cfg.Events(); events > most {
		cfg.Hours *= most / events
		note = fmt.Sprintf("only %.4g years were simulated: that is %.4g failures and repairs",
			cfg.Hours/hoursPerYear, most)
	}
	r, err := fleet.Run(ctx, cfg, e.progress)
	if err != nil {
		return model.Answer{}, badFleet(err)
	}
	a, err := fleetAnswer(f, r)
	if err != nil {
		return a, err
	}
	half := (a.Interval.High - a.Interval.Low) / 2
	a.Sampling = &model.Sampling{Samples: r.Events, Hits: r.Episodes, ESS: float64(r.Clumps),
		Seed: opt.Seed, Converged: a.Value != 0 && half <= opt.RelErr*a.Value}
	a.Note = strings.TrimPrefix(note+"; "+byVolume(r), "; ")
	return a, nil
}

// byVolume says how the downtime lies on the volumes: their mean may be that of none of them.
func byVolume(r fleet.Result) string {
	volumes, hit, worst := 0, 0, 0.0
	for _, c := range r.Classes {
		volumes += c.Count
		if c.Times > 0 {
			hit += c.Count
		}
		worst = max(worst, c.Hours)
	}
	return fmt.Sprintf("in %.4g years %d of %d volumes were down at some time, the worst for %.3g hours",
		r.Hours/hoursPerYear, hit, volumes, worst)
}

// config is a question as a fleet.
func (e fleetEngine) config(measure string, p model.Params, opt model.Options) (
	f *model.Fleet, cfg fleet.Config, err error) {
	if f, err = model.NewFleet(measure, p, opt.Seed); err != nil {
		return nil, cfg, err
	}
	lifetime, err := form(e.lifetime)
	if err != nil {
		return nil, cfg, fmt.Errorf("%w: lifetimes: %w", model.ErrBadInput, err)
	}
	repair, err := form(e.repair)
	if err != nil {
		return nil, cfg, fmt.Errorf("%w: repairs: %w", model.ErrBadInput, err)
	}
	years := e.years
	if years == 0 {
		years = 10
	}
	cfg = fleet.Config{Seed: opt.Seed, Hosts: f.Layout.Nodes, Hours: years * hoursPerYear,
		Level: opt.Level, Lifetime: fleet.Law{Form: lifetime, Mean: f.Up},
		Repair: fleet.Law{Form: repair, Mean: f.Down}}
	for _, d := range f.Domains {
		cfg.Domains = append(cfg.Domains, fleet.Domains{Name: d.Name, Of: d.Of, Count: d.Count,
			Lifetime: fleet.Law{Form: lifetime, Mean: d.Up}, Repair: fleet.Law{Form: repair, Mean: d.Down}})
	}
	for _, g := range f.Layout.Groups {
		cfg.Groups = append(cfg.Groups, fleet.Group(g))
	}
	for _, c := range f.Layout.Volumes {
		cfg.Volumes = append(cfg.Volumes, fleet.Class(c))
	}
	return f, cfg, nil
}

func form(name string) (fleet.Form, error) {
	if name == "" {
		return fleet.Exponential, nil
	}
	return fleet.ParseForm(name)
}

// badFleet marks what the asker can mend.
func badFleet(err error) error {
	var bad *fleet.ConfigError
	if errors.As(err, &bad) {
		return fmt.Errorf("%w: %w", model.ErrBadInput, err)
	}
	return err
}

// fleetAnswer takes the answer of a measure from what was measured.
func fleetAnswer(f *model.Fleet, r fleet.Result) (model.Answer, error) {
	var e fleet.Estimate
	a := model.Answer{Method: fleetMethod}
	switch f.Measure {
	case "incident":
		e = r.Incident
	case "frequency":
		e = r.Frequency
	case "storage":
		e = r.Storage
	case "size":
		if r.Size.Value == 0 {
			return a, fmt.Errorf("%w: no incident was seen in %.4g years of virtual time; allow more "+
				"of them", model.ErrBadInput, r.Hours/hoursPerYear)
		}
		e = r.Size
		var at, hours []float64
		for _, s := range r.Sizes {
			at, hours = append(at, float64(s.LVs)), append(hours, s.Hours)
		}
		a.Sizes = model.NewSizes(at, hours)
	default: // unavailability, and downtime, which is a multiple of it
		e = r.Volumes
	}
	a.Value = f.Factor * e.Value
	a.Interval = &model.Interval{Low: f.Factor * e.Low, High: f.Factor * e.High, Level: r.Level}
	return a, nil
}
