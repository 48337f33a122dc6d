package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

// dryRun is a flag of all verbs that change something.
type dryRun struct {
	DryRun bool `help:"Check, and say what would be done, but do not do it."`
}

func (d dryRun) dry() daemon.Dry { return daemon.Dry{DryRun: d.DryRun} }

// request is what the daemon is asked for.
type request struct {
	limit        time.Duration
	method, path string
	in           any
}

func post(limit time.Duration, name, what string, in any) request {
	return request{limit, http.MethodPost, daemon.ResourcePath(name, what), in}
}

// asked asks for something and returns what to say of it: what told returns when out is filled, or what
// a dry run says.
func (c *volCmd) asked(s *streams, dry dryRun, r request, out any, told func() string) (string, error) {
	if dry.DryRun {
		var p daemon.Planned
		err := c.ask(s, r.limit, r.method, r.path, r.in, &p)
		return "dry run: " + p.Would, err
	}
	if err := c.ask(s, r.limit, r.method, r.path, r.in, out); err != nil {
		return "", err
	}
	return told(), nil
}

// states is what most verbs say in the end.
func states(v *daemon.View) string { return v.Role + ", " + v.Disk + ", " + v.Repl }

// volumes are the names that a name stands for. All are the replicas: what most verbs are about, those who
// only use a volume have not.
func (c *volCmd) volumes(s *streams, name string) (names []string, err error) {
	if name != daemon.All {
		return []string{name}, nil
	}
	var list []daemon.View
	err = c.ask(s, time.Minute, http.MethodGet, "/v1/resources", nil, &list)
	for i := range list {
		if list[i].Strategy != daemon.Prosumer {
			names = append(names, list[i].Name)
		}
	}
	return names, err
}

// each does something to a volume, or to all, and prints what has become of each. If it may take
// long, a terminal shows how it gets on.
func (c *volCmd) each(s *streams, name string, long bool, do func(name string) (string, error)) error {
	names, err := c.volumes(s, name)
	if err != nil {
		return err
	}
	stop := func() {}
	if long {
		stop = c.watch(s, names)
	}
	told, errs := make([]string, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { told[i], errs[i] = do(name) })
	}
	all.Wait()
	stop()
	if name != daemon.All {
		return said(s, name, told[0], errs[0])
	}
	worst := 0
	for i, name := range names {
		err := said(s, name, told[i], errs[i])
		if err == nil {
			continue
		}
		if s.ctx.Err() != nil {
			return err
		}
		worst = worse(worst, report(s.ctx, fmt.Errorf("%s: %w", name, err), s.err))
	}
	if worst != 0 {
		return exit(worst)
	}
	return nil
}

// said prints what has become of a volume, unless that is an error.
func said(s *streams, name, told string, err error) error {
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s: %s\n", name, told)
	}
	return err
}

// worse is the worse of two exit codes of verbs.
func worse(a, b int) int {
	for _, code := range []int{exitHarness, exitUsage} {
		if a == code || b == code {
			return code
		}
	}
	return max(a, b)
}
