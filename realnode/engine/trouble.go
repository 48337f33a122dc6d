package engine

import (
	"sync"
	"time"
)

// Trouble is what a device has failed with last.
type Trouble struct {
	Text  string // of the error
	Times uint64 // how often something failed since the device was opened
	Last  time.Time
	Full  bool // there was no space
}

// trouble remembers the failures of a device. Machines try again what fails, so the same error
// comes many times a second; it is reported once a minute.
type trouble struct {
	mu   sync.Mutex
	last Trouble
	told time.Time
}

const tellTroubleAgain = time.Minute

func (d *device) troubled(err error, full bool) {
	t := &d.trouble
	now := time.Now()
	t.mu.Lock()
	text := err.Error()
	tell := text != t.last.Text || now.Sub(t.told) >= tellTroubleAgain
	t.last = Trouble{Text: text, Times: t.last.Times + 1, Last: now, Full: full}
	if tell {
		t.told = now
	}
	times := t.last.Times
	t.mu.Unlock()
	if tell {
		d.unit.engine.cfg.Log.Error("device failed", "machine", d.unit.number, "times", times,
			"error", text)
	}
}

// Troubles are the last failures of the unit's devices, of those that have failed.
func (u *Unit) Troubles() (list []Trouble) {
	for _, devices := range [][]*device{u.volumes, u.logs} {
		for _, d := range devices {
			d.trouble.mu.Lock()
			if d.trouble.last.Times > 0 {
				list = append(list, d.trouble.last)
			}
			d.trouble.mu.Unlock()
		}
	}
	return list
}
