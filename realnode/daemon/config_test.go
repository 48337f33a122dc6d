package daemon

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict/stricttest"
)

var rewrite = flag.Bool("rewrite", false, "write docs/reference/node.md anew")

const plainConfig = `schema = 1
cluster = "lab"
[host]
name = "alpha"
id = 1
data = "data"
[tls]
dir = "tls"
[[peer]]
name = "beta"
id = 2
address = "10.0.0.2:7790"
rate = "100MiB/s"
compress = "s2"
`

func parse1(t *testing.T, text string) *Config {
	t.Helper()
	c, err := ParseConfig("/etc/pitch/node.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFormatsAreSound(t *testing.T) {
	if err := configFormat.Check(Config{}); err != nil {
		t.Error(err)
	}
	if err := definitionFormat.Check(Definition{}); err != nil {
		t.Error(err)
	}
	if err := identityFormat.Check(identity{}); err != nil {
		t.Error(err)
	}
}

func TestAConfigurationIsReadWithDefaultsAndPaths(t *testing.T) {
	c := parse1(t, plainConfig)
	if c.Host.Data != "/etc/pitch/data" || c.Host.Control != "/etc/pitch/data/control.sock" ||
		c.NBD.Socket != "/etc/pitch/data/nbd.sock" || c.TLS.Dir != "/etc/pitch/tls" {
		t.Errorf("paths %+v", c)
	}
	if c.Host.Listen != "127.0.0.1:7790" || c.NBD.TLS != "required" || c.Log.Level != "info" ||
		c.Peers[0].Rate != 100<<20 || c.Testing.Unsynced != "keep" {
		t.Errorf("defaults %+v", c)
	}
	again := parse1(t, string(c.Marshal()))
	if !reflect.DeepEqual(c, again) {
		t.Errorf("written and read again:\n%+v\n%+v", c, again)
	}
}

// Each mistake is one line that says where, what, and what was expected.
func TestMistakesInAConfiguration(t *testing.T) {
	swap := func(old, with string) string { return strings.Replace(plainConfig, old, with, 1) }
	for _, c := range []struct{ text, want string }{
		{swap("[tls]\ndir = \"tls\"\n", ""), "hosts know each other by certificates"},
		{swap(`dir = "tls"`, "dir = \"tls\"\ninsecure = true"), "one of the two"},
		{swap(`dir = "tls"`, "insecure = true"), "node.toml:12:11: address: without certificates"},
		{swap(`name = "alpha"`, `nama = "alpha"`), `did you mean "name"`},
		{swap(`id = 2`, `id = 1`), "id 1 is there twice"},
		{swap(`name = "beta"`, `name = "alpha"`), "is there twice"},
		{swap(`rate = "100MiB/s"`, `rate = "100MB"`), "expected a rate in bytes"},
		{swap(`compress = "s2"`, `compress = "lz4"`), `"none", "s2" or "zstd"`},
		{swap(`cluster = "lab"`, `cluster = "Lab!"`), "lower-case letters"},
		{swap(`10.0.0.2:7790`, `10.0.0.2`), "expected host:port"},
		{plainConfig + "[nbd]\nlisten = \"0.0.0.0:10809\"\ntls = \"off\"\n", "loopback address only"},
		{swap("schema = 1", "schema = 2"), "schema"},
	} {
		_, err := ParseConfig("node.toml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.HasPrefix(err.Error(), "node.toml:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, expected one line with %q", c.text, err, c.want)
		}
	}
}

func TestOnlyPeersLogAndLimitsCanChangeWhileItRuns(t *testing.T) {
	c := parse1(t, plainConfig)
	more := parse1(t, plainConfig+"[[peer]]\nname = \"gamma\"\nid = 3\naddress = \"h:1\"\n"+
		"[log]\nlevel = \"debug\"\n[sync]\nlimit = 2\n")
	if err := c.reloadable(more); err != nil {
		t.Errorf("another peer: %v", err)
	}
	moved := parse1(t, strings.Replace(plainConfig, `data = "data"`, `data = "other"`, 1))
	if err := c.reloadable(moved); err == nil {
		t.Error("another data folder is taken up")
	}
}

func TestADefinitionIsReadAsItWasWritten(t *testing.T) {
	d := &Definition{Schema: 1, Name: "lv1", CompressLog: "none", Number: 1 << 31, UUID: strings.Repeat("0a", 16),
		Strategy: "mars", Size: 1 << 30, Sector: 4096, Members: []string{"alpha", "beta"},
		Ack: "submitted", Buffer: 64 << 20, FetchWindow: 8 << 20, Segment: 1 << 20, LogLimit: 1 << 30, Fetch: true, Replay: true,
		Checksums: true}
	again, err := ParseDefinition("definition.toml", d.Marshal())
	if err != nil || !reflect.DeepEqual(d, again) {
		t.Errorf("%+v, %v, expected %+v", again, err, d)
	}
	for old, with := range map[string]string{
		`name = "lv1"`:    `name = "../lv1"`,
		`size = "1GiB"`:   `size = "1000B"`,
		`uuid = "0a0a`:    `uuid = "0A0A`,
		`sector = "4KiB"`: `sector = "8KiB"`,
	} {
		text := strings.Replace(string(d.Marshal()), old, with, 1)
		if _, err := ParseDefinition("definition.toml", []byte(text)); err == nil {
			t.Errorf("%s is taken", with)
		}
	}
}

// Definitions are stored all or nothing, and never over another one.
func TestAResourceIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	d := &Definition{Schema: 1, Name: "lv1", CompressLog: "none", UUID: strings.Repeat("00", 16), Strategy: "mars",
		Size: 4096, Sector: 4096, Members: []string{"alpha"}, Ack: "durable", Buffer: 1 << 20,
		FetchWindow: 1 << 20}
	if err := Store(dir, d); err != nil {
		t.Fatal(err)
	}
	if err := Store(dir, d); err == nil {
		t.Error("it was stored over the other")
	}
	left, err := filepath.Glob(filepath.Join(dir, resourcesName, ".*"))
	if err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

const referenceHead = `# Configuration of a node

The file that ` + "`pitch node --config FILE`" + ` reads, in TOML. ` + "`pitch schema node`" + ` prints a JSON Schema for editors, and
` + "`pitch node --config FILE --check`" + ` only checks it. Relative paths are meant from the folder of the file. This page is made from the
code (` + "`go test ./realnode/daemon -run Reference -rewrite`" + `).

A changed file is taken up at SIGHUP, by ` + "`systemctl reload`" + ` or ` + "`pitch vol reload`" + `: peers, log.level and sync.limit. All else takes a restart, and a
reload that would need one changes nothing and says so. A SIGHUP that comes while the daemon starts is answered as soon as it serves.

`

func TestTheReferencePageListsAllKeys(t *testing.T) {
	const path = "../../docs/reference/node.md"
	schema, err := ConfigSchema()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := stricttest.Reference(schema,
		[]string{"host", "tls", "nbd", "log", "sync", "peer", "testing"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	page := referenceHead + tables
	if *rewrite {
		if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page {
		t.Error("docs/reference/node.md is not what the format is; " +
			"go test ./realnode/daemon -run Reference -rewrite")
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(plainConfig)
	f.Add("schema = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConfig("/x/node.toml", []byte(text))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %v", err)
			}
			return
		}
		if _, err := ParseConfig("/x/node.toml", c.Marshal()); err != nil {
			t.Errorf("what was read cannot be written and read again: %v\n%s", err, c.Marshal())
		}
	})
}
