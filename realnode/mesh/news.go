package mesh

import (
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

const (
	// again is when something is logged that has been logged before.
	again = time.Minute
	// mostNews is how many different lines there are in that time at most.
	mostNews = 64
)

// news keeps the log readable: what goes wrong at each attempt is written when it is new, and
// then once a minute.
type news struct {
	mu   sync.Mutex
	told map[string]time.Time // by reason
}

// bad logs an error, if it is news.
func (n *news) bad(log *slog.Logger, err error, msg string, args ...any) {
	if n.isNew(msg + ": " + reason(err)) {
		log.Warn(msg, append(args, "error", text(err))...)
	}
}

func (n *news) isNew(what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if at, ok := n.told[what]; ok && now.Sub(at) < again {
		return false
	}
	if n.told == nil {
		n.told = make(map[string]time.Time)
	}
	if len(n.told) >= mostNews {
		maps.DeleteFunc(n.told, func(_ string, at time.Time) bool { return now.Sub(at) >= again })
	}
	if len(n.told) >= mostNews {
		return false // whoever makes up new errors must not fill the disk
	}
	n.told[what] = now
	return true
}

// good logs that all is well, if that is news, too.
func (n *news) good(log *slog.Logger, msg string, args ...any) {
	if n.isNew(fmt.Sprint(msg, args)) {
		log.Info(msg, args...)
	}
}
