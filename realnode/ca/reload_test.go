package ca

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/container-football/pitch/internal/durable"
)

// letIn checks that a client is let in by a server that has been running for a while.
func letIn(t *testing.T, server, client *Config) {
	t.Helper()
	s := &side{c: server, cfg: server.Server()}
	c := &side{c: client, cfg: client.Client(server.Host())}
	meet(t, s, c)
	sees(t, "server", s.err)
	sees(t, "client", c.err)
}

func TestRenewedFilesAreUsedWithoutARestart(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	a, b := lab.open("a"), lab.open("b")
	server := b.Server() // made once, as a listener does
	letIn(t, b, a)

	now.advance(hostLife + day)
	s, c := &side{c: b, cfg: server}, &side{c: a, cfg: a.Client("b")}
	meet(t, s, c)
	sees(t, "client", c.err, ErrExpired)
	sees(t, "server", s.err, ErrRefused, ErrExpired)

	before, err := os.ReadFile(FilesIn(lab.folder("b")).Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a", "b"} {
		cert := FilesIn(lab.folder(host)).Cert
		if err := Renew(lab.dir, cert, cert, now.opt()); err != nil {
			t.Fatal(err)
		}
	}
	s, c = &side{c: b, cfg: server}, &side{c: a, cfg: a.Client("b")}
	meet(t, s, c)
	sees(t, "server", s.err)
	sees(t, "client", c.err)
	if after, err := os.ReadFile(FilesIn(lab.folder("b")).Key); string(after) != string(before) {
		t.Error("the key has changed", err)
	}
	info, err := Inspect(FilesIn(lab.folder("b")).Cert)
	if err != nil || strings.Join(info.Addresses, " ") != "b.example.org 127.0.0.1" {
		t.Error(info, err)
	}
}

