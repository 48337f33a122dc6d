package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// raw posts text, which need not be JSON.
func (d *running) raw(method, path, body string) (status int, f Failure) {
	d.t.Helper()
	req, err := http.NewRequest(method, "http://pitch"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := d.client.http.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil && resp.StatusCode == http.StatusOK {
		d.t.Errorf("%s %s: the answer is no JSON: %v", method, path, err)
	}
	return resp.StatusCode, f
}

// What cannot be meant is refused, says why, and changes nothing.
func TestControlPlaneRefuses(t *testing.T) {
	d := alone(t)
	d.create("lv1")
	const all, one = "/v1/resources", "/v1/resources/lv1"
	toy := func(rest string) string { return `{"strategy":"toy",` + rest + `}` }
	for _, c := range []struct {
		method, path, body string
		status             int
		what               string
	}{
		{"POST", all, toy(`"name":"a","size":"1MiB","sise":"2MiB"`), 400, `unknown field "sise"`},
		{"POST", all, toy(`"name":"a","size":"1MiB"`) + `{"name":"b"}`, 400, "more than one value"},
		{"POST", all, `{"name":`, 400, "unexpected EOF"},
		{"POST", all, `["name"]`, 400, "cannot unmarshal"},
		{"POST", all, toy(`"name":"a","size":1048576`), 400, "request"},
		{"POST", all, toy(`"name":"a","size":"many"`), 400, "request"},
		{"POST", all, toy(`"name":"` + strings.Repeat("x", 65<<10) + `"`), 413, "more than 65536 bytes"},
		{"POST", all, "", 400, "name"},
		{"POST", all, toy(`"name":"../a","size":"1MiB"`), 400, "letters"},
		{"POST", all, toy(`"name":".a","size":"1MiB"`), 400, "letters"},
		{"POST", all, toy(`"name":"a"`), 400, "size"},
		{"POST", all, toy(`"name":"a","size":"4097B"`), 400, "multiple of the sector"},
		{"POST", all, toy(`"name":"a","size":"1MiB","sector":"1KiB"`), 400, "sector"},
		{"POST", all, toy(`"name":"a","size":"1MiB","buffer":"1KiB"`), 400, "buffer"},
		{"POST", all, `{"name":"a","size":"1MiB","strategy":"no"}`, 400, `strategy "no" is unknown`},
		{"POST", all, toy(`"name":"lv1","size":"1MiB"`), 409, "already here"},
		{"GET", all + "/none", "", 404, `no replica of resource "none"`},
		{"DELETE", all + "/none", "", 404, `no replica of resource "none"`},
		{"POST", one + "/verb", `{"verb":"promote"}`, 400, `verb "promote" is unknown`},
		{"POST", all, `{"name":"a","size":"1MiB","strategy":"giant"}`, 500, "volume"},
		{"POST", one + "/verb", `{"verb":"connect"}`, 409, "a toy cannot do that"},
		{"POST", one + "/verb", `{"verb":"resume-replay"}`, 500, "io-error"},
		{"POST", one + "/verb", `{"vreb":"primary"}`, 400, "unknown field"},
		{"POST", one + "/resize", `{"size":"1000B"}`, 400, "sector"},
		{"POST", one + "/resize", `{"size":"512KiB"}`, 409, "no larger"},
		{"POST", one + "/wait", `{"for":"godot"}`, 400, `cannot wait for "godot"`},
		{"POST", one + "/join", `{}`, 409, "already here"},
		{"POST", all + "/none/join", `{}`, 400, "no [[peer]] to ask"},
		{"POST", all + "/none/join", `{"from":"nobody"}`, 400, `"nobody" is no [[peer]]`},
		{"POST", one + "/leave", `{}`, 409, "this host is primary"},
		{"POST", one + "/leave", `{"host":"nobody"}`, 400, `"nobody" is no [[peer]]`},
		{"POST", one + "/detach", "", 409, "not attached"},
		{"GET", "/v1/peer/resources/lv1", "", 404, ""},
		{"PUT", one, "", 405, ""},
	} {
		status, f := d.raw(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(f.Error, c.what) {
			t.Errorf("%s %s %.80s: %d %q, expected %d and %q", c.method, c.path, c.body, status, f.Error,
				c.status, c.what)
		}
		if status == http.StatusNotFound && c.what != "" && !strings.Contains(f.Hint, "pitch vol join none") {
			t.Errorf("%s %s: hint %q", c.method, c.path, f.Hint)
		}
	}
	entries, err := os.ReadDir(filepath.Join(d.cfg.Host.Data, resourcesName))
	if err != nil || len(entries) != 1 {
		t.Errorf("what was refused has left something behind: %v, %v", entries, err)
	}
	if v := d.do("GET", one, nil); v.Size != 1<<20 || v.Role != "Primary" {
		t.Errorf("%+v", v)
	}
}

// A view is what api.go says, no more and no less.
func TestViewIsWhatIsDocumented(t *testing.T) {
	d := alone(t)
	d.create("lv1")
	resp, err := d.client.http.Get("http://pitch/v1/resources")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var views []View
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&views); err != nil || len(views) != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	v := views[0]
	if v.Name != "lv1" || len(v.UUID) != 32 || v.Strategy != toys || v.Host != "alpha" ||
		v.Size != 1<<20 || v.Sector != 4096 || v.Role != "Primary" || v.Primary != "alpha" ||
		v.Disk != "UpToDate" || v.Repl != "Replicating" || v.Flags != "dCA---" ||
		len(v.Members) != 1 || len(v.Devices) != 2 || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s", text)
	}
	for _, field := range []string{"name", "uuid", "strategy", "host", "members", "size", "sector",
		"disk", "replication", "flags", "role", "primary", "epoch", "open", "end", "durable", "applied",
		"committed", "behind", "unapplied", "up_to_date", "split_brain", "cut_off", "devices"} {
		if !bytes.Contains(text, []byte(`"`+field+`":`)) {
			t.Errorf("no field %q in %s", field, text)
		}
	}
	var h HostView
	if err := d.client.Do(context.Background(), "GET", "/v1/host", nil, &h); err != nil ||
		h.Name != "alpha" || h.ID != 1 || h.Cluster != "lab" || h.Incarnation != 1 || h.Resources != 1 ||
		h.Version != "test" {
		t.Errorf("%+v, %v", h, err)
	}
}

