package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/realnode/daemon"
)

type volViewCmd struct {
	Name    string `arg:"" optional:"" complete:"volumes" help:"Only this volume, or all, with all that is known."`
	JSON    bool   `help:"As JSON."`
	Watch   bool   `help:"Again and again, until Ctrl-C."`
	Verbose bool   `short:"v" help:"With positions in the log and devices."`

	AllHosts bool `help:"What each host has told of its replica, also of volumes that this host is a guest of."`
}

func (c *volViewCmd) Run(s *streams, vol *volCmd) error {
	for {
		if err := c.once(s, vol); err != nil && (!c.Watch || s.ctx.Err() == nil) || !c.Watch {
			return err
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (c *volViewCmd) once(s *streams, vol *volCmd) error {
	if c.AllHosts {
		return c.allHosts(s, vol)
	}
	var list []daemon.View
	if c.Name == "" || c.Name == daemon.All {
		if err := vol.ask(s, time.Minute, http.MethodGet, "/v1/resources", nil, &list); err != nil {
			return err
		}
	} else {
		list = make([]daemon.View, 1)
		err := vol.ask(s, time.Minute, http.MethodGet, daemon.ResourcePath(c.Name), nil, &list[0])
		if err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(s.out, list)
	}
	return c.table(s, list)
}

func (c *volViewCmd) table(s *streams, list []daemon.View) error {
	if len(list) == 0 {
		fmt.Fprintln(s.out, "no volumes here; `pitch vol create` makes one, `pitch vol join` a replica, "+
			"`pitch vol import` uses one without")
		return nil
	}
	copies := slices.ContainsFunc(list, func(v daemon.View) bool { return v.Inconsistent })
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "VOLUME\tSIZE\tREPLICAS\tDISK\tREPLICATION\tFLAGS\tROLE\tPRIMARY")
	if copies {
		fmt.Fprint(t, "\tCOPIED")
	}
	fmt.Fprintln(t)
	for i := range list {
		v := &list[i]
		fmt.Fprintf(t, "%s\t%s\t[%s]\t%s\t%s\t%s\t%s\t%s", v.Name, units.Bytes(v.Size),
			strings.Join(v.Members, " "), v.Disk, v.Repl, v.Flags, v.Role, orNone(v.Primary))
		switch {
		case v.Inconsistent:
			fmt.Fprintf(t, "\t%.1f %%", v.SyncPercent)
		case copies:
			fmt.Fprint(t, "\t-")
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range list {
		c.details(s, &list[i])
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// details prints what needs attention, and on demand all that is known.
func (c *volViewCmd) details(s *streams, v *daemon.View) {
	usedRemotely(s, v)
	if v.Defect != "" && v.Strategy != daemon.Prosumer {
		fmt.Fprintf(s.out, "%s: DEFECTIVE: %s\n", v.Name, v.Defect)
	}
	if v.SplitBrain {
		fmt.Fprintf(s.out, "%s: SPLIT BRAIN", v.Name)
		if v.CutOff {
			fmt.Fprint(s.out, "; this host's history has left that of the primary")
		}
		fmt.Fprintln(s.out)
	}
	if l := v.Lost; l != nil {
		fmt.Fprintf(s.out, "%s: cut off here: %d writes, %s, written within %.3g s\n", v.Name, l.Writes,
			units.Bytes(l.Bytes), l.Seconds)
	}
	for _, t := range v.Troubles {
		fmt.Fprintf(s.out, "%s: TROUBLE, %d times, last at %s: %s\n", v.Name, t.Times,
			t.Last.Format(time.DateTime), t.Error)
	}
	switch {
	case v.CatchesUp:
		fmt.Fprintf(s.out, "%s: catches up with what has changed: %s to come; consistent and old until then\n", v.Name,
			human(v.ToCopy))
	case v.Orphan:
		fmt.Fprintf(s.out, "%s: ORPHAN: nobody has the log any more that follows; `pitch vol invalidate %s` "+
			"copies the volume\n", v.Name, v.Name)
	}
	if v.Inconsistent {
		turn := ""
		if v.SyncWaits {
			turn = ", waits for its turn"
		}
		fmt.Fprintf(s.out, "%s: %s to be copied, %.1f %% done%s; not to be used before that has ended\n",
			v.Name, human(v.ToCopy), v.SyncPercent, turn)
	}
	if v.Behind > 0 || v.Unapplied > 0 {
		fmt.Fprintf(s.out, "%s: %s to be fetched, %s to be replayed\n", v.Name, human(v.Behind),
			human(v.Unapplied))
	}
	if c.Name == "" && !c.Verbose {
		return
	}
	if v.Strategy == daemon.Prosumer {
		c.imported(s, v)
		return
	}
	if v.Lease > 0 {
		fmt.Fprintf(s.out, "%s: %s\n", v.Name, leased(v))
	}
	if v.Strategy == daemon.WitnessOf {
		return
	}
	fmt.Fprintf(s.out, "%s: epoch %d, %d users, log: written %d, durable %d, on the volume %d, "+
		"committed %d; kept from %d, %s\n", v.Name, v.Epoch, v.Open, v.End, v.Durable, v.Applied,
		v.Committed, v.LogFrom, human(max(0, v.End-v.LogFrom)))
	fmt.Fprintf(s.out, "%s: fetching %s, replay %s, copying %s\n", v.Name, onOff(v.FetchOn),
		onOff(v.ReplayOn), onOff(v.SyncOn))
	if v.Ack != "" {
		fmt.Fprintf(s.out, "%s: acknowledged: %s; %s\n", v.Name, v.Ack, keeps(v))
	}
	if v.Attached != "" {
		fmt.Fprintf(s.out, "%s: attached at %s\n", v.Name, v.Attached)
	}
	for i := range v.Devices {
		d := &v.Devices[i]
		fmt.Fprintf(s.out, "%s: device %s; %s; %s; %s\n", v.Name, d.Device, met("reads", &d.Reads),
			met("writes", &d.Writes), met("syncs", &d.Syncs))
	}
}

// leased tells of leases and who votes on them.
func leased(v *daemon.View) string {
	text := fmt.Sprintf("lease of %v", time.Duration(v.Lease*1e9))
	switch {
	case v.Strategy == daemon.WitnessOf && v.Leased:
		return fmt.Sprintf("%s, promised to %s in epoch %d", text, orNone(v.Primary), v.Epoch)
	case v.Strategy == daemon.WitnessOf:
		return text + ", promised to nobody"
	case v.Leased:
		text += ", held here"
	}
	switch {
	case v.Witness == "":
		return text + "; no witness"
	case v.WitnessConnected:
		return text + "; witness " + v.Witness
	}
	return text + "; witness " + v.Witness + ", which cannot be reached"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// met tells how often something was asked for, and how long it took.
func met(what string, m *daemon.MeterView) string {
	if m.Count == 0 {
		return "no " + what
	}
	limit := func(seconds float64) time.Duration { return time.Duration(seconds * 1e9) }
	return fmt.Sprintf("%d %s of %s, half below %v, 99 %% below %v", m.Count, what,
		human(int64(m.Bytes)), limit(m.Median), limit(m.P99))
}

// human prints a size with three digits or so.
func human(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
