package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// completed are the words that may stand in place of the last one.
func completed(app *kong.Node, words ...string) (list []string) {
	var b bytes.Buffer
	complete(&b, app, words)
	for l := range strings.Lines(b.String()) {
		word, _, _ := strings.Cut(strings.TrimSpace(l), "\t")
		list = append(list, word)
	}
	return list
}

// everyCommand calls f for each command that people see, with the words that lead to it.
func everyCommand(n *kong.Node, words []string, f func(n *kong.Node, words []string)) {
	f(n, words)
	for _, child := range n.Children {
		if !child.Hidden {
			everyCommand(child, append(slices.Clone(words), child.Name), f)
		}
	}
}

// Every command, flag and listed value is completed, and stands in a manual page.
func TestCompletionAndManualsHaveEverything(t *testing.T) {
	parser, err := newParser()
	if err != nil {
		t.Fatal(err)
	}
	app := parser.Model.Node
	t.Setenv("PITCH_SOCKET", filepath.Join(t.TempDir(), "none"))
	pages := manPages(app)
	everyCommand(app, nil, func(n *kong.Node, words []string) {
		file := "pitch.1"
		if len(words) > 0 {
			file = "pitch-" + words[0] + ".1"
		}
		page := string(pages[file])
		has := func(text, last string) {
			t.Helper()
			if !strings.Contains(page, escaped(text)) {
				t.Errorf("%s does not have %q", file, text)
			}
			if last != "" && !slices.Contains(completed(app, append(slices.Clone(words), last)...), text) {
				t.Errorf("%v: %q does not become %q", words, last, text)
			}
		}
		for _, child := range n.Children {
			if !child.Hidden {
				has(child.Name, child.Name[:1])
			}
		}
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			has("--"+f.Name, "--"+f.Name[:1])
			if f.Enum == "" {
				continue
			}
			for _, value := range f.EnumSlice() {
				last := append(slices.Clone(words), "--"+f.Name, "")
				if !slices.Contains(completed(app, last...), value) {
					t.Errorf("%v does not become %q", last, value)
				}
			}
		}
	})
	if page := string(pages["pitch-vol.1"]); !strings.Contains(page, escaped("up-to-date")) {
		t.Error("the manual of vol does not have the goals of wait")
	}
}

func TestCompletion(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	alpha := l.hosts[0]
	alpha.vol("create", "lv1", "--size", "1MiB")
	alpha.vol("create", "lv2", "--size", "1MiB")
	socket := filepath.Join(l.dir, "alpha", "control.sock")
	t.Setenv("PITCH_SOCKET", socket)
	for _, c := range []struct{ line, want string }{
		{"vol view ", "lv1 lv2 all"},
		{"vol primary l", "lv1 lv2"},
		{"vol pause-fetch lv", "lv1 lv2"},
		{"vol join ", ""},
		{"vol join x --from ", "beta"},
		{"vol join x --from=b", "--from=beta"},
		{"vol wait lv1 up", "up-to-date"},
		{"vol wait lv1 is-sync", "is-sync-on is-sync-off"},
		{"vol create x --ack d", "durable"},
		{"vol --socket " + filepath.Join(l.dir, "none") + " view ", "all"},
		{"vol --socket ", files},
		{"vol view --verb", "--verbose"},
		{"vol view -- --", ""},
		{"completion ", "bash zsh fish"},
		{"scrub ", files},
		{"ru", "run"},
	} {
		out := l.must("pitch", append([]string{completeWord}, strings.Split(c.line, " ")...)...)
		var got []string
		for line := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q, expected %q", c.line, got, c.want)
		}
	}

	for line, want := range map[string]string{"pitch vol wait lv1 up-": "up-to-date",
		"pitch vol create x --ack=d": "durable", "pitch vol primary ": "lv1 lv2"} {
		script := bashCompletion + `
COMP_LINE=$1 COMP_POINT=${#1}
read -ra COMP_WORDS <<<"${1//=/ = }"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_pitch
echo "${COMPREPLY[@]}"`
		out, err := exec.Command("bash", "-c", script, "bash", line).Output()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("bash: %q: %q, %v, expected %q", line, out, err, want)
		}
	}
	for shell, check := range map[string][]string{"zsh": {"-n"}, "fish": {"--no-execute"}} {
		path := filepath.Join(l.dir, shell)
		if err := os.WriteFile(path, []byte(l.must("pitch", "completion", shell)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("no %s here to read its script", shell)
			continue
		}
		l.must(shell, append(check, path)...)
	}
}
