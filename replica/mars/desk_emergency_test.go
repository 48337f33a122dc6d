package mars

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// Before anything is written to the volume that is in no log, the state on disk says so; and what is
// acknowledged is recorded as being on the volume.
func TestEmergencyIsRecordedFirst(t *testing.T) {
	cfg := pair(small)
	cfg.Emergency = true
	d := primary(t, cfg)
	d.write(t, 0, 1, 1)
	d.Ticks(5)
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpLogAppend && f.Dev == devLog {
			return node.NoSpace
		}
		return node.OK
	}
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devMeta }
	d.request(1, node.OpWrite, 5, 1, eight(7))
	d.Ticks(20)
	if s := d.Status(); !s.Emergency || d.Volume[5*8] != 0 {
		t.Fatalf("the volume holds %d, and the state says nothing yet: %+v", d.Volume[5*8], s)
	}
	d.queue, d.held = append(d.queue, d.held...), nil // the state is durable; the next one is not
	d.Run()
	d.Ticks(5)
	if d.Volume[5*8] != 7 || d.answered(1) {
		t.Fatalf("the volume holds %d; answered: %v", d.Volume[5*8], d.answered(1))
	}
	d.release()
	d.Ticks(2)
	if o := d.Answers[1]; !d.answered(1) || o.Code != node.OK {
		t.Fatalf("answered: %v, %v", d.answered(1), o.Code)
	}
}
