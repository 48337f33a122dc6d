package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

// hostCmd shows and administers the cluster. The daemon does the work.
type hostCmd struct {
	Socket string `env:"PITCH_SOCKET" default:"${socket}" placeholder:"PATH" help:"Control socket of the daemon (${default})."`

	Patience time.Duration `default:"0s" help:"How long to wait for the daemon to come up."`

	List          hostListCmd   `cmd:"" help:"Show the hosts of the cluster, and when they were last seen."`
	CreateCluster hostCreateCmd `cmd:"" help:"Make a cluster now, though not all peers can be asked whether they are in one."`
	MergeCluster  hostMergeCmd  `cmd:"" help:"Make one cluster of this host's and that of a peer."`
}

func (c *hostCmd) Help() string {
	return `A daemon that starts for the first time joins the cluster that one of its peers is in. If all peers
say that they are in none, the host with the lowest number makes it. Whoever cannot be reached is waited
for.

  pitch host list
  pitch host create-cluster     a peer is not there yet, and was in no cluster before
  pitch host merge-cluster gamma`
}

// daemon asks as pitch vol does.
func (c *hostCmd) daemon() *volCmd { return &volCmd{Socket: c.Socket, Patience: c.Patience} }

type hostListCmd struct {
	JSON bool `help:"As JSON."`
}

func (c *hostListCmd) Run(s *streams, host *hostCmd) error {
	var list []daemon.ClusterHost
	err := host.daemon().ask(s, time.Minute, http.MethodGet, "/v1/cluster/hosts", nil, &list)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, list)
	}
	return hostTable(s, list)
}

func hostTable(s *streams, list []daemon.ClusterHost) error {
	if len(list) == 0 {
		fmt.Fprintln(s.out, "in no cluster yet: the log of the daemon tells what it waits for; "+
			"`pitch host --help`")
		return nil
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "HOST\tADDRESS\tSTATE\tALIVE")
	for i := range list {
		h := &list[i]
		state := "not connected"
		switch {
		case h.Self:
			state = "this host"
		case h.Connected:
			state = "connected"
		}
		fmt.Fprintf(t, "%s (%d)\t%s\t%s\t%s\n", h.Name, h.ID, h.Address, state, ago(h.Seen))
	}
	return t.Flush()
}

type hostCreateCmd struct{}

func (c *hostCreateCmd) Run(s *streams, host *hostCmd) error {
	return host.change(s, "/v1/cluster/create", nil)
}

type hostMergeCmd struct {
	Host string `arg:"" help:"A [[peer]] in the other cluster."`
}

func (c *hostMergeCmd) Run(s *streams, host *hostCmd) error {
	return host.change(s, "/v1/cluster/merge", daemon.MergeCluster{Host: c.Host})
}

// change asks for a change of the cluster, and shows what it is then.
func (c *hostCmd) change(s *streams, path string, in any) error {
	var list []daemon.ClusterHost
	if err := c.daemon().ask(s, time.Minute, http.MethodPost, path, in, &list); err != nil {
		return err
	}
	return hostTable(s, list)
}
