package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// pairRounds is how often the next test kills. `make soak` does it more often.
func pairRounds() int {
	switch {
	case os.Getenv("PITCH_SOAK") != "":
		return 200
	case testing.Short():
		return 3
	}
	return 10
}

// Two hosts are killed at random, under load and in the middle of handovers. Nobody takes over by
// force, so nothing that was flushed is lost, and in the end both hold the same.
func TestTwoHostsKilledAtRandom(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	p := &pair{t: t, lab: l, ledger: newLedger(256), random: node.NewStream(17, "pair")}
	l.hosts[0].vol("create", "lv1", "--size", "1MiB")
	l.hosts[1].vol("join", "lv1", "--from", "alpha")
	for round := range pairRounds() {
		c, at := p.connect()
		if round%20 == 0 {
			t.Logf("round %d: %s is primary, %d writes", round, l.hosts[at].name, p.ledger.next)
		}
		if r := p.ledger.compare(c, true); len(r.wrong) > 0 || r.errors > 0 {
			t.Fatalf("round %d: %d blocks cannot be read, and %v", round, r.errors, r.wrong)
		}
		if round%4 == 3 {
			p.handover(c, at)
		} else {
			p.underLoad(c, at)
		}
	}
	c, at := p.connect()
	if r := p.ledger.compare(c, true); len(r.wrong) > 0 || r.errors > 0 {
		t.Fatalf("in the end %d blocks cannot be read, and %v", r.errors, r.wrong)
	}
	c.Close()
	l.hosts[1-at].vol("wait", "lv1", "up-to-date")
	for _, h := range l.hosts {
		h.awaitView("lv1", " UpToDate ")
	}
	p.sameContent()
}

type pair struct {
	t      *testing.T
	lab    *lab
	ledger *ledger
	random node.Stream
}

// connect connects to whoever is primary. After a handover that was cut short there may be nobody;
// then an operator makes somebody primary.
func (p *pair) connect() (c *nbdtest.Client, at int) {
	p.t.Helper()
	help := time.Now().Add(2 * time.Second)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for i, h := range p.lab.hosts {
			c, err := nbdtest.Connect(filepath.Join(p.lab.dir, h.name, "nbd.sock"), "lv1")
			if err == nil {
				return c, i
			}
		}
		if time.Now().After(help) {
			h := p.lab.hosts[p.random.Below(2)]
			out, err := p.lab.run("pitch", h.args([]string{"primary", "lv1", "--timeout", "5s"})...)
			p.t.Logf("nobody was primary; made %s so: %v %s", h.name, err, out)
			help = time.Now().Add(2 * time.Second)
		}
	}
	for _, h := range p.lab.hosts {
		p.t.Logf("%s: %s", h.name, h.vol("view", "lv1"))
	}
	p.t.Fatal("nobody is primary")
	return nil, 0
}

// underLoad kills one host, or both, while a client works.
func (p *pair) underLoad(c *nbdtest.Client, at int) {
	p.t.Helper()
	ended := make(chan struct{})
	stop := make(chan struct{})
	random := node.NewStream(p.random.Uint64(), "load")
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			b := int64(random.Below(256))
			if c.Write(content(b, p.ledger.version(b)), b*4096, 0) != nil {
				return
			}
			if i%8 == 7 {
				m := p.ledger.mark()
				if c.Flush() != nil {
					return
				}
				p.ledger.flushed(m)
			}
		}
	}()
	p.pause(150)
	primary, other := p.lab.hosts[at], p.lab.hosts[1-at]
	switch p.random.Below(4) {
	case 0: // the client does not notice
		other.kill()
		p.pause(100)
		other.start()
		p.pause(100)
	case 1:
		other.kill()
		p.pause(100)
		primary.kill()
		p.pause(50)
		other.start()
		p.pause(50)
		primary.start()
	default:
		primary.kill()
		p.pause(100)
		primary.start()
	}
	close(stop)
	<-ended
	c.Close()
}

// handover kills a host while the other one becomes primary.
func (p *pair) handover(c *nbdtest.Client, at int) {
	p.t.Helper()
	c.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h := p.lab.hosts[1-at]
		_, _ = p.lab.run("pitch", h.args([]string{"primary", "lv1", "--timeout", "5s"})...)
	}()
	p.pause(80)
	h := p.lab.hosts[p.random.Below(2)]
	h.kill()
	p.pause(100)
	h.start()
	<-ended
}

func (p *pair) pause(most uint64) {
	time.Sleep(time.Duration(p.random.Below(most*1000)) * time.Microsecond)
}

// sameContent stops both hosts, and wants their volumes to be equal, and nothing to be damaged.
func (p *pair) sameContent() {
	p.t.Helper()
	var all []string
	for _, h := range p.lab.hosts {
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
		_ = h.cmd.Wait()
		h.cmd = nil
		dir := filepath.Join(p.lab.dir, h.name)
		r, err := daemon.Scrub(context.Background(), dir, daemon.ScrubOptions{Build: buildReplica,
			Judge: judgeLogs})
		if err != nil || len(r.Findings) > 0 {
			p.t.Errorf("%s: %v, %+v", h.name, err, r)
		}
		data, err := os.ReadFile(filepath.Join(daemon.ResourceDir(dir, "lv1"), "volume0"))
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, string(data))
	}
	if all[0] != all[1] {
		p.t.Error("the volumes of both hosts differ")
	}
}
