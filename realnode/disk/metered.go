package disk

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/container-football/pitch/node"
)

// Metrics counts what a device does. Any goroutine may read it at any time. The zero value is
// ready.
type Metrics struct {
	Reads, Writes, Zeros, Syncs, Others Meter // appends are writes
}

// Meter counts requests of one kind and how long they take.
type Meter struct {
	count, bytes, errors atomic.Uint64
	buckets              [meterBuckets]atomic.Uint64
}

// meterBuckets are enough for an hour: bucket i has what took less than 1<<i microseconds, and
// not less than half of that.
const meterBuckets = 33

// Count is the number of requests that have ended, with or without an error.
func (m *Meter) Count() uint64 { return m.count.Load() }

// Bytes is how many bytes they have carried.
func (m *Meter) Bytes() uint64 { return m.bytes.Load() }

// Errors is how many have failed.
func (m *Meter) Errors() uint64 { return m.errors.Load() }

// Bucket is how many took less than the limit, and not less than half of it.
func (m *Meter) Bucket(i int) (limit time.Duration, n uint64) {
	return time.Microsecond << i, m.buckets[i].Load()
}

// Buckets is the number of buckets. The last one has whatever takes longer, too.
func (m *Meter) Buckets() int { return meterBuckets }

// Quantile is a time within which a share q of all requests has ended: the limit of a bucket.
func (m *Meter) Quantile(q float64) time.Duration {
	left := uint64(math.Ceil(q * float64(m.Count())))
	for i := range meterBuckets {
		limit, n := m.Bucket(i)
		if n >= left && n > 0 {
			return limit
		}
		left -= n
	}
	return 0
}

func (m *Meter) add(d time.Duration, bytes int, err error) {
	m.count.Add(1)
	m.bytes.Add(uint64(bytes))
	if err != nil {
		m.errors.Add(1)
	}
	m.buckets[min(bits.Len64(uint64(max(0, d.Microseconds()))), meterBuckets-1)].Add(1)
}

func (m *Metrics) of(op node.Op) *Meter {
	switch op {
	case node.OpRead, node.OpLogRead:
		return &m.Reads
	case node.OpWrite, node.OpLogAppend:
		return &m.Writes
	case node.OpZero:
		return &m.Zeros
	}
	return &m.Others
}

type metered struct {
	Device
	metrics *Metrics
}

var (
	_ Device       = metered{}
	_ CachedReader = metered{}
)

// Metered counts in m what a device does. A sync that Admit ends is counted, too.
func Metered(d Device, m *Metrics) Device { return metered{d, m} }

// Do implements Device.
func (d metered) Do(r *Request) ([]byte, error) {
	start := time.Now()
	b, err := d.Device.Do(r)
	d.metrics.of(r.Op).add(time.Since(start), len(r.Data)+len(b), err)
	return b, err
}

// ReadCached implements CachedReader. What is refused comes again, and is counted then.
func (d metered) ReadCached(r *Request) ([]byte, bool) {
	start := time.Now()
	b, ok := readCached(d.Device, r)
	if ok {
		d.metrics.Reads.add(time.Since(start), len(b), nil)
	}
	return b, ok
}

// Admit implements Device.
func (d metered) Admit(seg, upto uint64) (bool, error) {
	done, err := d.Device.Admit(seg, upto)
	if done {
		d.metrics.Syncs.add(0, 0, err)
	}
	return done, err
}

// Sync implements Device.
func (d metered) Sync(seg, upto uint64) error {
	start := time.Now()
	err := d.Device.Sync(seg, upto)
	d.metrics.Syncs.add(time.Since(start), 0, err)
	return err
}
