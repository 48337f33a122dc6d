package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/realnode/daemon"
)

type volCreateCmd struct {
	Name        string      `arg:"" help:"Name of the volume."`
	Size        units.Bytes `required:"" placeholder:"SIZE" help:"Such as 10GiB."`
	Sector      units.Bytes `default:"4KiB" help:"The least that is written: 512B or 4KiB (${default})."`
	Ack         string      `default:"submitted" enum:"submitted,logged,durable,remote,quorum" help:"When a write is acknowledged that asks for nothing: submitted is like a disk with a write cache, where flushes count; durable is when the log is on disk; remote when one more host has it on disk, too; quorum when a majority has (${default})."`
	Buffer      units.Bytes `default:"64MiB" help:"Memory for writes that are not on the volume yet (${default})."`
	Segment     units.Bytes `default:"0B" help:"Length of a segment of the log; log is deleted in whole ones. Default: the strategy's, 1GiB."`
	LogLimit    units.Bytes `default:"0B" help:"How much log is kept for members that are behind; then they have to be invalidated. Default: as much as they need."`
	Throttle    int         `default:"0" placeholder:"PERCENT" help:"From which part of --log-limit on writers are slowed down, so that slow members keep up; 0: not at all."`
	CompressLog string      `default:"none" enum:"none,s2,zstd" help:"How writes are packed in the log of all members and on the way there, if that makes them smaller: s2 costs little, zstd is for slow disks and links (${default})."`
	NoEmergency bool        `help:"Let writers wait while the log has no room, instead of going on without it."`
	NoChecksums bool        `help:"Keep no checksums of the volume's blocks."`

	Lease   units.Duration `default:"0s" help:"How long a primary may serve without asking a majority of the members and the witness, such as 5s, so that two never do; 0s: for ever (${default})."`
	Witness string         `placeholder:"HOST" complete:"host" help:"Host that votes on leases without a replica; a pair needs one. There: pitch vol witness NAME."`
	dryRun
}

func (c *volCreateCmd) Run(s *streams, vol *volCmd) error {
	sums := !c.NoChecksums
	var v daemon.View
	in := daemon.Create{Dry: c.dry(), Name: c.Name, Size: c.Size, Sector: c.Sector, Ack: c.Ack,
		Buffer: c.Buffer, Checksums: &sums, Segment: c.Segment, LogLimit: c.LogLimit, Throttle: c.Throttle,
		CompressLog: c.CompressLog, NoEmergency: c.NoEmergency,
		Lease: c.Lease, Witness: c.Witness}
	told, err := vol.asked(s, c.dryRun, request{time.Minute, http.MethodPost, "/v1/resources", in}, &v,
		func() string {
			told := fmt.Sprintf("%s, primary on %s\nnext, on another host: pitch vol join %s --from %s",
				units.Bytes(v.Size), v.Host, v.Name, v.Host)
			if v.Witness != "" {
				told += fmt.Sprintf("\nand on %s: pitch vol witness %s", v.Witness, v.Name)
			}
			return told
		})
	return said(s, c.Name, told, err)
}

type volJoinCmd struct {
	Name string `arg:"" help:"Name of the volume."`
	From string `placeholder:"HOST" complete:"host" help:"A member to ask. Default: all peers."`
	waitsFor
	dryRun
}

func (c *volJoinCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.View
	in := daemon.Join{Dry: c.dry(), From: c.From}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "join", in), &v, func() string {
		return v.Host + " is a member"
	})
	if err == nil && !c.DryRun && !c.Wait {
		told += fmt.Sprintf("; `pitch vol wait %s up-to-date` waits for its content", c.Name)
	}
	if err := said(s, c.Name, told, err); err != nil || c.DryRun {
		return err
	}
	return c.await(s, vol, c.Name)
}

type volWitnessCmd struct {
	Name string `arg:"" help:"Name of the volume."`
	From string `placeholder:"HOST" complete:"host" help:"A member to ask. Default: all peers."`
	dryRun
}

func (c *volWitnessCmd) Help() string {
	return `Of two hosts that cannot reach each other, only the one that the witness can hear may serve. It keeps no data. Which
host is the witness is said when the volume is made (create --lease 5s --witness HOST); pitch vol leave ends it.`
}

func (c *volWitnessCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.View
	in := daemon.Witness{Dry: c.dry(), From: c.From}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "witness", in), &v, func() string {
		return v.Host + " votes"
	})
	return said(s, c.Name, told, err)
}

type volLeaveCmd struct {
	Name  string `arg:"" complete:"volume" help:"Name of the volume."`
	Host  string `placeholder:"HOST" complete:"host" help:"End the membership of another host, which is gone; on the primary."`
	Force bool   `help:"Without asking the primary."`
	dryRun
}

func (c *volLeaveCmd) Run(s *streams, vol *volCmd) error {
	in := daemon.Leave{Dry: c.dry(), Host: c.Host, Force: c.Force}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "leave", in), nil,
		func() string { return "left" })
	return said(s, c.Name, told, err)
}

type volDeleteCmd struct {
	Name string `arg:"" complete:"volume" help:"Name of the volume."`
	dryRun
}

func (c *volDeleteCmd) Run(s *streams, vol *volCmd) error {
	r := request{time.Minute, http.MethodDelete, daemon.ResourcePath(c.Name), daemon.Delete{Dry: c.dry()}}
	told, err := vol.asked(s, c.dryRun, r, nil, func() string { return "deleted" })
	return said(s, c.Name, told, err)
}
