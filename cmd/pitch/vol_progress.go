package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/container-football/pitch/realnode/daemon"
)

// redraw is how often a terminal shows how volumes get on.
const redraw = 200 * time.Millisecond

// watch shows on a terminal how volumes get on, a line each, until stop is called.
func (c *volCmd) watch(s *streams, names []string) (stop func()) {
	f := terminal(s.err)
	if f == nil {
		return func() {}
	}
	ended := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		p := painter{f: f, bars: make(map[string]*volBar)}
		defer p.clear()
		t := time.NewTicker(redraw)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-ended:
				return
			}
			var views []daemon.View
			for _, name := range names {
				v := daemon.View{Name: name, Disk: "no answer"}
				// What is wrong the verb itself will tell.
				_ = c.ask(s, time.Second, http.MethodGet, daemon.ResourcePath(name), nil, &v)
				views = append(views, v)
			}
			p.paint(views)
		}
	})
	return func() {
		close(ended)
		task.Wait()
	}
}

// painter draws lines over those that it has drawn before.
type painter struct {
	f     *os.File
	bars  map[string]*volBar
	drawn int
}

func (p *painter) paint(views []daemon.View) {
	width, height, err := term.GetSize(int(p.f.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	p.clear()
	var b strings.Builder
	for i := range views[:min(len(views), max(1, height-1))] { // one that scrolls away cannot be cleared
		v := &views[i]
		if p.bars[v.Name] == nil {
			p.bars[v.Name] = new(volBar)
		}
		line := []rune(p.bars[v.Name].line(v))
		fmt.Fprintln(&b, string(line[:min(len(line), max(1, width-1))])) // one that wraps is two
		p.drawn++
	}
	_, _ = io.WriteString(p.f, b.String()) // nobody needs it who is not there
}

// clear goes back to where the first line began, and leaves nothing of them.
func (p *painter) clear() {
	if p.drawn > 0 {
		fmt.Fprintf(p.f, "\x1b[%dA\r\x1b[J", p.drawn)
		p.drawn = 0
	}
}

// volBar is how a volume gets on: bytes to be copied, fetched and replayed. More may come while it
// does, so what is done is counted, and what is left is what it is.
type volBar struct {
	bar        *progressbar.ProgressBar
	done, left int64
}

func (b *volBar) line(v *daemon.View) string {
	text := v.Name + ": " + strings.Join([]string{v.Role, v.Disk, v.Repl}, " ")
	left := v.ToCopy + v.Behind + v.Unapplied
	if left == 0 {
		b.bar = nil
		return text
	}
	if b.bar == nil {
		*b = volBar{left: left, bar: progressbar.NewOptions64(left, progressbar.OptionSetWriter(io.Discard),
			progressbar.OptionSetPredictTime(true), progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true), progressbar.OptionSetWidth(16))}
	}
	b.done += max(0, b.left-left)
	b.left = left
	b.bar.ChangeMax64(b.done + left)
	b.bar.Describe(fmt.Sprintf("%s, %s left", text, human(left)))
	_ = b.bar.Set64(b.done) // fails only beyond its end
	return strings.Trim(b.bar.String(), "\r ")
}
