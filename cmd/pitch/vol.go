package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/realnode/daemon"
)

// defaultSocket is where a daemon that was set up as the how-to says has its control socket.
const defaultSocket = "/var/lib/pitch/control.sock"

// words are the variables of help texts.
func words() kong.Vars {
	return kong.Vars{"socket": defaultSocket, "goals": strings.Join(daemon.Goals(), ",")}
}

// volCmd administers volumes. The daemon does the work.
type volCmd struct {
	Socket string `env:"PITCH_SOCKET" default:"${socket}" placeholder:"PATH" help:"Control socket of the daemon (${default})."`

	Patience time.Duration `default:"0s" help:"How long to wait for the daemon to come up."`

	View         volViewCmd         `cmd:"" help:"Show volumes and their states."`
	Create       volCreateCmd       `cmd:"" help:"Make a volume; this host is its first primary."`
	Join         volJoinCmd         `cmd:"" help:"Make this host a member: a replica that fetches all."`
	Leave        volLeaveCmd        `cmd:"" help:"End a membership; the replica on this host is deleted."`
	Delete       volDeleteCmd       `cmd:"" help:"Delete a volume that has no other member."`
	Primary      volPrimaryCmd      `cmd:"" help:"Make this host primary: hand over, or take over by force."`
	Secondary    volSecondaryCmd    `cmd:"" help:"Stop being primary without a successor."`
	Connect      volConnectCmd      `cmd:"" aliases:"resume-fetch" help:"Switch fetching of the log on."`
	Disconnect   volDisconnectCmd   `cmd:"" aliases:"pause-fetch" help:"Switch fetching off."`
	ResumeReplay volResumeReplayCmd `cmd:"" help:"Switch replay of the fetched log on."`
	PauseReplay  volPauseReplayCmd  `cmd:"" help:"Switch replay off."`
	PauseSync    volPauseSyncCmd    `cmd:"" help:"Stop copying a volume for the first time, or again."`
	ResumeSync   volResumeSyncCmd   `cmd:"" help:"Go on with that."`
	Invalidate   volInvalidateCmd   `cmd:"" help:"Give up what this host holds, for what the primary holds."`
	LogRotate    volLogRotateCmd    `cmd:"" help:"Begin a new segment of the log, at the primary."`
	Resize       volResizeCmd       `cmd:"" help:"Make a volume larger, on all members."`
	Attach       volAttachCmd       `cmd:"" help:"Make a volume a block device of this host, the primary."`
	Detach       volDetachCmd       `cmd:"" help:"End that; nobody may use the device."`
	Wait         volWaitCmd         `cmd:"" help:"Wait until a state is reached."`
	Host         volHostCmd         `cmd:"" help:"Show this host and its connections to others."`
	Reload       volReloadCmd       `cmd:"" help:"Let the daemon take up its changed configuration."`
}

func (c *volCmd) Help() string {
	return `Administers the volumes of the daemon on this host, with the verbs of marsadm.

  pitch vol create lv1 --size 10GiB     on the host that is to be primary
  pitch vol join lv1                    on another one
  pitch vol view                        states, on any host
  pitch vol primary lv1                 planned handover to this host; loses nothing
  pitch vol disconnect lv1 && pitch vol primary lv1 --force
                                        failover; loses what was not fetched
  pitch vol wait lv1 up-to-date
  pitch vol invalidate lv1              end a split brain on the host that is to give in

Clients reach the volume at its primary: nbd+unix:///lv1?socket=/var/lib/pitch/nbd.sock`
}

// volError says which errors of the daemon are about what was asked.
func volError(err error) error {
	var r *daemon.Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r):
		if r.Failure.Hint != "" {
			err = fmt.Errorf("%w\n  %s", err, r.Failure.Hint)
		}
		if r.Status == http.StatusInternalServerError {
			return err
		}
		return usageError{err}
	case errors.Is(err, daemon.ErrNoDaemon):
		return usageError{fmt.Errorf("%w; is `pitch node` running? --socket names another place", err)}
	case errors.Is(err, fs.ErrPermission):
		return usageError{err}
	}
	return err
}

// ask asks the daemon, with a limit of time; zero is none.
func (c *volCmd) ask(s *streams, limit time.Duration, method, path string, in, out any) error {
	ctx := s.ctx
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err := c.do(ctx, method, path, in, out)
	if errors.Is(err, context.DeadlineExceeded) {
		fmt.Fprintf(s.err, "pitch: not within %v; it may still happen: `pitch vol view` tells\n", limit)
		return exit(2)
	}
	return volError(err)
}

