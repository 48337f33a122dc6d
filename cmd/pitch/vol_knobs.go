package main

import (
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/realnode/daemon"
)

type volSetAckCmd struct {
	Name string `arg:"" complete:"volumes" help:"Name of the volume, or all."`
	Ack  string `arg:"" complete:"none" help:"submitted, logged, durable, remote or quorum; see below."`
	dryRun
}

func (c *volSetAckCmd) Help() string {
	return `When a write is acknowledged that asks for nothing:

  submitted  when it is in memory, as by a disk with a write cache: flushes count
  logged     when it was handed to the log's disk; the crash of the daemon alone loses nothing
  durable    when the log is on disk
  remote     when one more member has it on disk, too; while none can be reached, writers wait
  quorum     when a majority of the members has it on disk; while there is none, writers wait

The setting goes with the primary, and holds for writes that wait at this moment, too.`
}

func (c *volSetAckCmd) Run(s *streams, vol *volCmd) error {
	return vol.each(s, c.Name, false, func(name string) (string, error) {
		var v daemon.View
		in := daemon.SetAck{Dry: c.dry(), Ack: c.Ack}
		return vol.asked(s, c.dryRun, post(time.Minute, name, "ack", in), &v,
			func() string { return "acknowledged: " + v.Ack })
	})
}

type volLogLimitCmd struct {
	Name string      `arg:"" complete:"volumes" help:"Name of the volume, or all."`
	Size units.Bytes `arg:"" complete:"none" help:"Such as 100GiB; 0B: as much as they need."`
	dryRun
}

func (c *volLogLimitCmd) Help() string {
	return `The primary keeps its log for members that are away or slow. Beyond this limit it does not: who needs more
is left behind (Orphan), consistent and old, and ` + "`invalidate`" + ` copies the volume there. The same happens,
with or without a limit, when the log's disk is full.`
}

func (c *volLogLimitCmd) Run(s *streams, vol *volCmd) error {
	return vol.each(s, c.Name, false, func(name string) (string, error) {
		var v daemon.View
		in := daemon.LogLimit{Dry: c.dry(), Limit: c.Size}
		return vol.asked(s, c.dryRun, post(time.Minute, name, "log-limit", in), &v,
			func() string { return keeps(&v) })
	})
}

// keeps says how much log is kept for members that are behind.
func keeps(v *daemon.View) string {
	if v.LogLimit == 0 {
		return "log is kept as long as a member needs it"
	}
	return "no more than " + units.Bytes(v.LogLimit).String() + " of log kept for members that are behind"
}