// A volume that somebody uses stays. When nobody does, it goes, and so does all that was of it; then
// its name is free.
func TestDelete(t *testing.T) {
	d := alone(t)
	for round := range 3 {
		d.create("lv1")
		c := d.open("lv1")
		p := make([]byte, 4096)
		if err := c.Read(p, 0); err != nil || !bytes.Equal(p, make([]byte, 4096)) {
			t.Fatalf("round %d: a new volume is not empty: %v", round, err)
		}
		if err := c.Write(bytes.Repeat([]byte{1}, 4096), 0, nbdtest.FUA); err != nil {
			t.Fatal(err)
		}
		d.refused(409, "in use by 1 users", "DELETE", "/v1/resources/lv1", nil)
		_ = c.Close()
		d.do("POST", "/v1/resources/lv1/wait", Wait{For: "closed"})
		d.do("DELETE", "/v1/resources/lv1", nil)
		d.refused(404, "no replica", "GET", "/v1/resources/lv1", nil)
		if _, err := nbdtest.Connect(d.cfg.NBD.Socket, "lv1"); !errors.Is(err, nbdtest.ErrNoExport) {
			t.Errorf("a deleted volume is exported: %v", err)
		}
		if _, err := os.Stat(ResourceDir(d.cfg.Host.Data, "lv1")); !os.IsNotExist(err) {
			t.Errorf("the folder of a deleted volume: %v", err)
		}
	}
}

// Clients try to connect all the time while a volume is deleted and made again under the same name.
// The new volume must be exported, not what is left of the old one.
func TestDeleteWhileClientsConnect(t *testing.T) {
	d := alone(t)
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if c, err := nbdtest.Connect(d.cfg.NBD.Socket, "lv1"); err == nil {
					_ = c.Close()
				}
			}
		})
	}
	for round := range 20 {
		d.create("lv1")
		c := d.open("lv1")
		p := make([]byte, 4096)
		if err := c.Read(p, 0); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		_ = c.Close()
		await(t, "delete", func() bool {
			err := d.client.Do(ctx, "DELETE", "/v1/resources/lv1", nil, nil)
			var r *Refused
			if err != nil && (!errors.As(err, &r) || r.Status != http.StatusConflict) {
				t.Fatal(err)
			}
			return err == nil
		})
		var list []View
		if err := d.client.Do(ctx, "GET", "/v1/resources", nil, &list); err != nil || len(list) != 0 {
			t.Fatalf("%v, %v", list, err)
		}
	}
	cancel()
	clients.Wait()
}

