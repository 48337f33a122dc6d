package reports

import (
	"errors"
	"io"

	"github.com/container-football/pitch/scenario"
)

// ErrNoSamples is returned for a picture of a run that kept no states of its replicas.
var ErrNoSamples = errors.New(
	"the run has no samples to draw; run it with samples switched on")

// TimelineOptions is how a picture is drawn.
type TimelineOptions struct {
	Format   string  // "svg", "png" or "pdf"; empty: svg
	Resource string  // name of the resource; empty: the first that has samples
	Width    float64 // in points of 1/72 inch, 480 to 4000; 0: 760. The height follows from it
	DPI      int     // of a png, 36 to 600; 0: 144
	Untitled bool    // leave out the lines on top, where they stand beside the picture already
}

// Timeline draws one resource in the course of a run: above, how far the log of each replica is
// durable and applied, with everything that fired; below, which replica had which role, and the
// operations that were acknowledged, by the host that served them. What a forced failover cut
// off is shaded. The error is [ErrNoSamples], or says which option is wrong, or is of w.
func Timeline(w io.Writer, res *scenario.Result, opt TimelineOptions) error {
	if err := settle("timeline", &opt.Width, 480, &opt.DPI); err != nil {
		return err
	}
	form, err := formatOf(opt.Format)
	if err != nil {
		return err
	}
	s, err := newStory(res, opt.Resource)
	if err != nil {
		return err
	}
	return form.write(w, newDrawing(s, opt, form), opt.DPI)
}
