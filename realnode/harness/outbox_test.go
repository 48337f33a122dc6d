package harness

import (
	"strings"
	"testing"
	"time"
)

func TestOutbox(t *testing.T) {
	o := NewOutbox(2*frameHead + 10)
	if !o.Put(1, nil, make([]byte, 10)) || !o.Put(2, nil, nil) || o.Put(3, nil, nil) {
		t.Error("the limit is not kept")
	}
	var b strings.Builder
	go func() {
		if err := o.Drain(&b); err != nil {
			t.Error(err)
		}
	}()
	o.Flushed(30 * time.Second)
	if o.Put(1, nil, nil) {
		t.Error("a closed box takes frames")
	}
	r := NewReader(strings.NewReader(b.String()))
	for want := Type(1); want <= 2; want++ {
		if typ, _, err := r.Next(); typ != want || err != nil {
			t.Errorf("frame %d, %v; expected %d", typ, err, want)
		}
	}
}
