package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// limited writes [sync] limit into a configuration.
func limited(n int) func(string) string {
	return func(text string) string {
		if i := strings.Index(text, "[sync]"); i >= 0 {
			text = text[:i]
		}
		return strings.TrimRight(text, "\n") + fmt.Sprintf("\n[sync]\nlimit = %d\n", n)
	}
}

// syncs counts what the replicas of a host do.
func (h *labHost) syncs() (copying, waiting int) {
	out := h.vol("view")
	return strings.Count(out, " Syncing "), strings.Count(out, " WaitingSync ")
}

// A host copies no more volumes at a time than it may, and the limit changes while it copies.
func TestCopiesOfAHostAreLimited(t *testing.T) {
	alpha, beta := slowly(t)
	for _, name := range []string{"lv2", "lv3"} {
		alpha.vol("create", name, "--size", "4MiB")
		c := alpha.open(name)
		for b := range int64(1024) {
			writeBlock(t, c, b, 1)
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	until := func(copying, waiting int) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			a, b := beta.syncs()
			if a == copying && b == waiting {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d copied and %d waiting, expected %d and %d\n%s", a, b, copying, waiting,
					beta.vol("view"))
			}
		}
	}
	beta.rewrite(limited(1))
	beta.says("would be taken up", beta.vol("reload", "--dry-run"))
	beta.vol("reload")
	for _, name := range []string{"lv1", "lv2", "lv3"} {
		beta.vol("join", name)
	}
	until(1, 2)
	beta.says("1 of at most 1 volumes are copied at a time, 2 wait for their turns", beta.vol("host"))
	beta.says("waits for its turn", beta.vol("view"))

	beta.vol("pause-sync", "lv1") // whoever has the turn gives it back
	until(1, 1)
	beta.vol("resume-sync", "lv1")
	until(1, 2)

	beta.kill() // a start begins with the limit
	beta.start()
	until(1, 2)
	beta.rewrite(limited(2))
	beta.vol("reload")
	until(2, 1)
	beta.rewrite(limited(0))
	beta.vol("reload")
	until(3, 0)
	beta.rewrite(limited(1))
	beta.vol("reload")
	until(1, 2)

	for _, name := range []string{"lv1", "lv2", "lv3"} {
		beta.vol("leave", name) // who is gone has no turn
	}
	beta.says("no volumes here", beta.vol("view"))
}

// Acknowledgement and the limit of the log are changed while a volume is used, and are the same everywhere.
func TestKnobsOfAVolume(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	alpha, beta := l.hosts[0], l.hosts[1]
	alpha.vol("create", "lv1", "--size", "1MiB", "--log-limit", "1GiB", "--segment", "1MiB")
	alpha.says("acknowledged: submitted; no more than 1GiB of log kept", alpha.vol("view", "lv1"))
	beta.vol("join", "lv1", "--wait")
	beta.says("no more than 1GiB of log kept", beta.vol("view", "lv1"))

	alpha.says(`ack "soon", expected durable, logged, submitted, remote or quorum`,
		alpha.refuses("set-ack", "lv1", "soon"))
	alpha.says(`ack "soon", expected durable`, alpha.refuses("set-ack", "lv1", "soon", "--dry-run"))
	alpha.says(`as "remote" says, instead of "submitted"`, alpha.vol("set-ack", "lv1", "remote", "--dry-run"))
	beta.says("only the primary", beta.refuses("set-ack", "lv1", "remote"))
	alpha.says("lv1: acknowledged: remote", alpha.vol("set-ack", "lv1", "remote"))
	alpha.says("log is kept as long as a member needs it", alpha.vol("log-limit", "all", "0B"))
	c := alpha.open("lv1")
	writeBlock(t, c, 0, 1)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	beta.says("in use on host alpha by 1 users", beta.refuses("primary", "lv1", "--dry-run"))
	c.Close()
	alpha.vol("wait-umount", "lv1")
	beta.says("nobody uses the volume on alpha now", beta.vol("primary", "lv1", "--dry-run"))
	beta.vol("primary", "lv1")
	beta.says("acknowledged: remote; log is kept as long", beta.vol("view", "lv1"))

	alpha.says("nothing: that is the primary's", alpha.vol("cron", "all", "--dry-run"))
	alpha.says("lv1: Secondary", alpha.vol("cron", "all"))
	beta.says("lv1: Primary", beta.vol("cron", "lv1"))
	beta.vol("wait-resource", "lv1", "is-primary-on")
}
