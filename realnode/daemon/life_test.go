package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/internal/lab"
)

// A daemon was killed while it made one resource and while it deleted another one. At its next start
// there is neither, and what was whole is there.
func TestLeftoversOfACrashAreTidied(t *testing.T) {
	cfg := configOf(t, t.TempDir(), 0, []string{"alpha"}, lab.FreePorts(t, 1))
	d := start(t, cfg, nil)
	d.create("whole")
	d.create("half")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(cfg.Host.Data, resourcesName)
	for old, now := range map[string]string{"half": leavingPrefix + "half"} {
		if err := os.Rename(filepath.Join(all, old), filepath.Join(all, now)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(all, ".new-other", "log0"), 0o700); err != nil {
		t.Fatal(err)
	}
	d = start(t, cfg, nil)
	entries, err := os.ReadDir(all)
	if err != nil || len(entries) != 1 || entries[0].Name() != "whole" {
		t.Errorf("%v, %v", entries, err)
	}
	d.do("GET", "/v1/resources/whole", nil)
	d.create("half") // the names are free
	d.create("other")
	var h HostView
	if err := d.client.Do(context.Background(), "GET", "/v1/host", nil, &h); err != nil || h.Incarnation != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

// A data folder that somebody else has damaged or uses is not opened, and the message says where.
func TestDataFolderThatCannotBeUsed(t *testing.T) {
	cfg := configOf(t, t.TempDir(), 0, []string{"alpha"}, lab.FreePorts(t, 1))
	d := start(t, cfg, nil)
	d.create("lv1")
	refused := func(what string) {
		t.Helper()
		err := Run(context.Background(), Options{Config: cfg, Build: buildToy,
			Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, expected %q", err, what)
		}
	}
	refused(durable.ErrLocked.Error())
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	data := cfg.Host.Data
	with := func(path, text, what string) {
		t.Helper()
		path = filepath.Join(data, path)
		old := replaceText(t, path, func(string) string { return text })
		refused(what)
		replaceText(t, path, func(string) string { return old })
	}
	with(incarnationName, "many\n", "expected how often this host was started")
	with(incarnationName, "0\n", "expected how often this host was started")
	with(identityName, "version = 1\n", "cluster")
	with(identityName, "version = 3\ncluster = \"lab\"\nhost = \"alpha\"\nid = 1\nseed = 1\n",
		ErrNewer.Error())
	definition := filepath.Join(ResourceDir(data, "lv1"), definitionName)
	for _, wrong := range []struct{ old, with, what string }{
		{`"lv1"`, `"lv2"`, `definition of "lv2" in the folder`},
		{`"toy"`, `"no"`, `strategy "no" is unknown`},
	} { // the daemon serves, and this resource alone does not
		text := replaceText(t, definition, func(text string) string {
			return strings.Replace(text, wrong.old, wrong.with, 1)
		})
		d = start(t, cfg, nil)
		d.refused(http.StatusConflict, wrong.what, "GET", "/v1/resources/lv1", nil)
		d.refused(http.StatusConflict, "already here", "POST", "/v1/resources",
			Create{Name: "lv1", Size: 1 << 20, Strategy: "toy"})
		d.create("other")
		d.do("DELETE", "/v1/resources/other", nil)
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		replaceText(t, definition, func(string) string { return text })
	}
	d = start(t, cfg, nil)
	d.do("GET", "/v1/resources/lv1", nil)
}

// A host that was a member when a replica was made has left the cluster since, and its [[peer]] has
// gone. The replica knows its members itself by now. A replica that has never run needs them all.
func TestMemberThatHasLeftTheCluster(t *testing.T) {
	cfg := configOf(t, t.TempDir(), 0, []string{"alpha"}, lab.FreePorts(t, 1))
	d := start(t, cfg, nil)
	d.create("lv1")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	dir := ResourceDir(cfg.Host.Data, "lv1")
	replaceText(t, filepath.Join(dir, definitionName), func(text string) string {
		more := strings.Replace(text, `members = ["alpha"]`, `members = ["ghost", "alpha"]`, 1)
		if more == text {
			t.Fatalf("no members in %s", text)
		}
		return more
	})
	d = start(t, cfg, nil)
	d.do("GET", "/v1/resources/lv1", nil)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, LogName+"0")); err != nil {
		t.Fatal(err)
	}
	d = start(t, cfg, nil)
	d.refused(http.StatusConflict, "member ghost is unknown here: it needs a [[peer]]", "GET",
		"/v1/resources/lv1", nil)
}

// changing is a configuration that can be changed while a daemon runs.
type changing struct {
	mu  sync.Mutex
	cfg *Config
	err error
}

func (c *changing) set(cfg *Config, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg, c.err = cfg, err
}

func (c *changing) reload() (*Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg, c.err
}

// Peers and the level of the log are taken up. All else takes a restart, and is refused as a whole.
func TestReload(t *testing.T) {
	dir, ports := t.TempDir(), lab.FreePorts(t, 2)
	cfg := configOf(t, dir, 0, []string{"alpha"}, ports)
	file := &changing{cfg: cfg}
	d := start(t, cfg, func(o *Options) { o.Reload = file.reload })
	peers := func() int {
		var h HostView
		if err := d.client.Do(context.Background(), "GET", "/v1/host", nil, &h); err != nil {
			t.Fatal(err)
		}
		return len(h.Peers)
	}
	two := func() *Config { return configOf(t, dir, 0, []string{"alpha", "beta"}, ports) }
	for name, change := range map[string]func(c *Config){
		"data":    func(c *Config) { c.Host.Data += "2" },
		"name":    func(c *Config) { c.Host.Name = "gamma" },
		"listen":  func(c *Config) { c.Host.Listen = "127.0.0.1:1" },
		"tls":     func(c *Config) { c.NBD.TLS = "off" },
		"format":  func(c *Config) { c.Log.Format = "json" },
		"testing": func(c *Config) { c.Testing.PageCache = true },
	} {
		fresh := two()
		change(fresh)
		file.set(fresh, nil)
		d.refused(409, "takes effect only after a restart", "POST", "/v1/reload", nil)
		if peers() != 0 {
			t.Errorf("%s: a part of a refused configuration was taken up", name)
		}
	}
	file.set(nil, errors.New("node.toml:3: nonsense"))
	d.refused(409, "node.toml:3: nonsense", "POST", "/v1/reload", nil)

	before := level.Level()
	defer level.Set(before)
	fresh := two()
	fresh.Log.Level = "error"
	file.set(fresh, nil)
	d.do("POST", "/v1/reload", nil)
	if peers() != 1 || level.Level() != slog.LevelError {
		t.Errorf("%d peers, level %v", peers(), level.Level())
	}
	file.set(cfg, nil)
	d.do("POST", "/v1/reload", nil)
	if peers() != 0 {
		t.Errorf("%d peers", peers())
	}
}

// systemd is told when the daemon is ready, reloads and stops.
func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	expect := func(want string) {
		t.Helper()
		if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1000)
		n, err := l.Read(b)
		if err != nil || !regexp.MustCompile("^"+want+"$").Match(b[:n]) {
			t.Fatalf("systemd was told %q, %v, expected %q", b[:n], err, want)
		}
	}
	t.Setenv("NOTIFY_SOCKET", path)
	cfg := configOf(t, t.TempDir(), 0, []string{"alpha"}, lab.FreePorts(t, 1))
	file := &changing{cfg: cfg}
	hangups := make(chan os.Signal, 1)
	hangups <- syscall.SIGHUP // it has come too early to be answered at once
	d := start(t, cfg, func(o *Options) { o.Reload, o.Hangups = file.reload, hangups })
	expect("READY=1")
	reloads := func() {
		t.Helper()
		expect("RELOADING=1\nMONOTONIC_USEC=[0-9]+")
		expect("READY=1")
	}
	reloads()
	hangUp := func() {
		hangups <- syscall.SIGHUP
		reloads()
	}
	hangUp()
	file.set(nil, errors.New("nonsense")) // it is not taken up, and the daemon goes on
	hangUp()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	expect("STOPPING=1")

	if err := sendNotification("", "READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	if err := sendNotification(path+"-gone", "READY=1"); err == nil {
		t.Error("a socket that is not there")
	}
	abstract := "@pitch-test-" + filepath.Base(t.TempDir()) + t.Name()
	a, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: abstract, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := sendNotification(abstract, "READY=1"); err != nil {
		t.Errorf("a socket in the abstract namespace: %v", err)
	}
}

