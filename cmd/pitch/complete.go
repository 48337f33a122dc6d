package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/container-football/pitch/realnode/daemon"
)

// The shells' scripts know nothing: they call `pitch __complete WORD...` and take what it prints, so
// they need no update. Libraries that do this for kong bring half a dozen modules and do not show
// what a candidate means.

// completeWord is the hidden command that the scripts call.
const completeWord = "__complete"

// files is what is printed in place of candidates where the shell is to complete names of files.
const files = ":files"

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

var (
	//go:embed completion/pitch.bash
	bashCompletion string
	//go:embed completion/_pitch
	zshCompletion string
	//go:embed completion/pitch.fish
	fishCompletion string
)

func (c *completionCmd) Help() string {
	return `Prints what lets a shell complete commands, flags and names of volumes.

  pitch completion bash > /usr/share/bash-completion/completions/pitch
  pitch completion zsh > /usr/local/share/zsh/site-functions/_pitch
  pitch completion fish > /usr/share/fish/vendor_completions.d/pitch.fish
  source <(pitch completion bash)          in this shell only`
}

func (c *completionCmd) Run(s *streams) error {
	_, err := io.WriteString(s.out, map[string]string{"bash": bashCompletion, "zsh": zshCompletion,
		"fish": fishCompletion}[c.Shell])
	return err
}

// candidate is a word that may stand at the end of a command line.
type candidate struct{ word, meaning string }

// complete prints what may stand in place of the last word, which may be empty: a line a candidate,
// with its meaning behind a tab.
func complete(w io.Writer, app *kong.Node, words []string) {
	l := line{cmd: app, socket: os.Getenv("PITCH_SOCKET"), flags: true}
	if len(words) == 0 {
		words = []string{""}
	}
	last := len(words) - 1
	for _, word := range words[:last] {
		l.take(word)
	}
	for _, c := range l.candidates(words[last]) {
		if c.word == files {
			fmt.Fprintln(w, files)
		} else if strings.HasPrefix(c.word, words[last]) {
			meaning, _, _ := strings.Cut(c.meaning, "\n")
			fmt.Fprintf(w, "%s\t%s\n", c.word, meaning)
		}
	}
}

// line is what is known of a command line after some of its words.
type line struct {
	cmd    *kong.Node
	taken  int        // positional arguments of cmd
	flag   *kong.Flag // whose value comes next, or nil
	flags  bool       // no "--" has been there
	socket string     // of the daemon
}

func (l *line) take(word string) {
	switch {
	case l.flag != nil:
		l.value(l.flag, word)
		l.flag = nil
	case l.flags && word == "--":
		l.flags = false
	case l.flags && strings.HasPrefix(word, "-") && word != "-":
		name, value, found := strings.Cut(word, "=")
		f := l.find(name)
		if found {
			l.value(f, value)
		} else if f != nil && !f.IsBool() && !f.IsCounter() {
			l.flag = f
		}
	default:
		child := slices.IndexFunc(l.cmd.Children, func(n *kong.Node) bool {
			return n.Name == word || slices.Contains(n.Aliases, word)
		})
		if child >= 0 && l.taken == 0 {
			l.cmd = l.cmd.Children[child]
		} else {
			l.taken++
		}
	}
}

func (l *line) value(f *kong.Flag, value string) {
	if f != nil && f.Name == "socket" {
		l.socket = value
	}
}

// find is the flag of this name, of this command or one above it.
func (l *line) find(name string) *kong.Flag {
	for _, group := range l.cmd.AllFlags(false) {
		for _, f := range group {
			if name == "--"+f.Name || name == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func (l *line) candidates(word string) (list []candidate) {
	if l.flag != nil {
		return l.values(l.flag.Value)
	}
	if l.flags && strings.HasPrefix(word, "-") {
		name, _, found := strings.Cut(word, "=")
		if f := l.find(name); found && f != nil {
			for _, c := range l.values(f.Value) {
				if c.word != files {
					c.word = name + "=" + c.word
				}
				list = append(list, c)
			}
			return list
		}
		for _, group := range l.cmd.AllFlags(true) {
			for _, f := range group {
				list = append(list, candidate{"--" + f.Name, f.Help})
			}
		}
		return list
	}
	if l.taken == 0 {
		for _, n := range l.cmd.Children {
			if !n.Hidden {
				list = append(list, candidate{n.Name, n.Help})
			}
		}
	}
	if at := len(l.cmd.Positional); at > 0 {
		p := l.cmd.Positional[min(l.taken, at-1)]
		if l.taken < at || p.IsCumulative() {
			list = append(list, l.values(p)...)
		}
	}
	return list
}

// values are those that an argument or a flag can have. The tag "complete" says what they are if
// they are neither listed nor files.
func (l *line) values(v *kong.Value) (list []candidate) {
	if v.Enum != "" {
		for _, word := range v.EnumSlice() {
			list = append(list, candidate{word, meaningOf(word)})
		}
		return list
	}
	switch kind := v.Tag.Get("complete"); {
	case kind == "volumes":
		return append(l.volumes(), candidate{daemon.All, "all replicas on this host"})
	case kind == "volume":
		return l.volumes()
	case kind == "host":
		return l.peers()
	case kind == "file", takesFile(v):
		return []candidate{{files, ""}}
	}
	return nil
}

// takesFile says whether a value is a path, by the placeholder or the name that people read.
func takesFile(v *kong.Value) bool {
	name := strings.ToUpper(v.Name)
	if v.Flag != nil {
		name = v.Flag.PlaceHolder
	}
	return slices.Contains([]string{"FILE", "PATH", "DIR", "DIRS", "FILES", "SCENARIO", "SCENARIOS",
		"STUDY", "STUDIES", "BUNDLE", "HISTORY", "OUT"}, name)
}

// meaningOf explains a goal, and nothing else.
func meaningOf(word string) string {
	for _, g := range daemon.Goals() {
		if g.Name == strings.TrimPrefix(word, switchPrefix) {
			return g.Meaning
		}
	}
	return ""
}

// answerTime is how long somebody who has pressed a key waits for a daemon.
const answerTime = 500 * time.Millisecond

// ask asks the daemon of this line. Without an answer there are no candidates, and no message: that
// would stand in the middle of what is being typed.
func (l *line) ask(path string, out any) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	socket := l.socket
	if socket == "" {
		socket = defaultSocket
	}
	_ = daemon.NewClient(socket).Do(ctx, http.MethodGet, path, nil, out)
}

func (l *line) volumes() (list []candidate) {
	var views []daemon.View
	l.ask("/v1/resources", &views)
	for i := range views {
		list = append(list, candidate{views[i].Name, states(&views[i])})
	}
	return list
}

func (l *line) peers() (list []candidate) {
	var v daemon.HostView
	l.ask("/v1/host", &v)
	for _, p := range v.Peers {
		list = append(list, candidate{p.Name, p.Address})
	}
	return list
}
