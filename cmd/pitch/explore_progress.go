package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/container-football/pitch/explore"
)

// exploreProgress tells how an exploration goes: a line that changes on a terminal, elsewhere one now and then.
type exploreProgress struct {
	w      io.Writer
	bar    *progressbar.ProgressBar
	began  time.Time
	budget time.Duration
	want   int
	next   time.Time
}

// quietFor is how long nothing is said where nobody watches.
const quietFor = 30 * time.Second

func newExploreProgress(w io.Writer, budget time.Duration, runs int) *exploreProgress {
	p := &exploreProgress{w: w, began: time.Now(), budget: budget, want: runs, next: time.Now().Add(quietFor)}
	if f := terminal(w); f != nil {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(f), progressbar.OptionSpinnerType(14),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetElapsedTime(false))
	}
	return p
}

func (p *exploreProgress) runs(t explore.Totals, found int) {
	if p.bar == nil && time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(quietFor)
	took := time.Since(p.began)
	text := fmt.Sprintf("%d runs, %.0f a minute, %d states, %d found", t.Runs, float64(t.Runs)/took.Minutes(), t.States, found)
	switch {
	case p.budget > 0:
		text += fmt.Sprintf(", %v left", (p.budget - took).Round(time.Second))
	case p.want > 0:
		text += fmt.Sprintf(", %d to go", p.want-t.Runs)
	}
	p.line(text)
}

func (p *exploreProgress) line(text string) {
	if p.bar == nil {
		fmt.Fprintln(p.w, text)
		return
	}
	p.bar.Describe(text)
	_ = p.bar.Add(1) // a spinner that cannot be drawn is no reason to stop
}

// say prints a line that stays.
func (p *exploreProgress) say(format string, args ...any) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *exploreProgress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
