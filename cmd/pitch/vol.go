package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/container-football/pitch/realnode/daemon"
)

// defaultSocket is where a daemon that was set up as the how-to says has its control socket.
const defaultSocket = "/var/lib/pitch/control.sock"

// words are the variables of help texts and enumerations.
func words() kong.Vars {
	return kong.Vars{"socket": defaultSocket, "goals": strings.Join(goalNames(), ",")}
}

// volCmd administers volumes. The daemon does the work.
type volCmd struct {
	Socket string `env:"PITCH_SOCKET" default:"${socket}" placeholder:"PATH" help:"Control socket of the daemon (${default})."`

	Patience time.Duration `default:"0s" help:"How long to wait for the daemon to come up."`

	View         volViewCmd         `cmd:"" help:"Show volumes and their states."`
	Create       volCreateCmd       `cmd:"" help:"Make a volume; this host is its first primary."`
	Join         volJoinCmd         `cmd:"" help:"Make this host a member: it copies the volume and fetches the log."`
	Witness      volWitnessCmd      `cmd:"" help:"Let this host vote on who may serve a volume, without a replica."`
	Leave        volLeaveCmd        `cmd:"" help:"End a membership; the replica on this host is deleted."`
	Delete       volDeleteCmd       `cmd:"" help:"Delete a volume that has no other member."`
	Import       volImportCmd       `cmd:"" help:"Use a volume on this host over the network, without a replica."`
	Release      volReleaseCmd      `cmd:"" help:"End that; the volume stays as it is."`
	Primary      volPrimaryCmd      `cmd:"" help:"Make this host primary: hand over, or take over by force."`
	Secondary    volSecondaryCmd    `cmd:"" help:"Stop being primary without a successor."`
	Up           volUpCmd           `cmd:"" help:"Switch fetching, replay and copying on."`
	Down         volDownCmd         `cmd:"" help:"Switch fetching, replay and copying off."`
	Connect      volConnectCmd      `cmd:"" aliases:"resume-fetch" help:"Switch fetching of the log on."`
	Disconnect   volDisconnectCmd   `cmd:"" aliases:"pause-fetch" help:"Switch fetching off."`
	ResumeReplay volResumeReplayCmd `cmd:"" help:"Switch replay of the fetched log on."`
	PauseReplay  volPauseReplayCmd  `cmd:"" help:"Switch replay off."`
	ResumeSync   volResumeSyncCmd   `cmd:"" help:"Switch copying of the volume on."`
	PauseSync    volPauseSyncCmd    `cmd:"" help:"Switch copying off."`
	Invalidate   volInvalidateCmd   `cmd:"" help:"Give up what this host holds, for what the primary holds."`
	LogRotate    volLogRotateCmd    `cmd:"" help:"Begin a new segment of the log, at the primary."`
	Cron         volCronCmd         `cmd:"" help:"What is to be done now and then: a new segment of the log, at the primary."`
	SetAck       volSetAckCmd       `cmd:"" help:"Change when writes are acknowledged, on all members; at the primary."`
	LogLimit     volLogLimitCmd     `cmd:"" help:"Change how much log is kept for members that are behind, on all members; at the primary."`
	Resize       volResizeCmd       `cmd:"" help:"Make a volume larger, on all members."`
	Attach       volAttachCmd       `cmd:"" help:"Make a volume a block device of this host, which is primary or has imported it."`
	Detach       volDetachCmd       `cmd:"" help:"End that; nobody may use the device."`
	Wait         volWaitCmd         `cmd:"" aliases:"wait-resource" help:"Wait until a state is reached."`
	WaitUmount   volWaitUmountCmd   `cmd:"" help:"Wait until nobody uses the volume here: as wait closed."`
	WaitCluster  volWaitClusterCmd  `cmd:"" help:"Wait until this host is connected to all its peers."`
	Host         volHostCmd         `cmd:"" help:"Show this host and its connections to others."`
	Guest        volGuestCmd        `cmd:"" help:"Let this host, which has no replica, see what members tell of a volume."`
	Unguest      volUnguestCmd      `cmd:"" help:"End that."`
	Reload       volReloadCmd       `cmd:"" help:"Let the daemon take up its changed configuration."`
}

func (c *volCmd) Help() string {
	return `Administers the volumes of the daemon on this host, with the verbs of marsadm.

  pitch vol create lv1 --size 10GiB     on the host that is to be primary
  pitch vol join lv1                    on another one
  pitch vol import lv1                  on one that is to use it without a replica
  pitch vol view                        states, on any host
  pitch vol primary lv1                 planned handover to this host; loses nothing
  pitch vol disconnect lv1 && pitch vol primary lv1 --force
                                        failover; loses what was not fetched
  pitch vol wait all up-to-date
  pitch vol invalidate lv1              end a split brain on the host that is to give in

The name "all" stands for all replicas on this host, for switches, view and wait: each is told about,
and the exit code is the worst. --dry-run says what would be done and checks what can be checked.

There is no log-delete: log that no member needs any more is deleted by itself, in whole segments; ` + "`cron`" + `
begins a new one.

Clients reach the volume at its primary, or where it is imported: nbd+unix:///lv1?socket=/var/lib/pitch/nbd.sock`
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

// tooLate says that something has not happened in time: exit code 2.
type tooLate struct{ limit time.Duration }

func (e tooLate) Error() string {
	return fmt.Sprintf("not within %v; it may still happen: `pitch vol view` tells", e.limit)
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
	switch {
	case err != nil && s.ctx.Err() != nil:
		return interrupted{context.Canceled, "what was asked for goes on: `pitch vol view` tells"}
	case errors.Is(err, context.DeadlineExceeded):
		return tooLate{limit}
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
