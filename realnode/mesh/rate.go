package mesh

import (
	"sync"
	"sync/atomic"
	"time"
)

// limiter holds what is sent to one peer to a number of bytes a second.
//
// There are two accounts, which fill at this rate. Whatever is sent is charged to the common one;
// what the control lane sends, to its own one as well. Bulk waits for the common account, control
// only for its own: so control is late by no more than what it has sent itself, and bulk gets what
// control leaves. An account may be overdrawn, by one frame.
type limiter struct {
	rate atomic.Int64 // 0: no limit

	mu   sync.Mutex
	at   time.Time // when the accounts were brought up to date
	left [2]float64
}

const (
	commonAccount  = 0
	controlAccount = 1

	// burst is how long a peer may save up what it does not use.
	burst      = 20 * time.Millisecond
	leastBurst = 4 << 10 // bytes

	// pieceTime is how long one frame of bulk may occupy a limited link.
	pieceTime  = 10 * time.Millisecond
	leastPiece = 4 << 10 // bytes
)

func (l *limiter) set(rate int64) { l.rate.Store(rate) }

// piece is how much of a message one frame should carry, in bytes.
func (l *limiter) piece() int {
	rate := l.rate.Load()
	if rate == 0 {
		return chunk
	}
	return max(leastPiece, int(min(chunk, rate/int64(time.Second/pieceTime))))
}

// allow says how many bytes may be sent now, at most most, or how long to wait.
func (l *limiter) allow(kind purpose, now time.Time, most int) (n int, wait time.Duration) {
	rate := l.rate.Load()
	if rate == 0 {
		return most, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill(float64(rate), now)
	left := l.left[accountOf(kind)]
	if left < 1 {
		return 0, max(time.Duration((1-left)/float64(rate)*float64(time.Second)), time.Microsecond)
	}
	return int(min(left, float64(most))), 0
}

// charge notes that n bytes were sent.
func (l *limiter) charge(kind purpose, now time.Time, n int) {
	rate := l.rate.Load()
	if rate == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill(float64(rate), now)
	l.left[commonAccount] -= float64(n)
	if kind == control {
		l.left[controlAccount] -= float64(n)
	}
}

func (l *limiter) fill(rate float64, now time.Time) {
	full := max(rate*burst.Seconds(), leastBurst)
	grown := full // at first
	if !l.at.IsZero() {
		grown = rate * max(now.Sub(l.at), 0).Seconds()
	}
	l.at = now
	for i := range l.left {
		l.left[i] = min(l.left[i]+grown, full)
	}
	// Control may use up more than there is for as long as it likes; bulk must not wait for long
	// afterwards.
	l.left[commonAccount] = max(l.left[commonAccount], -max(rate, maxBody))
}

func accountOf(kind purpose) int {
	if kind == control {
		return controlAccount
	}
	return commonAccount
}