func TestBrokenNewFilesLeaveTheFormerInUse(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	a, b := lab.open("a"), lab.open("b")
	files := FilesIn(lab.folder("b"))
	good, err := os.ReadFile(files.Cert)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		t.Helper()
		if err := durable.Replace(files.Cert, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	other, err := os.ReadFile(FilesIn(lab.folder("a")).Cert)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []struct {
		data []byte
		want error
	}{{good[:len(good)/2], ErrDamaged}, {nil, ErrDamaged}, {other, ErrKeyMismatch}} {
		write(broken.data)
		letIn(t, b, a)
		if err := b.Stale(); !errors.Is(err, broken.want) {
			t.Errorf("stale: %v, expected %q", err, broken.want)
		}
	}
	// All files of another host do not make a running one another.
	keep := t.TempDir()
	for _, name := range []string{hostKey, hostCert} {
		if err := os.Rename(filepath.Join(lab.folder("b"), name), filepath.Join(keep, name)); err != nil {
			t.Fatal(err)
		}
		copyFile(t, filepath.Join(lab.folder("a"), name), filepath.Join(lab.folder("b"), name))
	}
	if err := os.Chmod(files.Key, 0o600); err != nil {
		t.Fatal(err)
	}
	letIn(t, b, a)
	if err := b.Stale(); !errors.Is(err, ErrOtherHost) {
		t.Errorf("stale: %v", err)
	}
	write(good)
	if err := os.Rename(filepath.Join(keep, hostKey), files.Key); err != nil {
		t.Fatal(err)
	}
	letIn(t, b, a)
	if err := b.Stale(); err != nil {
		t.Errorf("stale: %v", err)
	}
}

func TestRevokedOnesAreRefusedFromTheNextHandshakeOn(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	a, b := lab.open("a"), lab.open("b")
	letIn(t, b, a)
	list := filepath.Join(lab.dir, revokedList)
	serial, err := Revoke(lab.dir, FilesIn(lab.folder("a")).Cert, now.opt())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Revoke(lab.dir, strings.ToUpper(serial), now.opt())
	if again != serial || err != nil {
		t.Error(again, err)
	}
	text, err := os.ReadFile(list)
	if want := revokedHead + serial + " # host a, 2026-03-01\n"; string(text) != want {
		t.Errorf("the list is %q, %v", text, err)
	}
	letIn(t, b, a) // b has not heard of it

	copyFile(t, list, FilesIn(lab.folder("b")).Revoked)
	r := refusal{server: &side{c: b, cfg: b.Server()}, client: &side{c: a, cfg: a.Client("b")},
		onServer: []error{ErrRevoked}, onClient: []error{ErrRefused}}
	r.check(t)
	if errors.Is(r.client.err, ErrRevoked) {
		t.Error("a cannot know why")
	}
	r = refusal{server: &side{c: a, cfg: a.Server()}, client: &side{c: b, cfg: b.Client("a")},
		onServer: []error{ErrRefused}, onClient: []error{ErrRevoked}}
	r.check(t)

	copyFile(t, list, FilesIn(lab.folder("a")).Revoked)
	r = refusal{server: &side{c: b, cfg: b.Server()}, client: &side{c: a, cfg: a.Client("b")},
		onServer: []error{ErrRevoked}, onClient: []error{ErrRefused, ErrRevoked}}
	r.check(t)
	err = Renew(lab.dir, FilesIn(lab.folder("a")).Cert, filepath.Join(t.TempDir(), "x"), now.opt())
	sees(t, "who renews it", err, ErrRevoked)
}

// A file that is written over in place has the same size and inode, but another time.
func TestAListThatIsEditedInPlaceIsReadAgain(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	a, b := lab.open("a"), lab.open("b")
	list := FilesIn(lab.folder("b")).Revoked
	serials := []string{strings.Repeat("0f", 16), serialText(a.credentials().pair.Leaf)}
	for i, want := range [][]error{nil, {ErrRevoked}} {
		if err := os.WriteFile(list, []byte(serials[i]+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(list, start, start.Add(time.Duration(i))); err != nil {
			t.Fatal(err)
		}
		s, c := &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")}
		meet(t, s, c)
		sees(t, "server", s.err, want...)
	}
}

// A list that cannot be read might have named the peer.
func TestWithoutAListNobodyIsLetIn(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	a, b := lab.open("a"), lab.open("b")
	list := FilesIn(lab.folder("b")).Revoked
	good, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "1234\n", "0123456789abcdef0123456789abcdef", "\x00\n"} {
		if err := durable.Replace(list, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, c := &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")}
		meet(t, s, c)
		sees(t, "server", s.err, ErrDamaged)
		sees(t, "client", c.err, ErrRefused)
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	s, c := &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")}
	meet(t, s, c)
	sees(t, "server", s.err, ErrMissing)
	if err := durable.Replace(list, good, 0o644); err != nil {
		t.Fatal(err)
	}
	letIn(t, b, a)
}

// No revocation is lost when several come at a time, while hosts shake hands and are renewed.
func TestManyAtOnce(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	a, b := lab.open("a"), lab.open("b")
	files := FilesIn(lab.folder("b"))
	var wg sync.WaitGroup
	serials := make([]string, 12)
	for i := range serials {
		wg.Go(func() {
			n, err := newSerial()
			if err == nil {
				serials[i], err = Revoke(lab.dir, strings.Repeat("0", 32-len(n.Text(16)))+n.Text(16),
					now.opt())
			}
			if err != nil {
				t.Error(err)
			}
			if err := Renew(lab.dir, files.Cert, files.Cert, now.opt()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { letIn(t, b, a) })
	}
	wg.Wait()
	revoked, err := load(filepath.Join(lab.dir, revokedList), false, parseRevoked)
	if err != nil || len(revoked) != len(serials) {
		t.Fatal(len(revoked), err)
	}
	for _, s := range serials {
		if !revoked[s] {
			t.Error(s)
		}
	}
}