// A client is connected while its volume grows: it can use the new part at once.
func TestResizeWithAClient(t *testing.T) {
	d := alone(t)
	d.create("lv1")
	c := d.open("lv1")
	block := bytes.Repeat([]byte{3}, 4096)
	if err := c.Write(block, 1<<20, 0); err == nil {
		t.Error("write beyond the end")
	}
	if v := d.do("POST", "/v1/resources/lv1/resize", Resize{Size: 2 << 20}); v.Size != 2<<20 {
		t.Errorf("size %d", v.Size)
	}
	await(t, "the new part", func() bool { return c.Write(block, 1<<20, 0) == nil })
	p := make([]byte, 4096)
	if err := c.Read(p, 1<<20); err != nil || !bytes.Equal(p, block) {
		t.Errorf("read of the new part: %v", err)
	}
	if again := d.open("lv1"); again.Size != 2<<20 {
		t.Errorf("a new client sees %d bytes", again.Size)
	}
}

// A volume is exported while its host is primary, and at no other time.
func TestExportFollowsTheRole(t *testing.T) {
	d := alone(t)
	d.create("lv1")
	c := d.open("lv1")
	if err := c.Flush(); err != nil { // now it is in use for sure
		t.Fatal(err)
	}
	d.refused(409, "in use on host alpha", "POST", "/v1/resources/lv1/verb", Verb{Verb: "secondary"})
	_ = c.Close()
	d.do("POST", "/v1/resources/lv1/wait", Wait{For: "closed"})
	for range 3 {
		if v := d.do("POST", "/v1/resources/lv1/verb", Verb{Verb: "secondary"}); v.Role != "Secondary" {
			t.Errorf("%+v", v)
		}
		await(t, "the end of the export", func() bool {
			c, err := nbdtest.Connect(d.cfg.NBD.Socket, "lv1")
			if err == nil {
				_ = c.Close()
			}
			return errors.Is(err, nbdtest.ErrNoExport)
		})
		d.do("POST", "/v1/resources/lv1/verb", Verb{Verb: "primary"})
		c := d.open("lv1")
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		d.do("POST", "/v1/resources/lv1/wait", Wait{For: "closed"})
	}
}

// Clients write parts of sectors next to each other. None of the parts may be lost.
func TestPartsOfSectors(t *testing.T) {
	d := alone(t)
	d.create("lv1")
	const writers, size = 8, 512
	var all sync.WaitGroup
	for w := range writers {
		c := d.open("lv1")
		all.Go(func() {
			for i := range 20 {
				if err := c.Write(bytes.Repeat([]byte{byte(w*20 + i)}, size), int64(w*size), 0); err != nil {
					t.Error(err)
				}
			}
			got := make([]byte, size)
			if err := c.Read(got, int64(w*size)); err != nil ||
				!bytes.Equal(got, bytes.Repeat([]byte{byte(w*20 + 19)}, size)) {
				t.Errorf("part %d: %v, begins with %d", w, err, got[0])
			}
		})
	}
	all.Wait()
	c := d.open("lv1")
	if err := c.Trim(0, writers*size); err != nil {
		t.Error(err)
	}
	across := bytes.Repeat([]byte{9}, 10000)
	if err := c.Write(across, 777, nbdtest.FUA); err != nil {
		t.Error(err)
	}
	got := make([]byte, 12000)
	want := append(append(make([]byte, 777), across...), make([]byte, 12000-777-10000)...)
	if err := c.Read(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("what begins and ends within sectors: %v", err)
	}
}

// Who may use the sockets, the permissions say. A socket that a killed daemon has left is replaced,
// one that somebody listens on is not, and a file that is no socket is nobody's to remove.
func TestSockets(t *testing.T) {
	d := alone(t)
	for _, path := range []string{d.cfg.Host.Control, d.cfg.NBD.Socket} {
		if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if err := allowGroup(d.cfg.Host.Control, ""); err != nil {
		t.Error(err)
	}
	if os.Getuid() == 0 {
		if err := allowGroup(d.cfg.Host.Control, "root"); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(d.cfg.Host.Control); err != nil || info.Mode() != os.ModeSocket|0o660 {
			t.Errorf("for a group: %v, %v", info.Mode(), err)
		}
	}
	if err := allowGroup(d.cfg.Host.Control, "no-such-group"); err == nil ||
		!strings.Contains(err.Error(), "host.control_group") {
		t.Errorf("a group that is not there: %v", err)
	}

	if _, err := listenUnix(d.cfg.Host.Control); err == nil ||
		!strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("a socket in use: %v", err)
	}
	dir := t.TempDir()
	stale := filepath.Join(dir, "deep", "stale")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	again, err := listenUnix(stale)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(file); err == nil {
		t.Error("a file was taken for a socket")
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
}

// What a client of the control plane is told where there is no daemon.
func TestClientWithoutADaemon(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"none", "stale"} {
		path := filepath.Join(dir, name)
		if name == "stale" {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			_ = l.Close()
		}
		err := NewClient(path).Do(context.Background(), "GET", "/v1/host", nil, nil)
		if !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
