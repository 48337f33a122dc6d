package main

import (
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

type volPrimaryCmd struct {
	Name    string        `arg:"" complete:"volume" help:"Name of the volume."`
	Force   bool          `help:"Take over without the old primary. What was not fetched is lost. Fetching should be off (disconnect)."`
	Timeout time.Duration `default:"60s" help:"How long to wait (${default})."`

	IgnoreLease bool `help:"With --force: serve though no majority grants a lease. If the old primary is alive, both serve, and one of the two histories is lost."`
	dryRun
}

func (c *volPrimaryCmd) Run(s *streams, vol *volCmd) error {
	verb := daemon.Verb{Dry: c.dry(), Verb: "primary", IgnoreLease: c.IgnoreLease}
	if c.Force {
		verb.Verb = "primary --force"
	}
	return vol.each(s, c.Name, !c.DryRun, func(name string) (string, error) {
		return vol.verb(s, name, c.Timeout, c.dryRun, verb)
	})
}

// verb asks for a verb and returns what has become of it.
func (c *volCmd) verb(s *streams, name string, limit time.Duration, dry dryRun, verb daemon.Verb,
) (string, error) {
	var v daemon.View
	return c.asked(s, dry, post(limit, name, "verb", verb), &v, func() string { return states(&v) })
}

type volInvalidateCmd struct {
	Name string `arg:"" complete:"volume" help:"Name of the volume."`
	Full bool   `help:"Compare everything, though the own log may say what has changed."`
	waitsFor
	dryRun
}

func (c *volInvalidateCmd) Help() string {
	return `The way out of a split brain, on the host whose branch is to be given up: what only this host has
is lost. It copies what differs from the primary, and nothing else. Until that is done the volume is
inconsistent here, and this host cannot become primary; the host that is primary serves on. It is also
what brings a replica back that is an orphan: nobody has the log any more that follows its own.

After a split brain the log of this host says what has changed; otherwise all is compared by digests.
` + "`pitch vol view`" + ` shows how much is left, --wait or ` + "`pitch vol wait lv1 up-to-date`" + ` waits for the end.`
}

func (c *volInvalidateCmd) Run(s *streams, vol *volCmd) error {
	told, err := vol.verb(s, c.Name, time.Minute, c.dryRun,
		daemon.Verb{Dry: c.dry(), Verb: "invalidate", Full: c.Full})
	if err := said(s, c.Name, told, err); err != nil || c.DryRun {
		return err
	}
	return c.await(s, vol, c.Name)
}
