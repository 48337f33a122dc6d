package daemon

import (
	"io"
	"log/slog"
	"os"
)

var level slog.LevelVar

// SetLevel sets the least important level that loggers of NewLogger report.
func SetLevel(name string) {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) == nil {
		level.Set(l)
	}
}

// NewLogger makes the logger of a daemon, as its configuration wants it.
func NewLogger(c *Log, w io.Writer) *slog.Logger {
	SetLevel(c.Level)
	opt := &slog.HandlerOptions{Level: &level}
	format := c.Format
	if format == "auto" && os.Getenv("JOURNAL_STREAM") != "" {
		format = "journal"
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, opt))
	case "journal":
		return slog.New(newJournalHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}
