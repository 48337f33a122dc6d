package main

import (
	"fmt"
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/realnode/daemon"
)

type volResizeCmd struct {
	Name string      `arg:"" complete:"volume" help:"Name of the volume."`
	Size units.Bytes `arg:"" complete:"none" help:"New size, larger than before."`
	dryRun
}

func (c *volResizeCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.View
	in := daemon.Resize{Dry: c.dry(), Size: c.Size}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "resize", in), &v, func() string {
		return fmt.Sprintf("%s; clients see it when they connect again", units.Bytes(v.Size))
	})
	return said(s, c.Name, told, err)
}

type volAttachCmd struct {
	Name string `arg:"" complete:"volume" help:"Name of the volume."`
	dryRun
}

func (c *volAttachCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.Attached
	in := daemon.Attach{Dry: c.dry()}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "attach", in), &v,
		func() string { return v.Path + ", also " + v.Link })
	return said(s, c.Name, told, err)
}

type volDetachCmd struct {
	Name string `arg:"" complete:"volume" help:"Name of the volume."`
	dryRun
}

func (c *volDetachCmd) Run(s *streams, vol *volCmd) error {
	in := daemon.Detach{Dry: c.dry()}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "detach", in), nil,
		func() string { return "detached" })
	return said(s, c.Name, told, err)
}
