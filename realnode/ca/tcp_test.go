package ca

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// dial returns both ends of a TCP connection.
func dial(t *testing.T, l net.Listener) (server, client net.Conn) {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// A socket that is closed with something unread resets its connection. Why a host was refused must
// reach it all the same, every time.
func TestOverTCPTheRefusalArrives(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	prod := newSite(t, "prod", lab.clock)
	a, b, p := lab.open("a"), lab.open("b"), prod.open("a")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 50 {
		x, y := dial(t, l)
		s, c := &side{c: b, cfg: b.Server()}, &side{c: p, cfg: careless(p)}
		meetOn(t, x, y, s, c)
		sees(t, "server", s.err, ErrOtherCluster)
		sees(t, "client", c.err, ErrRefused)

		x, y = dial(t, l)
		s, c = &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("c")}
		meetOn(t, x, y, s, c)
		sees(t, "server", s.err, ErrRefused)
		sees(t, "client", c.err, ErrOtherHost)

		x, y = dial(t, l)
		s, c = &side{c: b, cfg: b.Server("a")}, &side{c: a, cfg: a.Client("b")}
		meetOn(t, x, y, s, c)
		sees(t, "server", s.err)
		sees(t, "client", c.err)
	}
}

// Somebody else's program finds our certificates good, and their addresses in them.
func TestOpenSSLAgrees(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := filepath.Join(t.TempDir(), "lab")
	out := filepath.Join(dir, "a")
	if err := Create(dir, "lab", Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Issue(dir, "a", []string{"10.0.0.1", "fd00::1", "a.example.org"}, out,
		Options{}); err != nil {
		t.Fatal(err)
	}
	root, cert := filepath.Join(out, authorityCert), filepath.Join(out, hostCert)
	for _, more := range [][]string{{"-purpose", "sslserver"}, {"-purpose", "sslclient"},
		{"-verify_ip", "10.0.0.1"}, {"-verify_ip", "fd00::1"}, {"-verify_hostname", "a"},
		{"-verify_hostname", "a.example.org"}} {
		args := append([]string{"verify", "-x509_strict", "-CAfile", root}, append(more, cert)...)
		cmd := exec.CommandContext(t.Context(), openssl, args...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE=/dev/null")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("openssl %v: %v\n%s", args, err, text)
		}
	}
}
