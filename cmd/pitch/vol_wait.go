package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

type volWaitCmd struct {
	Name    string        `arg:"" complete:"volumes" help:"Name of the volume, or all."`
	Goal    string        `arg:"" enum:"${goals}" help:"What to wait for; see below."`
	Timeout time.Duration `default:"60s" help:"How long, 0 for ever; after that the exit code is 2 (${default})."`
}

// switchPrefix may stand before the goals that end so, as in marsadm. There, a switch and what it
// does are two things; here they are one.
const switchPrefix = "is-"

// goalNames are all that the command line takes.
func goalNames() (names []string) {
	var more []string
	for _, g := range daemon.Goals() {
		names = append(names, g.Name)
		if strings.HasSuffix(g.Name, "-on") || strings.HasSuffix(g.Name, "-off") {
			more = append(more, switchPrefix+g.Name)
		}
	}
	return append(names, more...)
}

func (c *volWaitCmd) Help() string {
	var b strings.Builder
	b.WriteString("Waits until one of these is so:\n\n")
	for _, g := range daemon.Goals() {
		fmt.Fprintf(&b, "  %-12s %s\n", g.Name, g.Meaning)
	}
	b.WriteString(`
"is-" may stand before those that end in -on and -off. On a terminal a line shows how it gets on. Ctrl-C
ends the waiting, with exit code 130, and nothing else.`)
	return b.String()
}

func (c *volWaitCmd) Run(s *streams, vol *volCmd) error {
	return vol.wait(s, c.Name, strings.TrimPrefix(c.Goal, switchPrefix), c.Timeout)
}

func (c *volCmd) wait(s *streams, name, goal string, limit time.Duration) error {
	return c.each(s, name, true, func(name string) (string, error) {
		var v daemon.View
		return c.asked(s, dryRun{}, post(limit, name, "wait", daemon.Wait{For: goal}), &v,
			func() string { return states(&v) })
	})
}

// waitsFor are the flags of verbs that begin what takes long.
type waitsFor struct {
	Wait    bool          `help:"Wait until the volume is up to date."`
	Timeout time.Duration `default:"0s" help:"With --wait: how long; then the exit code is 2. Default: for ever."`
}

func (w waitsFor) await(s *streams, vol *volCmd, name string) error {
	if !w.Wait {
		return nil
	}
	return vol.wait(s, name, "up-to-date", w.Timeout)
}

type volWaitUmountCmd struct {
	Name    string        `arg:"" complete:"volumes" help:"Name of the volume, or all."`
	Timeout time.Duration `default:"60s" help:"How long, 0 for ever; after that the exit code is 2 (${default})."`
}

func (c *volWaitUmountCmd) Run(s *streams, vol *volCmd) error {
	return vol.wait(s, c.Name, "closed", c.Timeout)
}

type volWaitClusterCmd struct {
	Timeout time.Duration `default:"30s" help:"How long, 0 for ever; after that the exit code is 2 (${default})."`
}

func (c *volWaitClusterCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.HostView
	err := vol.ask(s, c.Timeout, http.MethodPost, "/v1/wait", daemon.Wait{For: daemon.Connected}, &v)
	if err == nil {
		fmt.Fprintf(s.out, "%s: connected to %s\n", v.Name, plural(len(v.Peers), "peer"))
		return nil
	}
	// Who is missing is worth more than that somebody is.
	if vol.ask(s, time.Second, http.MethodGet, "/v1/host", nil, &v) == nil && len(v.Apart()) > 0 {
		return fmt.Errorf("not connected to %s: %w", strings.Join(v.Apart(), ", "), err)
	}
	return err
}
