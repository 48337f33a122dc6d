package mars_test

import (
	"bytes"
	"encoding/binary"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica/mars"
)

// checkImage holds the disks of one host against the promise that its volume and its log make
// together: everything before the persisted position is on the volume, and of what stands there
// nothing is older, and nothing comes from outside the log.
func (c *cluster) checkImage(id node.ID) {
	c.t.Helper()
	d := c.dump(id)
	records, segs, _ := mars.ScanLog(d.Logs[0]) // a torn tail is an end like another
	point := mars.Persisted(d.Logs[1])
	if point.Inconsistent {
		return // no promise
	}
	pos := point.Pos
	carry := int(c.cfg.Geometry.Carry)
	end := int64(0)
	if n := len(segs); n > 0 {
		end = segs[n-1].Start + segmentFrame
	}
	if n := len(records); n > 0 {
		end = max(end, records[n-1].End)
	}
	if pos > end {
		c.fatalf("host %d: position %d is persistent, but the log ends at %d", id, pos, end)
	}
	size := len(d.Volumes[0])
	for _, r := range records {
		size = max(size, int(r.Resize)*carry) // it has not come to the volume yet
	}
	sure := make([]byte, size)
	maybe := make(map[int64][][]byte)
	for _, r := range records {
		for i := range int64(r.Sectors) {
			content := make([]byte, carry)
			if !r.Zero {
				content = r.Data[int(i)*carry : int(i+1)*carry]
			}
			if r.End <= pos {
				copy(sure[(r.Sector+i)*int64(carry):], content)
			} else {
				maybe[r.Sector+i] = append(maybe[r.Sector+i], content)
			}
		}
	}
	for s := range int64(len(d.Volumes[0]) / carry) {
		got := d.Volumes[0][s*int64(carry) : (s+1)*int64(carry)]
		ok := bytes.Equal(got, sure[s*int64(carry):(s+1)*int64(carry)])
		for _, m := range maybe[s] {
			ok = ok || bytes.Equal(got, m)
		}
		if !ok {
			c.fatalf("host %d: sector %d holds %x, which is neither what stood there at the "+
				"persistent position %d nor anything later in the log", id, s, got, pos)
		}
	}
}

// segmentFrame is the size of the frame that begins a segment.
const segmentFrame = 80

// checkSameHistory holds the logs of all hosts against one another: one must be the beginning of
// the other, byte by byte.
func (c *cluster) checkSameHistory() {
	c.t.Helper()
	var longest []byte
	for _, id := range c.hosts {
		var all []byte
		for _, f := range c.dump(id).Logs[0] {
			all = append(all, f.Data...)
		}
		n := min(len(all), len(longest))
		if !bytes.Equal(all[:n], longest[:n]) {
			c.fatalf("the log of host %d has another history", id)
		}
		if len(all) > len(longest) {
			longest = all
		}
	}
}

// checkSameVolumes expects all volumes to be equal.
func (c *cluster) checkSameVolumes() {
	c.t.Helper()
	first := c.volume(c.hosts[0])
	for _, id := range c.hosts[1:] {
		if !bytes.Equal(first, c.volume(id)) {
			c.fatalf("the volumes of hosts %d and %d differ", c.hosts[0], id)
		}
	}
}

// primaries lists the hosts that serve.
func (c *cluster) primaries() (ids []node.ID) {
	for _, id := range c.hosts {
		if c.state(id).Role.String() == "Primary" {
			ids = append(ids, id)
		}
	}
	return ids
}

// ledger is a trivially simple model of a volume: for each sector the last write that was
// acknowledged, those whose outcome nobody was told, and the one that is under way.
type ledger struct {
	sure  map[int64]uint64
	maybe map[int64][]uint64
	open  map[int64]uint64
}

func newLedger() *ledger {
	return &ledger{make(map[int64]uint64), make(map[int64][]uint64), make(map[int64]uint64)}
}

// began says that a write is under way. A sector has one at a time.
func (l *ledger) began(sector int64, v uint64) { l.open[sector] = v }

// wrote says how it has ended.
func (l *ledger) wrote(sector int64, v uint64, code node.Code) {
	delete(l.open, sector)
	switch code {
	case node.OK:
		l.sure[sector] = v
		delete(l.maybe, sector) // they came before
	case node.Unknown:
		l.maybe[sector] = append(l.maybe[sector], v)
	}
}

// saw takes what a read has shown, and says whether it may be. What has been seen is settled,
// but for what was under way.
func (l *ledger) saw(sector int64, v uint64) bool {
	if v == l.open[sector] && v != 0 {
		return true
	}
	ok := v == l.sure[sector]
	for _, m := range l.maybe[sector] {
		ok = ok || m == v
	}
	if ok {
		l.sure[sector] = v
		delete(l.maybe, sector)
	}
	return ok
}

// audit reads every sector that the ledger knows, on the primary.
func (c *cluster) audit(id node.ID, l *ledger, sectors int64) {
	c.t.Helper()
	o := c.ask(id, node.OpRead, 0, sectors, nil)
	if o.Code != node.OK {
		c.fatalf("read on host %d: %v", id, o.Code)
	}
	for s := range sectors {
		if v := binary.LittleEndian.Uint64(o.Data[8*s:]); !l.saw(s, v) {
			c.fatalf("sector %d holds #%d, expected #%d or one of %v", s, v, l.sure[s], l.maybe[s])
		}
	}
}
