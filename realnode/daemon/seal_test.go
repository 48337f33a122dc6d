package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/lab"
	"github.com/container-football/pitch/node"
)

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// replaceText changes a file of the data folder as the daemon would: with a checksum that fits. It
// returns the text that was there.
func replaceText(t testing.TB, path string, change func(text string) string) (old string) {
	t.Helper()
	text, _, err := unseal(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, seal([]byte(change(string(text)))))
	return string(text)
}

// sealedFiles are those of a data folder that end with a checksum.
func sealedFiles(dir string) []string {
	return []string{filepath.Join(dir, identityName), filepath.Join(dir, incarnationName),
		filepath.Join(ResourceDir(dir, "lv1"), definitionName)}
}

// stopped is the data folder of a daemon that has run once, with one resource.
func stopped(t testing.TB) *Config {
	t.Helper()
	cfg := configOf(t, t.TempDir(), 0, []string{"alpha"}, lab.FreePorts(t, 1))
	d := start(t, cfg, nil)
	d.create("lv1")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// scrubAll scrubs a data folder with toys.
func scrubAll(t testing.TB, dir string) []Finding {
	t.Helper()
	r, err := Scrub(context.Background(), dir, ScrubOptions{Build: buildToy,
		Judge: func(*Definition, [][]node.LogFile) Judgement { return Judgement{} }})
	if err != nil {
		t.Fatal(err)
	}
	return r.Findings
}

// The form is one that can be written by hand: docs/how-to/run-a-node.md tells how.
func TestSeal(t *testing.T) {
	const want = "42\n# sha256 084c799cd551dd1d8d5c5f9a5d593b2e931f5e36122ee5c793c1d08a19839cc0\n"
	if got := string(seal([]byte("42\n"))); got != want {
		t.Errorf("%q", got)
	}
}

// Any bit of the small files changes, or they lose their ends. Scrub finds it, and nobody takes what
// is there for another valid number or name.
func TestAlteredFilesOfTheDataFolder(t *testing.T) {
	cfg := stopped(t)
	dir := cfg.Host.Data
	for _, path := range sealedFiles(dir) {
		whole := readFile(t, path)
		damaged := func(what string, at int) {
			t.Helper()
			if list := scrubAll(t, dir); len(list) != 1 || filepath.Join(dir, list[0].File) != path {
				t.Fatalf("%s %s at %d: %+v\n%s", path, what, at, list, readFile(t, path))
			}
		}
		for bit := range 8 * len(whole) {
			data := bytes.Clone(whole)
			data[bit/8] ^= 1 << (bit % 8)
			writeFile(t, path, data)
			damaged("flipped", bit)
		}
		for n := range whole {
			writeFile(t, path, whole[:n])
			damaged("cut off", n)
		}
		writeFile(t, path, whole)
	}
	if list := scrubAll(t, dir); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// The daemon says which file is not as it has written it, and what to do.
func TestDaemonOnAlteredFiles(t *testing.T) {
	cfg := stopped(t)
	for i, path := range sealedFiles(cfg.Host.Data) {
		whole := readFile(t, path)
		digit := bytes.LastIndexByte(whole[:bytes.Index(whole, []byte(sealMark))], '1')
		data := bytes.Clone(whole)
		data[digit] = '3'
		writeFile(t, path, data)
		if i < 2 {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			err := Run(ctx, Options{Config: cfg, Build: buildToy, Log: slog.New(slog.DiscardHandler)})
			cancel()
			what := []string{"remove the file, and it is made anew", "docs/how-to/run-a-node.md"}[i]
			if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), path) ||
				!strings.Contains(err.Error(), what) {
				t.Errorf("%v, expected %s and %q", err, path, what)
			}
		} else {
			d := start(t, cfg, nil)
			r := d.refused(http.StatusConflict, "content and checksum do not fit", "GET",
				"/v1/resources/lv1", nil)
			if !strings.Contains(r.Failure.Error, path) || !strings.Contains(r.Failure.Hint, "--force") {
				t.Errorf("%+v", r.Failure)
			}
			if err := d.stop(); err != nil {
				t.Fatal(err)
			}
		}
		writeFile(t, path, whole)
	}
}

// A folder of version 1 has no checksums. It is whole to scrub, which does not change it, and gets
// them at the next start; also where a crash has ended an earlier attempt in the middle.
func TestFolderWithoutChecksumsGetsThem(t *testing.T) {
	for _, done := range []int{0, 1, 2} {
		cfg := stopped(t)
		dir := cfg.Host.Data
		files := sealedFiles(dir)
		for i, path := range files {
			text, _, err := unseal(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				text = bytes.Replace(text, []byte("version = 2"), []byte("version = 1"), 1)
			}
			if i == 0 || i > done {
				writeFile(t, path, text)
			}
		}
		before := readFile(t, files[0])
		if list := scrubAll(t, dir); len(list) != 0 || !bytes.Equal(before, readFile(t, files[0])) {
			t.Errorf("%d done: %+v\n%s", done, list, readFile(t, files[0]))
		}
		d := start(t, cfg, nil)
		d.do("GET", "/v1/resources/lv1", nil)
		var h HostView
		if err := d.client.Do(context.Background(), "GET", "/v1/host", nil, &h); err != nil ||
			h.Incarnation != 2 {
			t.Errorf("%d done: %+v, %v", done, h, err)
		}
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if _, sealed, err := unseal(readFile(t, path)); !sealed || err != nil {
				t.Errorf("%d done: %s has no checksum: %v", done, path, err)
			}
		}
		if !strings.Contains(string(readFile(t, files[0])), "version = 2") {
			t.Errorf("%d done: %s", done, readFile(t, files[0]))
		}
	}
}
