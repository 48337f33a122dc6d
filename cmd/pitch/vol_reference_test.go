package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/container-football/pitch/realnode/daemon"
)

var rewrite = flag.Bool("rewrite", false, "write docs/reference/vol.md anew")

const volReferenceHead = `# Volumes

What ` + "`pitch vol`" + ` can do, and what it says. ` + "`pitch vol VERB --help`" + ` tells the same; [how to use it](../how-to/run-a-node.md). This page is
made from the code (` + "`go test ./cmd/pitch -run VolReference -rewrite`" + `).

NAME may be ` + "`all`" + ` for switches, ` + "`view`, `wait`, `primary`, `secondary`, `log-rotate`, `cron`, `set-ack` and `log-limit`" + `: each volume's outcome is told, and the exit code is the worst. It stands for all replicas here;
for ` + "`view`" + ` also for imported volumes.
` + "`--dry-run`" + ` checks what the daemon can see, with the exit code of the attempt, and says what would be done; where the outcome depends on
others, it says so.

Log that no member needs any more is deleted by itself, in whole segments: there is no ` + "`log-delete`" + `, and ` + "`cron`" + ` begins a new segment.

What may take long (` + "`wait`, `primary`, `--wait`" + `) shows a line a volume on a terminal: states, percent, rate, time, and how much is left to be copied,
fetched and replayed. Elsewhere only the result is printed. Ctrl-C ends the waiting with exit code 130; what was asked for goes on.

`

// volReference is docs/reference/vol.md.
func volReference(t *testing.T) string {
	var b strings.Builder
	b.WriteString(volReferenceHead)
	b.WriteString("## Verbs\n\n| verb | does | flags |\n|---|---|---|\n")
	for _, n := range commandOf(t, "vol").Children {
		name := n.Name
		for _, p := range n.Positional {
			name += " " + strings.ToUpper(p.Name)
		}
		if len(n.Aliases) > 0 {
			name += "`, `" + strings.Join(n.Aliases, "`, `")
		}
		var flags []string
		for _, f := range n.Flags {
			if f.Name != "help" {
				flags = append(flags, fmt.Sprintf("`--%s`", f.Name))
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, n.Help, strings.Join(flags, ", "))
	}
	table := func(title, text, column string, words []daemon.Word) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| %s | meaning |\n|---|---|\n", title, text, column)
		for _, w := range words {
			fmt.Fprintf(&b, "| `%s` | %s |\n", w.Name, w.Meaning)
		}
	}
	table("Goals", "What `wait` can wait for. `is-` may stand before those that end in `-on` and `-off`.", "goal",
		daemon.Goals())
	table("DISK", "What the volume on this host is. The first that fits is shown.", "word", daemon.DiskWords())
	table("REPLICATION", "What replication does here.", "word", daemon.ReplWords())
	table("ROLE", "What the replica is at this moment.", "word", daemon.RoleWords())
	table("FLAGS", "Six letters; this is what each place can be.", "letters", daemon.FlagWords())
	b.WriteString("\n`COPIED` is there while a volume is copied. `--json` has all of it for programs.\n")
	return b.String()
}

// commandOf is a command of the command line.
func commandOf(t *testing.T, name string) *kong.Node {
	t.Helper()
	parser, err := newParser()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range parser.Model.Children {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("no command %s", name)
	return nil
}

func TestVolReferenceIsWhatTheCodeIs(t *testing.T) {
	const path = "../../docs/reference/vol.md"
	page := volReference(t)
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
		t.Error("docs/reference/vol.md is not what the code is; go test ./cmd/pitch -run VolReference -rewrite")
	}
}
