package main

import (
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

// volSwitch is what the verbs have in common that need nothing but a volume, or all.
type volSwitch struct {
	Name string `arg:"" complete:"volumes" help:"Name of the volume, or all."`
	dryRun
}

func (c *volSwitch) turn(s *streams, vol *volCmd, verb string) error {
	return vol.each(s, c.Name, false, func(name string) (string, error) {
		return vol.verb(s, name, time.Minute, c.dryRun, daemon.Verb{Dry: c.dry(), Verb: verb})
	})
}

type (
	volUpCmd           struct{ volSwitch }
	volDownCmd         struct{ volSwitch }
	volConnectCmd      struct{ volSwitch }
	volDisconnectCmd   struct{ volSwitch }
	volResumeReplayCmd struct{ volSwitch }
	volPauseReplayCmd  struct{ volSwitch }
	volResumeSyncCmd   struct{ volSwitch }
	volPauseSyncCmd    struct{ volSwitch }
	volSecondaryCmd    struct{ volSwitch }
	volLogRotateCmd    struct{ volSwitch }
	volCronCmd         struct{ volSwitch }
)

func (c *volUpCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "up") }

func (c *volDownCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "down") }

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

func (c *volSecondaryCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "secondary") }

func (c *volLogRotateCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "log-rotate") }

func (c *volCronCmd) Run(s *streams, vol *volCmd) error { return c.turn(s, vol, "cron") }

func (c *volCronCmd) Help() string {
	return `For timers, on every host: ` + "`pitch vol cron all`" + `. Log that no member needs any more is deleted by itself,
in whole segments; this begins a new segment where this host is primary, unless nothing is in the newest one.
Where it is not primary there is nothing to do, and that is no error.`
}

func (c *volLogRotateCmd) Help() string {
	return `Segments are begun by themselves as the log grows. Those that no member needs any more are deleted
by themselves, always whole: rotating first lets more of the log go.`
}
