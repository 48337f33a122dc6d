package mars_test

import (
	"bytes"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// mixed is content of n sectors: text that becomes small, with noise in every third sector.
func mixed(n int, v byte) []byte {
	data := bytes.Repeat([]byte{v, 'k', 'i', 'c', 'k', v, '-', '!'}, n*512/8)
	state := uint64(v) + 1
	for i := range data {
		if i/512%3 == 0 {
			state = node.Hash(state, uint64(i))
			data[i] = byte(state)
		}
	}
	return data
}

// What is packed in the log is read from there as it was written: from the buffer while the volume is
// slow, by replay from memory and from disk, after crashes of both, and after a failover.
func TestPackedRecordsAreReadAsTheyWereWritten(t *testing.T) {
	sizes := make(map[squeeze.Codec]int64)
	for _, codec := range []squeeze.Codec{squeeze.None, squeeze.S2, squeeze.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			c := begin(t, setup{seed: 3, faulty: true, cfg: mars.Config{Geometry: wide, Compress: codec, Ack: mars.AckDurable}})
			c.role(1, replica.RolePrimary)
			c.upToDate(2)
			want := make([]byte, wide.Sectors*512)
			put := func(id node.ID, sector, n int64, v byte) {
				t.Helper()
				data := mixed(int(n), v)
				copy(want[sector*512:], data)
				if o := c.ask(id, node.OpWrite, sector, n, data); o.Code != node.OK {
					c.fatalf("a write of %d sectors: %v", n, o.Code)
				}
			}
			same := func(id node.ID) {
				t.Helper()
				for at := int64(0); at < int64(wide.Sectors); at += 50 {
					n := min(50, int64(wide.Sectors)-at)
					if o := c.ask(id, node.OpRead, at, n, nil); !bytes.Equal(o.Data, want[at*512:(at+n)*512]) {
						c.fatalf("sectors %d+%d are not what was written: %v", at, n, o.Code)
					}
				}
			}
			c.disk(1, faults.Disk{Slow: 20}) // reads find much in the buffer
			for i := range int64(30) {
				put(1, i*8, 1+i%16, byte(i))
			}
			same(1)
			c.disk(1, faults.Disk{})
			c.level(1)
			sizes[codec] = c.state(1).End

			c.verb(2, replica.OpPauseReplay)
			for i := range int64(20) {
				put(1, i*7, 8, byte(100+i))
			}
			c.until("all is fetched", func() bool { return c.state(2).Durable == c.state(1).End })
			c.crash(1, node.LoseAll)
			c.crash(2, node.LoseAll)
			c.up(1)
			c.up(2)
			c.role(1, replica.RolePrimary)
			same(1)
			c.verb(2, replica.OpResumeReplay)
			c.level(1)

			c.crash(1, node.LoseAll)
			c.verb(2, replica.OpPrimaryForce)
			put(2, 3, 40, 222)
			same(2)
			if records, _, err := mars.ScanLog(c.dump(2).Logs[0]); err != nil {
				t.Error(err)
			} else if last := records[len(records)-1]; !bytes.Equal(last.Data, mixed(40, 222)) || last.Packed != codec {
				t.Errorf("the log shows %d bytes, packed with %v", len(last.Data), last.Packed)
			}
			c.up(1)
			c.level(2)
			if !bytes.Equal(c.volume(1), want) || !bytes.Equal(c.volume(2), want) {
				t.Fatal("the volumes are not what was written")
			}
		})
	}
	for codec, size := range sizes {
		if codec != squeeze.None && size > sizes[squeeze.None]*2/3 {
			t.Errorf("%v: a log of %d bytes, %d without", codec, size, sizes[squeeze.None])
		}
	}
}