// Lines for the journal begin with the priority, and tell neither time nor level again.
func TestLinesForTheJournal(t *testing.T) {
	before := level.Level()
	defer level.Set(before)
	var out bytes.Buffer
	t.Setenv("JOURNAL_STREAM", "8:1234")
	log := NewLogger(&Log{Level: "debug", Format: "auto"}, &out)
	log.Debug("details")
	log.Info("serving", "peers", 2)
	log.With("host", "alpha").Warn("slow")
	log.WithGroup("disk").Error("lost", "level", 3, "time", "kept in a group")
	want := "<7>msg=details\n<6>msg=serving peers=2\n<4>msg=slow host=alpha\n" +
		"<3>msg=lost disk.level=3 disk.time=\"kept in a group\"\n"
	if out.String() != want {
		t.Errorf("%s\nexpected\n%s", out.String(), want)
	}
	out.Reset()
	SetLevel("error")
	log.Warn("no longer")
	SetLevel("nonsense") // it stays as it is
	log.Error("still")
	if out.String() != "<3>msg=still\n" {
		t.Errorf("%s", out.String())
	}
	for format, first := range map[string]string{"text": "time=", "json": `{"time":`} {
		out.Reset()
		NewLogger(&Log{Level: "info", Format: format}, &out).Info("hello")
		if !strings.HasPrefix(out.String(), first) {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