// do asks until there is a daemon to answer, or patience has ended.
func (c *volCmd) do(ctx context.Context, method, path string, in, out any) error {
	client := daemon.NewClient(c.Socket)
	for end := time.Now().Add(c.Patience); ; {
		err := client.Do(ctx, method, path, in, out)
		if !errors.Is(err, daemon.ErrNoDaemon) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type volViewCmd struct {
	Name    string `arg:"" optional:"" help:"Only this volume, with all that is known of it."`
	JSON    bool   `help:"As JSON."`
	Watch   bool   `help:"Again and again, until Ctrl-C."`
	Verbose bool   `short:"v" help:"With positions in the log and devices."`
}

func (c *volViewCmd) Run(s *streams, vol *volCmd) error {
	for {
		if err := c.once(s, vol); err != nil || !c.Watch {
			return err
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (c *volViewCmd) once(s *streams, vol *volCmd) error {
	var list []daemon.View
	if c.Name == "" {
		if err := vol.ask(s, time.Minute, http.MethodGet, "/v1/resources", nil, &list); err != nil {
			return err
		}
	} else {
		list = make([]daemon.View, 1)
		err := vol.ask(s, time.Minute, http.MethodGet, daemon.ResourcePath(c.Name), nil, &list[0])
		if err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(s.out, list)
	}
	return c.table(s, list)
}

func (c *volViewCmd) table(s *streams, list []daemon.View) error {
	if len(list) == 0 {
		fmt.Fprintln(s.out, "no volumes here; `pitch vol create` makes one, `pitch vol join` a replica")
		return nil
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VOLUME\tSIZE\tREPLICAS\tDISK\tREPLICATION\tFLAGS\tROLE\tPRIMARY")
	for i := range list {
		v := &list[i]
		fmt.Fprintf(t, "%s\t%s\t[%s]\t%s\t%s\t%s\t%s\t%s\n", v.Name, units.Bytes(v.Size),
			strings.Join(v.Members, " "), v.Disk, v.Repl, v.Flags, v.Role, orNone(v.Primary))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range list {
		c.details(s, &list[i])
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// details prints what needs attention, and on demand all that is known.
func (c *volViewCmd) details(s *streams, v *daemon.View) {
	if v.Defect != "" {
		fmt.Fprintf(s.out, "%s: DEFECTIVE: %s\n", v.Name, v.Defect)
	}
	if v.SplitBrain {
		fmt.Fprintf(s.out, "%s: SPLIT BRAIN", v.Name)
		if v.CutOff {
			fmt.Fprint(s.out, "; this host's history has left that of the primary")
		}
		fmt.Fprintln(s.out)
	}
	if l := v.Lost; l != nil {
		fmt.Fprintf(s.out, "%s: cut off here: %d writes, %s, written within %.3g s\n", v.Name, l.Writes,
			units.Bytes(l.Bytes), l.Seconds)
	}
	for _, t := range v.Troubles {
		fmt.Fprintf(s.out, "%s: TROUBLE, %d times, last at %s: %s\n", v.Name, t.Times,
			t.Last.Format(time.DateTime), t.Error)
	}
	if v.Behind > 0 || v.Unapplied > 0 {
		fmt.Fprintf(s.out, "%s: %s to be fetched, %s to be replayed\n", v.Name, human(v.Behind),
			human(v.Unapplied))
	}
	if c.Name == "" && !c.Verbose {
		return
	}
	fmt.Fprintf(s.out, "%s: epoch %d, %d users, log: written %d, durable %d, on the volume %d, "+
		"committed %d\n", v.Name, v.Epoch, v.Open, v.End, v.Durable, v.Applied, v.Committed)
	for i := range v.Devices {
		d := &v.Devices[i]
		fmt.Fprintf(s.out, "%s: device %s; %s; %s; %s\n", v.Name, d.Device, met("reads", &d.Reads),
			met("writes", &d.Writes), met("syncs", &d.Syncs))
	}
}

// met tells how often something was asked for, and how long it took.
func met(what string, m *daemon.MeterView) string {
	if m.Count == 0 {
		return "no " + what
	}
	limit := func(seconds float64) time.Duration { return time.Duration(seconds * 1e9) }
	return fmt.Sprintf("%d %s of %s, half below %v, 99 %% below %v", m.Count, what,
		human(int64(m.Bytes)), limit(m.Median), limit(m.P99))
}

// human prints a size with three digits or so.
func human(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

type volCreateCmd struct {
	Name        string      `arg:"" help:"Name of the volume."`
	Size        units.Bytes `required:"" placeholder:"SIZE" help:"Such as 10GiB."`
	Sector      units.Bytes `default:"4KiB" help:"The least that is written: 512B or 4KiB (${default})."`
	Ack         string      `default:"submitted" enum:"submitted,logged,durable" help:"When a write is acknowledged that asks for nothing: submitted is like a disk with a write cache, where flushes count; durable is when the log is on disk (${default})."`
	Buffer      units.Bytes `default:"64MiB" help:"Memory for writes that are not on the volume yet (${default})."`
	NoChecksums bool        `help:"Keep no checksums of the volume's blocks."`
}

func (c *volCreateCmd) Run(s *streams, vol *volCmd) error {
	sums := !c.NoChecksums
	var v daemon.View
	err := vol.ask(s, time.Minute, http.MethodPost, "/v1/resources", daemon.Create{Name: c.Name,
		Size: c.Size, Sector: c.Sector, Ack: c.Ack, Buffer: c.Buffer, Checksums: &sums}, &v)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %s, primary on %s\n", v.Name, units.Bytes(v.Size), v.Host)
	fmt.Fprintf(s.out, "next, on another host: pitch vol join %s --from %s\n", v.Name, v.Host)
	return nil
}

type volJoinCmd struct {
	Name string `arg:"" help:"Name of the volume."`
	From string `placeholder:"HOST" help:"A member to ask. Default: all peers."`
}

func (c *volJoinCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.View
	err := vol.ask(s, time.Minute, http.MethodPost, daemon.ResourcePath(c.Name, "join"),
		daemon.Join{From: c.From}, &v)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %s is a member; `pitch vol wait %s up-to-date` waits for its content\n",
		v.Name, v.Host, v.Name)
	return nil
}

type volLeaveCmd struct {
	Name  string `arg:"" help:"Name of the volume."`
	Host  string `placeholder:"HOST" help:"End the membership of another host, which is gone; on the primary."`
	Force bool   `help:"Without asking the primary."`
}

func (c *volLeaveCmd) Run(s *streams, vol *volCmd) error {
	err := vol.ask(s, time.Minute, http.MethodPost, daemon.ResourcePath(c.Name, "leave"),
		daemon.Leave{Host: c.Host, Force: c.Force}, nil)
	if err == nil {
		fmt.Fprintf(s.out, "%s: left\n", c.Name)
	}
	return err
}

type volDeleteCmd struct {
	Name string `arg:"" help:"Name of the volume."`
}

func (c *volDeleteCmd) Run(s *streams, vol *volCmd) error {
	err := vol.ask(s, time.Minute, http.MethodDelete, daemon.ResourcePath(c.Name), nil, nil)
	if err == nil {
		fmt.Fprintf(s.out, "%s: deleted\n", c.Name)
	}
	return err
}

// verb asks for a verb and says what has become of it.
func (c *volCmd) verb(s *streams, name string, verb daemon.Verb, limit time.Duration) error {
	var v daemon.View
	err := c.ask(s, limit, http.MethodPost, daemon.ResourcePath(name, "verb"), verb, &v)
	if err == nil {
		fmt.Fprintf(s.out, "%s: %s, %s, %s\n", v.Name, v.Role, v.Disk, v.Repl)
	}
	return err
}

type volPrimaryCmd struct {
	Name    string        `arg:"" help:"Name of the volume."`
	Force   bool          `help:"Take over without the old primary. What was not fetched is lost. Fetching must be off (disconnect)."`
	Timeout time.Duration `default:"60s" help:"How long to wait (${default})."`
}

func (c *volPrimaryCmd) Run(s *streams, vol *volCmd) error {
	verb := "primary"
	if c.Force {
		verb = "primary --force"
	}
	return vol.verb(s, c.Name, daemon.Verb{Verb: verb}, c.Timeout)
}

type volResizeCmd struct {
	Name string      `arg:"" help:"Name of the volume."`
	Size units.Bytes `arg:"" help:"New size, larger than before."`
}

func (c *volResizeCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.View
	err := vol.ask(s, time.Minute, http.MethodPost, daemon.ResourcePath(c.Name, "resize"),
		daemon.Resize{Size: c.Size}, &v)
	if err == nil {
		fmt.Fprintf(s.out, "%s: %s; clients see it when they connect again\n", v.Name,
			units.Bytes(v.Size))
	}
	return err
}

type volAttachCmd struct {
	Name string `arg:"" help:"Name of the volume."`
}

func (c *volAttachCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.Attached
	err := vol.ask(s, time.Minute, http.MethodPost, daemon.ResourcePath(c.Name, "attach"), nil, &v)
	if err == nil {
		fmt.Fprintf(s.out, "%s: %s, also %s\n", c.Name, v.Path, v.Link)
	}
	return err
}

type volDetachCmd struct {
	Name string `arg:"" help:"Name of the volume."`
}

func (c *volDetachCmd) Run(s *streams, vol *volCmd) error {
	err := vol.ask(s, time.Minute, http.MethodPost, daemon.ResourcePath(c.Name, "detach"), nil, nil)
	if err == nil {
		fmt.Fprintf(s.out, "%s: detached\n", c.Name)
	}
	return err
}

type volWaitCmd struct {
	Name    string        `arg:"" help:"Name of the volume."`
	For     string        `arg:"" enum:"${goals}" help:"What to wait for: ${goals}."`
	Timeout time.Duration `default:"60s" help:"How long; then the exit code is 2 (${default})."`
}

func (c *volWaitCmd) Run(s *streams, vol *volCmd) error {
	var v daemon.View
	err := vol.ask(s, c.Timeout, http.MethodPost, daemon.ResourcePath(c.Name, "wait"),
		daemon.Wait{For: c.For}, &v)
	if err == nil {
		fmt.Fprintf(s.out, "%s: %s, %s, %s\n", v.Name, v.Role, v.Disk, v.Repl)
	}
	return err
}

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

type volReloadCmd struct{}

func (c *volReloadCmd) Run(s *streams, vol *volCmd) error {
	return vol.ask(s, time.Minute, http.MethodPost, "/v1/reload", nil, nil)
}
