package main

import (
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

// volSwitch is what the verbs have in common that need nothing but a volume.
type volSwitch struct {
	Name string `arg:"" help:"Name of the volume."`
}

func (c *volSwitch) turn(s *streams, vol *volCmd, verb string) error {
	return vol.verb(s, c.Name, daemon.Verb{Verb: verb}, time.Minute)
}

type (
	volSecondaryCmd    struct{ volSwitch }
	volConnectCmd      struct{ volSwitch }
	volDisconnectCmd   struct{ volSwitch }
	volResumeReplayCmd struct{ volSwitch }
	volPauseReplayCmd  struct{ volSwitch }
	volResumeSyncCmd   struct{ volSwitch }
	volPauseSyncCmd    struct{ volSwitch }
	volLogRotateCmd    struct{ volSwitch }
)

func (c *volSecondaryCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "secondary") }

func (c *volConnectCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "connect") }

func (c *volDisconnectCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "disconnect") }

func (c *volResumeReplayCmd) Run(s *streams, vol *volCmd) error {
	return c.turn(s, vol, "resume-replay")
}

func (c *volPauseReplayCmd) Run(s *streams, vol *volCmd) error {
	return c.turn(s, vol, "pause-replay")
}

func (c *volResumeSyncCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "resume-sync") }

func (c *volPauseSyncCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "pause-sync") }

func (c *volLogRotateCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "log-rotate") }

type volInvalidateCmd struct {
	Name string `arg:"" help:"Name of the volume."`
	Full bool   `help:"Compare everything, though the own log may say what has changed."`
}

func (c *volInvalidateCmd) Help() string {
	return `The way out of a split brain, on the host whose branch is to be given up: what only this host has
is lost. It copies what differs from the primary, and nothing else. Until that is done the volume is
inconsistent here, and this host cannot become primary; the host that is primary serves on.

After a split brain the log of this host says what has changed; otherwise all is compared by digests.
` + "`pitch vol view`" + ` shows how much is left, ` + "`pitch vol wait lv1 up-to-date`" + ` waits for the end.`
}

func (c *volInvalidateCmd) Run(s *streams, vol *volCmd) error {
	return vol.verb(s, c.Name, daemon.Verb{Verb: "invalidate", Full: c.Full}, time.Minute)
}
