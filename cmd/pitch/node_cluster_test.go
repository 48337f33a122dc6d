package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-football/pitch/realnode/daemon"
)

// host administers the cluster of a host and returns what is printed.
func (h *labHost) host(args ...string) string {
	h.lab.t.Helper()
	return h.lab.must("pitch", append([]string{"host", "--patience", "60s", "--socket",
		h.name + "/control.sock"}, args...)...)
}

// parsed is what a command says with --json.
func parsed[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// eventually waits until a condition holds.
func (h *labHost) eventually(what string, holds func() bool) {
	h.lab.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			h.lab.t.Fatalf("%s: never %s\n%s%s", h.name, what, h.host("list"), h.vol("view", "--all-hosts"))
		}
	}
}

// clusterNames are the hosts that a host knows.
func (h *labHost) clusterNames() (names []string) {
	h.lab.t.Helper()
	for _, c := range parsed[[]daemon.ClusterHost](h.lab.t, h.host("list", "--json")) {
		names = append(names, c.Name)
	}
	return names
}

// told is what a host knows of a replica, or nil.
func (h *labHost) told(volume, of string) *daemon.ShareView {
	h.lab.t.Helper()
	for _, v := range parsed[[]daemon.SharedView](h.lab.t, h.vol("view", "--all-hosts", "--json")) {
		for i := range v.Hosts {
			if v.Name == volume && v.Hosts[i].Host == of {
				return &v.Hosts[i]
			}
		}
	}
	return nil
}

// toldRole says whether a host has been told that a replica has this role.
func (h *labHost) toldRole(volume, of, role string) bool {
	s := h.told(volume, of)
	return s != nil && s.Told != nil && s.Told.Role == role
}

// Three hosts come to one cluster and tell each other of a volume; one is killed, and its age grows;
// what happens meanwhile it learns when it is back.
func TestHostsTellEachOther(t *testing.T) {
	l := newLab(t, "alpha", "beta", "gamma")
	alpha, beta, gamma := l.hosts[0], l.hosts[1], l.hosts[2]
	for _, h := range l.hosts {
		h.eventually("knows all hosts", func() bool {
			return slices.Equal(h.clusterNames(), []string{"alpha", "beta", "gamma"})
		})
	}
	alpha.vol("create", "lv1", "--size", "8MiB")
	for _, h := range []*labHost{beta, gamma} {
		h.vol("join", "lv1")
		h.vol("wait", "lv1", "up-to-date")
	}
	for _, h := range l.hosts {
		h.eventually("knows what all say", func() bool {
			return h.toldRole("lv1", "alpha", "Primary") && h.toldRole("lv1", "beta", "Secondary") &&
				h.toldRole("lv1", "gamma", "Secondary")
		})
	}
	alpha.eventually("knows that gamma is alive", func() bool { return alpha.told("lv1", "gamma").Seen != nil })
	alpha.says("this host", alpha.host("list"))
	alpha.says("Secondary", alpha.vol("view", "--all-hosts", "lv1"))

	gamma.kill()
	alpha.eventually("sees that gamma is silent", func() bool {
		s, b := alpha.told("lv1", "gamma"), alpha.told("lv1", "beta")
		return s.Seen != nil && *s.Seen > 16 && b.Seen != nil && *b.Seen < 14
	})
	if b := alpha.told("lv1", "beta"); b.Age < 10 {
		t.Errorf("nothing has changed, but beta has told of it again, %v s ago", b.Age)
	}
	beta.vol("primary", "lv1")
	alpha.eventually("knows the new primary", func() bool {
		return alpha.toldRole("lv1", "beta", "Primary") && alpha.toldRole("lv1", "alpha", "Secondary")
	})
	gamma.start()
	gamma.eventually("has caught up", func() bool {
		return gamma.toldRole("lv1", "beta", "Primary") && gamma.toldRole("lv1", "alpha", "Secondary")
	})
	alpha.eventually("hears gamma again", func() bool { return *alpha.told("lv1", "gamma").Seen < 10 })

	// Who leaves is told of no more, and may be a guest.
	gamma.vol("leave", "lv1")
	alpha.eventually("does not know gamma as a member", func() bool { return alpha.told("lv1", "gamma") == nil })
	gamma.vol("guest", "lv1")
	gamma.eventually("sees the volume as a guest", func() bool { return gamma.toldRole("lv1", "beta", "Primary") })
	beta.eventually("knows its guest", func() bool {
		s := beta.told("lv1", "gamma")
		return s != nil && s.Guest
	})
	alpha.vol("leave", "lv1")
	beta.vol("delete", "lv1") // at once: nobody waits until all have heard of the one before

	for _, h := range l.hosts {
		h.eventually("has forgotten the volume", func() bool {
			return !strings.Contains(h.vol("view", "--all-hosts"), "lv1")
		})
	}
}

// A host whose peer is not there does not make a cluster by itself, but on demand. Two clusters that
// were made so are merged.
func TestClustersAreMadeOnDemandAndMerged(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	alpha, beta := l.hosts[0], l.hosts[1]
	alone := func(h, other *labHost) {
		h.kill()
		h.lab.must("rm", "-rf", h.name)
		other.kill()
		h.start()
		if out := h.host("list"); !strings.Contains(out, "in no cluster yet") {
			t.Errorf("%s: %s", h.name, out)
		}
		h.says(h.name, h.host("create-cluster"))
	}
	alone(alpha, beta)
	alone(beta, alpha)
	alpha.start()
	beta.vol("wait-cluster")
	if names := beta.clusterNames(); !slices.Equal(names, []string{"beta"}) {
		t.Errorf("beta is in a cluster with %v", names)
	}
	beta.host("merge-cluster", "alpha")
	for _, h := range l.hosts {
		h.eventually("knows both hosts", func() bool {
			return slices.Equal(h.clusterNames(), []string{"alpha", "beta"})
		})
	}
}
