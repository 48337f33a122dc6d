// Package lab makes what a cluster of daemons on one machine needs, for tests and benchmarks.
package lab

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FreePort is one that nobody listens on at this moment.
func FreePort(t testing.TB) int { return FreePorts(t, 1)[0] }

// FreePorts are several of them. All are held until the last one is found.
func FreePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// Write makes an authority in a folder, and for each host a certificate and the configuration
// NAME.toml, whose data folder is NAME. Pitch is the program; more is added to each configuration.
func Write(t testing.TB, dir, pitch, more string, names ...string) {
	t.Helper()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(pitch, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("pitch %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("ca", "create", "pki", "--cluster", "lab")
	ports := FreePorts(t, len(names))
	for i, name := range names {
		run("ca", "issue", "pki", name)
		var b strings.Builder
		fmt.Fprintf(&b, "schema = 1\ncluster = \"lab\"\n[host]\nname = %q\nid = %d\ndata = %q\n", name,
			i+1, name)
		fmt.Fprintf(&b, "listen = \"127.0.0.1:%d\"\n[tls]\ndir = \"pki/hosts/%s\"\n%s", ports[i], name, more)
		for k, peer := range names {
			if k != i {
				fmt.Fprintf(&b, "[[peer]]\nname = %q\nid = %d\naddress = \"127.0.0.1:%d\"\n", peer, k+1,
					ports[k])
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name+".toml"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
