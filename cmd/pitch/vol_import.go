package main

import (
	"fmt"
	"time"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/realnode/daemon"
)

type volImportCmd struct {
	Name     string `arg:"" help:"Name of the volume."`
	From     string `placeholder:"HOST" complete:"host" help:"A member to ask. Default: all peers."`
	Force    bool   `xor:"how" help:"Take the volume away from another host that has imported it; its users get errors."`
	ReadOnly bool   `xor:"how" help:"Only read, beside others."`
	dryRun
}

func (c *volImportCmd) Help() string {
	return `For a host that is to use a volume without having a replica of it. It is exported over NBD here and can be
attached; the primary does the work, whichever member that is: the use goes on when the role moves, with a
stall and without an error.

  pitch vol import lv1 --from alpha
  pitch vol attach lv1

The volume is held by this host while it is attached or connected to here, and by one host at a time. Another
one is refused as long, and so are users at the primary. --force, also for a volume that is imported already,
takes it away from a host that does not let go, or is gone: whatever comes from there is refused then, and this
host holds it for the first user that opens it here.`
}

func (c *volImportCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.Imported
	in := daemon.Import{Dry: c.dry(), From: c.From, Force: c.Force, ReadOnly: c.ReadOnly}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "import", in), &v,
		func() string { return importedText(&v, c.Force) })
	return said(s, c.Name, told, err)
}

// importedText says what can be done with a volume that was imported.
func importedText(v *daemon.Imported, taken bool) string {
	text := fmt.Sprintf("%s, can be used on %s, served by %s now", units.Bytes(v.Size), v.Host, v.Primary)
	switch {
	case taken:
		text = fmt.Sprintf("%s, held by %s, served by %s now", units.Bytes(v.Size), v.Host, v.Primary)
	case v.ReadOnly:
		text += ", to read only"
	}
	for _, g := range v.Guests {
		if !g.ReadOnly && !v.ReadOnly {
			text += "; not before " + g.Host + " has closed it"
		}
	}
	return text
}

type volReleaseCmd struct {
	Name  string `arg:"" complete:"volume" help:"Name of the volume."`
	Force bool   `help:"Though it is in use here; users get errors."`
	dryRun
}

func (c *volReleaseCmd) Run(s *streams, vol *volCmd) error {
	in := daemon.Release{Dry: c.dry(), Force: c.Force}
	told, err := vol.asked(s, c.dryRun, post(time.Minute, c.Name, "release", in), nil,
		func() string { return "released" })
	return said(s, c.Name, told, err)
}

// usedRemotely prints which hosts without a replica use a volume, and what is wrong with such a use here.
func usedRemotely(s *streams, v *daemon.View) {
	for _, g := range v.Guests {
		how := "in use on"
		if g.ReadOnly {
			how = "read on"
		}
		silent := ""
		if g.Silent {
			silent = "; nothing was heard of it for long, and another host may take its place"
		}
		fmt.Fprintf(s.out, "%s: %s %s, which has no replica%s\n", v.Name, how, g.Host, silent)
	}
	if v.Strategy == daemon.Prosumer && v.Defect != "" {
		fmt.Fprintf(s.out, "%s: ERRORS for users here: %s; close the volume on %s, then it can be opened again\n",
			v.Name, v.Defect, v.Host)
	}
}

// imported prints all that is known of a volume without a replica here.
func (c *volViewCmd) imported(s *streams, v *daemon.View) {
	how := "imported"
	if v.ReadOnly {
		how = "imported to be read only"
	}
	served := "held while it is open"
	if v.Primary != "" {
		served = fmt.Sprintf("served by %s under epoch %d", v.Primary, v.Epoch)
	}
	fmt.Fprintf(s.out, "%s: %s, %d users, %s\n", v.Name, how, v.Open, served)
	if v.Attached != "" {
		fmt.Fprintf(s.out, "%s: attached at %s\n", v.Name, v.Attached)
	}
}
