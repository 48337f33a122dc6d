// Package tutorial holds docs/tutorial.md against the program: a newcomer must see what it shows.
package tutorial_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tutorial's blocks: files to write, and what is typed with what is printed.
var block = regexp.MustCompile("(?s)```(toml|console)\n(.*?)```")

// numbers differ from version to version and, in the local world, from run to run; the test is
// about everything else.
var numbers = regexp.MustCompile(`[0-9a-f]{16}|[0-9][0-9.]*|  +`)

func mask(s string) string { return numbers.ReplaceAllString(strings.TrimSpace(s), "~") }

func TestTutorialShowsWhatTheProgramDoes(t *testing.T) {
	text, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	var file string // first.toml as it grows
	shown := 0
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		switch body := b[2]; {
		case b[1] == "toml" && strings.HasPrefix(body, "ack ="):
			file = strings.Replace(file, "[[workload]]", body+"\n[[workload]]", 1)
		case b[1] == "toml":
			file += body
		default:
			if strings.Contains(body, "1..1000") { // the tutorial has taken the line out by now
				file = regexp.MustCompile(`(?m)^ack = .*\n`).ReplaceAllString(file, "")
			}
			if err := os.WriteFile(filepath.Join(dir, "first.toml"), []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
			shown += compare(t, dir, "", body)
		}
	}
	if shown < 40 {
		t.Fatalf("only %d lines of output were compared: has the tutorial another form now?", shown)
	}
}

// folder makes one with pitch in it.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	pitch := filepath.Join(dir, "pitch")
	if out, err := exec.Command("go", "build", "-o", pitch, "../../cmd/pitch").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// compare runs the command of one block, after a prelude, and looks for every line that the block
// shows, in order. It returns how many there were.
func compare(t *testing.T, dir, prelude, body string) int {
	t.Helper()
	command, shown, _ := strings.Cut(body, "\n")
	command = strings.TrimPrefix(command, "$ ")
	cmd := exec.Command("sh", "-c", prelude+command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState.ExitCode() > 3 && !strings.Contains(shown, "pitch: ") {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	printed := strings.Split(string(out), "\n")
	n := 0
	for line := range strings.Lines(shown) {
		want := mask(line)
		if want == "" || want == "[...]" {
			continue
		}
		i := 0
		for i < len(printed) && mask(printed[i]) != want {
			i++
		}
		if i == len(printed) {
			t.Fatalf("%s does not print the line\n%s\nit prints\n%s", command, line, out)
		}
		printed = printed[i+1:]
		n++
	}
	return n
}
