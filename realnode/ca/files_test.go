package ca

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNothingIsOverwrittenAndNothingIsLeftHalf(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	top := t.TempDir()
	taken := filepath.Join(top, "file")
	if err := os.WriteFile(taken, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(top, "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{lab.dir, taken, link, top} {
		sees(t, "who creates", Create(dir, "lab", now.opt()), ErrExists)
		sees(t, "who issues", Issue(lab.dir, "a", nil, dir, now.opt()), ErrExists)
	}
	empty := t.TempDir()
	if err := Issue(lab.dir, "a", nil, empty, now.opt()); err != nil {
		t.Error(err)
	}
	if err := Create(filepath.Join(top, "x", "y"), "lab", now.opt()); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{top, lab.dir, filepath.Dir(empty)} {
		if found, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(found) > 0 {
			t.Errorf("left: %q %v", found, err)
		}
	}
	for path, want := range map[string]fs.FileMode{
		filepath.Join(lab.dir, authorityKey):  0o600,
		filepath.Join(lab.dir, authorityCert): 0o644,
		filepath.Join(lab.dir, revokedList):   0o644,
		filepath.Join(empty, hostKey):         0o600,
		filepath.Join(empty, hostCert):        0o644,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
}

func TestBadValuesAreNamed(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	dir := filepath.Join(t.TempDir(), "new")
	long := strings.Repeat("a", 64)
	for _, name := range []string{"", "Lab", "a.b", "1", "-a", "a-", "a/b", "lab\n", "ä", long} {
		sees(t, "who creates", Create(dir, name, now.opt()), ErrName)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a b", "a_b", "-", "a..b", "a.",
		"10.0.0.1", "::1", "a\n", "ä", "a%2fb", long} {
		sees(t, "who issues", Issue(lab.dir, name, nil, dir, now.opt()), ErrName)
	}
	for _, a := range []string{"", "a:7000", "10.0.0.1:7000", "fe80::1%eth0", "*.lab", "a b"} {
		sees(t, "who issues", Issue(lab.dir, "a", []string{a}, dir, now.opt()), ErrName)
	}
	for _, life := range []time.Duration{-1, longest + 1} {
		opt := Options{Now: now.now, Life: life}
		sees(t, "who creates", Create(dir, "lab", opt), ErrName)
		sees(t, "who issues", Issue(lab.dir, "a", nil, dir, opt), ErrName)
	}
	sees(t, "who issues", Issue(dir, "a", nil, dir, now.opt()), ErrMissing)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was made", err)
	}
}

func TestNoCertificateOutlivesItsAuthority(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	out := filepath.Join(t.TempDir(), "a")
	err := Issue(lab.dir, "a", nil, out, Options{Now: now.now, Life: 2 * authorityLife})
	if err != nil {
		t.Fatal(err)
	}
	host, err := Inspect(filepath.Join(out, hostCert))
	if err != nil {
		t.Fatal(err)
	}
	root, err := Inspect(filepath.Join(out, authorityCert))
	if err != nil {
		t.Fatal(err)
	}
	if !host.NotAfter.Equal(root.NotAfter) || !root.NotAfter.Equal(start.Add(authorityLife)) {
		t.Error(host.NotAfter, root.NotAfter)
	}
	if !host.NotBefore.Equal(start.Add(-skew)) || host.Host != "a" || root.Host != "" ||
		root.Cluster != "lab" || len(host.Serial) != 32 || len(host.Fingerprint) != 64 {
		t.Error(host, root)
	}
}

func TestKeysThatOthersCanReadAreRefused(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	files := FilesIn(lab.folder("a"))
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o644, 0o601} {
		if err := os.Chmod(files.Key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(files, now.opt())
		sees(t, "the host", err, ErrKeyMode)
	}
	for mode, want := range map[fs.FileMode]error{0o600: nil, 0o400: nil} {
		if err := os.Chmod(files.Key, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(files, now.opt()); err != want {
			t.Error(mode, err)
		}
	}
	if err := os.Chmod(filepath.Join(lab.dir, authorityKey), 0o640); err != nil {
		t.Fatal(err)
	}
	err := Issue(lab.dir, "b", nil, filepath.Join(t.TempDir(), "b"), now.opt())
	sees(t, "the authority", err, ErrKeyMode)
}

// Every byte of every file is changed, and every file is cut at every length.
func TestDamageIsFoundOrHarmless(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	files := FilesIn(lab.folder("a"))
	own := lab.open("a").credentials()
	harmless := 0
	try := func(path string, at int) {
		c, err := Open(files, now.opt())
		var told *Error
		switch {
		case err != nil && !errors.As(err, &told):
			t.Errorf("%s, byte %d: %#v", path, at, err)
		case err == nil:
			harmless++
			if got := c.credentials(); !got.pair.Leaf.Equal(own.pair.Leaf) ||
				!got.authorities.Equal(own.authorities) {
				t.Errorf("%s, byte %d: opened as another one", path, at)
			}
		}
	}
	for _, path := range []string{files.Authority, files.Cert, files.Key} {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 7)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			try(path, i)
			if err := os.WriteFile(path, good[:i], 0o600); err != nil {
				t.Fatal(err)
			}
			try(path, -i)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A line end of PEM is as good as other white space, and the copy of the public key in that of
	// the private one is not read, but computed.
	if harmless > 100 {
		t.Errorf("%d of the changes were harmless", harmless)
	}
}

func TestFilesOfTheWrongKind(t *testing.T) {
	now := newClock()
	lab, prod := newSite(t, "lab", now), newSite(t, "prod", now)
	a, p := FilesIn(lab.folder("a")), FilesIn(prod.folder("a"))
	twin := FilesIn(newSite(t, "lab", now).folder("a"))
	root := filepath.Join(lab.dir, authorityCert)
	for _, c := range []struct {
		what string
		path string
		want error
	}{
		{"the authority's own", root, ErrIdentity},
		{"one of another cluster", p.Cert, ErrOtherCluster},
		{"one of an authority of the same name", twin.Cert, ErrUnknownAuthority},
		{"a key", a.Key, ErrDamaged},
		{"a folder", lab.dir, ErrMissing},
		{"nothing", filepath.Join(lab.dir, "nothing"), ErrMissing},
	} {
		out := filepath.Join(t.TempDir(), "out")
		sees(t, "who renews "+c.what, Renew(lab.dir, c.path, out, now.opt()), c.want)
		_, err := Revoke(lab.dir, c.path, now.opt())
		sees(t, "who revokes "+c.what, err, c.want)
	}
	for _, c := range []struct {
		files Files
		want  error
	}{
		{Files{p.Authority, a.Cert, a.Key, a.Revoked}, ErrUnknownAuthority},
		{Files{a.Cert, a.Cert, a.Key, a.Revoked}, ErrDamaged},
		{Files{a.Authority, root, filepath.Join(lab.dir, authorityKey), a.Revoked}, ErrIdentity},
		{Files{a.Authority, a.Cert, p.Key, a.Revoked}, ErrKeyMismatch},
		{Files{a.Authority, a.Cert, a.Key, a.Cert}, ErrDamaged},
		{Files{a.Authority, a.Cert, a.Key, ""}, ErrMissing},
		{Files{}, ErrMissing},
	} {
		_, err := Open(c.files, now.opt())
		sees(t, "who opens", err, c.want)
	}
}
