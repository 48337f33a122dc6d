package main

import (
	"fmt"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

// allHosts shows what the hosts have told of volumes.
func (c *volViewCmd) allHosts(s *streams, vol *volCmd) error {
	var list []daemon.SharedView
	if err := vol.ask(s, time.Minute, http.MethodGet, "/v1/cluster/resources", nil, &list); err != nil {
		return err
	}
	if c.Name != "" && c.Name != daemon.All {
		list = slices.DeleteFunc(list, func(v daemon.SharedView) bool { return v.Name != c.Name })
		if len(list) == 0 {
			return usageError{fmt.Errorf("nobody has told this host of volume %q; `pitch vol guest %s` lets it "+
				"be told", c.Name, c.Name)}
		}
	}
	if c.JSON {
		return printJSON(s.out, list)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VOLUME\tHOST\tROLE\tPRIMARY\tEPOCH\tDURABLE\tAPPLIED\tSTATE\tTOLD\tALIVE")
	for i := range list {
		for k := range list[i].Hosts {
			shareLine(t, list[i].Name, &list[i].Hosts[k])
		}
	}
	return t.Flush()
}

func shareLine(t *tabwriter.Writer, name string, h *daemon.ShareView) {
	fmt.Fprintf(t, "%s\t%s\t", name, h.Host)
	switch told := h.Told; {
	case h.Guest:
		fmt.Fprint(t, "Guest\t-\t-\t-\t-\t-\t-")
	case told == nil:
		fmt.Fprint(t, "-\t-\t-\t-\t-\t-\tnothing yet")
	default:
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s", told.Role, orNone(told.Primary), told.Epoch,
			told.Durable, told.Applied, toldState(told), ago(&h.Age))
	}
	fmt.Fprintf(t, "\t%s\n", ago(h.Seen))
}

// toldState is the one thing about a replica that matters most.
func toldState(told *daemon.Told) string {
	switch {
	case told.SplitBrain:
		return "SplitBrain"
	case told.Inconsistent:
		return "InConsistent"
	case told.UpToDate:
		return "UpToDate"
	}
	return "OutDated"
}

// ago is an age as people say it.
func ago(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return time.Duration(*seconds*1e9).Round(time.Second).String() + " ago"
}

type volGuestCmd struct {
	Name string `arg:"" help:"Volume."`
	From string `placeholder:"HOST" help:"A member to ask (default: every peer)."`
}

func (c *volGuestCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.SharedView
	err := vol.ask(s, time.Minute, http.MethodPost, daemon.ResourcePath(c.Name, "guest"),
		daemon.Guest{From: c.From}, &v)
	if err == nil {
		fmt.Fprintf(s.out, "%s: this host is a guest; `pitch vol view --all-hosts` shows it\n", c.Name)
	}
	return err
}

type volUnguestCmd struct {
	Name string `arg:"" help:"Volume."`
}

func (c *volUnguestCmd) Run(s *streams, vol *volCmd) error {
	err := vol.ask(s, time.Minute, http.MethodDelete, daemon.ResourcePath(c.Name, "guest"), nil, nil)
	if err == nil {
		fmt.Fprintf(s.out, "%s: this host is no guest any more\n", c.Name)
	}
	return err
}
