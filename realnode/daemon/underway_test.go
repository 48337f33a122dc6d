package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/container-football/pitch/internal/lab"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/mesh"
)

// ask asks for something that takes long.
func (d *running) ask(ctx context.Context, method, path string, in any) (answer <-chan error) {
	c := make(chan error, 1)
	go func() { c <- d.client.Do(ctx, method, path, in, nil) }()
	return c
}

// asked waits until somebody asks a host that does not answer.
func asked(t *testing.T, m *mesh.Mesh) net.Conn {
	t.Helper()
	c, err := m.Streams().Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return c
}

// A peer does not answer the question for a volume. Meanwhile others can be made and deleted, but not
// this one; and when whoever has asked gives up, it can be made as well.
func TestJoinWhileThePeerIsSilent(t *testing.T) {
	dir, ports, names := t.TempDir(), lab.FreePorts(t, 2), []string{"alpha", "beta"}
	alpha := bareMesh(t, configOf(t, dir, 0, names, ports))
	beta := start(t, configOf(t, dir, 1, names, ports), nil)
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	const lv1 = "/v1/resources/lv1"
	answer := beta.ask(ctx, "POST", lv1+"/join", Join{})
	asked(t, alpha)

	beta.create("other")
	beta.do("DELETE", "/v1/resources/other", nil)
	beta.refused(409, "resource lv1: a join is under way", "POST", lv1+"/join", Join{From: "alpha"})
	toy := Create{Name: "lv1", Size: 1 << 20, Strategy: toys}
	beta.refused(409, "resource lv1: a join is under way", "POST", "/v1/resources", toy)
	giveUp()
	if err := <-answer; err == nil {
		t.Error("a host has joined that nobody has let in")
	}
	await(t, "the end of the join", func() bool {
		return beta.client.Do(context.Background(), "POST", "/v1/resources", toy, nil) == nil
	})
	if err := alpha.Close(); err != nil {
		t.Error(err)
	}
	beta.refused(502, "host alpha", "POST", "/v1/resources/lv2/join", Join{})
}

// The primary does not answer a member that leaves. Meanwhile the member becomes primary itself, and
// then its replica must not be deleted any more, even by force.
func TestLeaveWhileThePrimaryIsSilent(t *testing.T) {
	list := together(t, "alpha", "beta")
	alpha, beta := list[0], list[1]
	const lv1 = "/v1/resources/lv1"
	alpha.create("lv1")
	beta.do("POST", lv1+"/join", Join{})
	if err := alpha.stop(); err != nil {
		t.Fatal(err)
	}
	silent := bareMesh(t, alpha.cfg)
	answer := beta.ask(context.Background(), "POST", lv1+"/leave", Leave{Force: true})
	c := asked(t, silent)

	beta.create("other")
	beta.refused(409, "resource lv1: a leave is under way", "POST", lv1+"/leave", Leave{})
	beta.refused(409, "resource lv1: a leave is under way", "DELETE", lv1, nil)
	beta.do("POST", lv1+"/verb", Verb{Verb: "primary"})
	_ = c.Close()
	err := <-answer
	if r, ok := err.(*Refused); !ok || r.Status != http.StatusConflict ||
		r.Failure.Error != "resource lv1: this host is primary" {
		t.Errorf("%v", err)
	}
	beta.do("GET", lv1, nil)
	beta.do("POST", lv1+"/verb", Verb{Verb: "secondary"})
	answer = beta.ask(context.Background(), "POST", lv1+"/leave", Leave{Force: true})
	_ = asked(t, silent).Close()
	if err := <-answer; err != nil {
		t.Error(err)
	}
	beta.refused(404, "no replica", "GET", lv1, nil)
}

// What a user can mend is told from what has failed in this host.
func TestStatusOfWhatCouldNotBeMade(t *testing.T) {
	for err, status := range map[error]int{syscall.EFBIG: 400, syscall.ENOSPC: 409, engine.ErrTaken: 409,
		syscall.EIO: 500} {
		if got := statusOf(notMade(fmt.Errorf("resource lv1: %w", err))); got != status {
			t.Errorf("%v: status %d, expected %d", err, got, status)
		}
	}
}
