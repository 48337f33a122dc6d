package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// rewrite changes the configuration of a host.
func (h *labHost) rewrite(change func(text string) string) (before string) {
	h.lab.t.Helper()
	path := filepath.Join(h.lab.dir, h.name+".toml")
	text, err := os.ReadFile(path)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(text))), 0o644); err != nil {
		h.lab.t.Fatal(err)
	}
	return string(text)
}

// withoutPeer takes a [[peer]] out of a configuration.
func withoutPeer(name string) func(string) string {
	return func(text string) string {
		parts := strings.Split(text, "[[peer]]\n")
		kept := parts[:1]
		for _, p := range parts[1:] {
			if !strings.Contains(p, `name = "`+name+`"`) {
				kept = append(kept, p)
			}
		}
		return strings.Join(kept, "[[peer]]\n")
	}
}

// says fails unless what was printed contains a text.
func (h *labHost) says(want, out string) {
	h.lab.t.Helper()
	if !strings.Contains(out, want) {
		h.lab.t.Errorf("%s says\n%s\nexpected %q", h.name, out, want)
	}
}

// Hosts come and go: members join, leave, are thrown out, and a host is taken out of the cluster for
// good. The content stays all the time.
func TestMembersComeAndGo(t *testing.T) {
	l := newLab(t, "alpha", "beta", "gamma")
	alpha, beta, gamma := l.hosts[0], l.hosts[1], l.hosts[2]
	alpha.vol("create", "lv1", "--size", "8MiB")
	alpha.says("already here", alpha.refuses("create", "lv1", "--size", "8MiB"))
	c := alpha.open("lv1")
	for b := range int64(20) {
		writeBlock(t, c, b, 1)
	}
	alpha.says("in use by 1 users", alpha.refuses("delete", "lv1"))
	beta.says("has no replica", beta.refuses("primary", "lv1"))
	beta.vol("join", "lv1")
	beta.says("already here", beta.refuses("join", "lv1"))
	beta.vol("wait", "lv1", "up-to-date")
	alpha.says("other members", alpha.refuses("delete", "lv1"))
	alpha.says("this host is primary", alpha.refuses("leave", "lv1"))

	// It grows with a client connected, who can use the new part.
	alpha.vol("resize", "lv1", "16MiB")
	alpha.says("can only grow", alpha.refuses("resize", "lv1", "8MiB"))
	writeBlock(t, c, 3000, 1)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	alpha.vol("wait", "lv1", "closed")
	beta.vol("wait", "lv1", "up-to-date")

	// Nobody is primary: nobody can join.
	alpha.vol("secondary", "lv1")
	gamma.says("no primary now", gamma.refuses("join", "lv1", "--from", "alpha"))
	beta.vol("primary", "lv1")
	gamma.vol("join", "lv1", "--from", "alpha") // which knows whom to ask
	gamma.vol("wait", "lv1", "up-to-date")

	// Gamma dies, and is thrown out. It learns of it when it comes back, and forgets the volume.
	gamma.kill()
	beta.vol("leave", "lv1", "--host", "gamma")
	gamma.start()
	gamma.awaitView("lv1", "NotJoined")
	gamma.vol("leave", "lv1")
	gamma.says("no volumes here", gamma.vol("view"))

	// Alpha, where all began, leaves for good. Beta does without it from now on, also when it starts.
	alpha.vol("wait", "lv1", "up-to-date")
	alpha.vol("leave", "lv1")
	alpha.kill()
	beta.rewrite(withoutPeer("alpha"))
	beta.vol("reload")
	if out := beta.vol("host"); strings.Contains(out, "alpha") {
		t.Errorf("after the reload beta knows alpha:\n%s", out)
	}
	text := beta.rewrite(func(text string) string {
		return strings.Replace(text, `data = "beta"`, `data = "other"`, 1)
	})
	beta.says("takes effect only after a restart", beta.refuses("reload"))
	beta.rewrite(func(string) string { return strings.Replace(text, "cluster", "custer", 1) })
	beta.says(`did you mean "cluster"`, beta.refuses("reload"))
	beta.rewrite(func(string) string { return text })
	beta.kill()
	beta.start()
	c = beta.open("lv1")
	for _, b := range []int64{0, 19, 3000} {
		if v := versionOf(t, c, b); v != 1 {
			t.Errorf("block %d has version %d", b, v)
		}
	}
	p := make([]byte, 4096)
	if err := c.Write(bytes.Repeat([]byte{5}, 100), 50, nbdtest.FUA); err != nil { // a part of a block
		t.Error(err)
	}
	if err := c.Read(p, 0); err != nil || p[49] != content(0, 1)[49] || p[50] != 5 || p[149] != 5 ||
		p[150] != content(0, 1)[150] {
		t.Errorf("a part of a block: %v", err)
	}
	c.Close()
	beta.vol("wait", "lv1", "closed")
	beta.vol("delete", "lv1")
	beta.says("no volumes here", beta.vol("view"))
}
