package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// manCmd writes the manual pages from the same model that the help comes from.
type manCmd struct {
	Dir string `arg:"" help:"Folder to write to."`
}

func (c *manCmd) Help() string {
	return `Writes pitch.1, and a page for each command, such as pitch-vol.1 with all its verbs.

  pitch man /usr/local/share/man/man1`
}

func (c *manCmd) Run(k *kong.Kong) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return inaccessible(c.Dir, "made", err)
	}
	for name, text := range manPages(k.Model.Node) {
		path := filepath.Join(c.Dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return inaccessible(path, "written", err)
		}
	}
	return nil
}

// manPages are the pages by the names of their files.
func manPages(app *kong.Node) map[string][]byte {
	pages := map[string][]byte{"pitch.1": manPage(app)}
	for _, n := range app.Children {
		if !n.Hidden {
			pages["pitch-"+n.Name+".1"] = manPage(n)
		}
	}
	return pages
}

// manWriter writes mdoc.
type manWriter struct{ bytes.Buffer }

// macro writes a line with a macro. What follows is taken as it is.
func (w *manWriter) macro(name string, args ...string) {
	w.WriteString("." + name)
	for _, a := range args {
		w.WriteString(" " + quoted(a))
	}
	w.WriteByte('\n')
}

// quoted is an argument that no macro is found in: many short words are names of macros.
func quoted(s string) string {
	return `"\&` + strings.ReplaceAll(escaped(s), `"`, `\(dq`) + `"`
}

func escaped(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

var sentence = regexp.MustCompile(`([a-z)][.?!]\)?) +`)

// text writes paragraphs. Lines that are indented stay as they are.
func (w *manWriter) text(s string) {
	verbatim := false
	set := func(on bool) {
		if on != verbatim {
			verbatim = on
			w.WriteString(map[bool]string{true: ".Bd -literal\n", false: ".Ed\n"}[on])
		}
	}
	gap := false
	for l := range strings.Lines(strings.TrimSpace(s)) {
		l = strings.TrimRight(l, " \n")
		indented := strings.HasPrefix(l, "  ")
		switch {
		case l == "":
			gap = true
			continue
		case gap && !indented:
			set(false)
			w.macro("Pp")
		case gap && verbatim:
			w.WriteByte('\n')
		}
		gap = false
		set(indented)
		l = `\&` + escaped(l) + "\n"
		if !indented { // formatters see the end of a sentence only at the end of a line
			l = sentence.ReplaceAllString(l, "$1\n\\&")
		}
		w.WriteString(l)
	}
	set(false)
}

func manPage(n *kong.Node) []byte {
	var w manWriter
	name := strings.ReplaceAll(n.FullPath(), " ", "-")
	// The same source makes the same page, so it carries no date of its making.
	w.WriteString(".Dd $Mdocdate$\n")
	fmt.Fprintf(&w, ".Dt %s 1\n", strings.ToUpper(name))
	w.WriteString(".Os\n.Sh NAME\n")
	w.macro("Nm", name)
	help, detail, _ := strings.Cut(n.Help, "\n")
	w.macro("Nd", strings.TrimSuffix(help, "."))
	w.WriteString(".Sh SYNOPSIS\n")
	w.synopsis(n)
	w.WriteString(".Sh DESCRIPTION\n")
	w.text(help + "\n\n" + detail + "\n\n" + n.Detail)
	w.arguments(n)
	if n.Parent == nil {
		w.WriteString(".Ss Commands\n.Bl -tag -width Ds\n")
		for _, child := range n.Children {
			if !child.Hidden {
				w.WriteString(".It Xr pitch-" + child.Name + " 1\n")
				w.text(child.Help)
			}
		}
		w.WriteString(".El\n")
		return w.Bytes()
	}
	w.commands(n)
	w.WriteString(".Sh SEE ALSO\n.Xr pitch 1\n")
	return w.Bytes()
}

func (w *manWriter) synopsis(n *kong.Node) {
	w.macro("Nm", n.FullPath())
	summary := "<command> ..."
	if n.Parent != nil {
		summary = strings.TrimSpace(strings.TrimPrefix(n.Summary(), n.Path()))
	}
	if summary != "" {
		w.WriteString(`\&` + escaped(summary) + "\n")
	}
}

// arguments lists what follows the name of a command.
func (w *manWriter) arguments(n *kong.Node) {
	flags := 0
	for _, f := range n.Flags {
		if !f.Hidden {
			flags++
		}
	}
	if flags+len(n.Positional) == 0 {
		return
	}
	w.WriteString(".Bl -tag -width Ds\n")
	for _, p := range n.Positional {
		w.macro("It", p.Summary())
		w.text(p.Help)
	}
	for _, f := range n.Flags {
		if !f.Hidden {
			w.macro("It", f.String())
			w.text(f.Help)
		}
	}
	w.WriteString(".El\n")
}

// commands describes those below a command, and those below them.
func (w *manWriter) commands(n *kong.Node) {
	for _, child := range n.Children {
		if child.Hidden {
			continue
		}
		w.macro("Ss", child.Summary())
		w.text(child.Help)
		if len(child.Aliases) > 0 {
			w.text("\nAlso called: " + strings.Join(child.Aliases, ", ") + ".")
		}
		if child.Detail != "" {
			w.macro("Pp")
			w.text(child.Detail)
		}
		w.arguments(child)
		w.commands(child)
	}
}
