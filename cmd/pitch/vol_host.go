package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

type volHostCmd struct {
	JSON bool `help:"As JSON."`
}

func (c *volHostCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.HostView
	if err := vol.ask(s, time.Minute, http.MethodGet, "/v1/host", nil, &v); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, v)
	}
	fmt.Fprintf(s.out, "%s (%d) of %s, pitch %s, started %d times, %d volumes\n", v.Name, v.ID,
		v.Cluster, v.Version, v.Incarnation, v.Resources)
	if v.SyncLimit > 0 {
		fmt.Fprintf(s.out, "%d of at most %d volumes are copied at a time, %d wait for their turns\n", v.Copying,
			v.SyncLimit, v.Waiting)
	}
	if len(v.Peers) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PEER\tADDRESS\tSTATE\tROUND TRIP\tSENT\tRECEIVED\tLOST")
	for _, p := range v.Peers {
		state := "connected"
		if !p.Connected {
			state = "not connected"
			if p.Error != "" {
				state += ": " + p.Error
			}
		}
		fmt.Fprintf(t, "%s (%d)\t%s\t%s\t%v\t%s\t%s\t%d\n", p.Name, p.ID, p.Address, state,
			time.Duration(p.RTT*1e9).Round(10*time.Microsecond), human(int64(p.Out)),
			human(int64(p.In)), p.Lost)
	}
	return t.Flush()
}

type volReloadCmd struct{ dryRun }

func (c *volReloadCmd) Run(s *streams, vol *volCmd) error {
	r := request{time.Minute, http.MethodPost, "/v1/reload", daemon.Reload{Dry: c.dry()}}
	told, err := vol.asked(s, c.dryRun, r, nil, func() string { return "" })
	if err == nil && told != "" {
		fmt.Fprintln(s.out, told)
	}
	return err
}
