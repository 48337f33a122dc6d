package sim

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/container-football/pitch/node"
)

// Config describes a simulated cluster. Hosts are numbered from 1.
type Config struct {
	Hosts   int
	Seed    uint64
	Specs   func(id node.ID) []node.Spec // machines of a host; called at each start
	Wrap    node.Wrap                    // fault layer of every host; nil: none
	Network Network
	Disk    Disk
	// Clock gives offset (ns) and drift (parts per million) of each host's clock; nil: exact.
	Clock func(id node.ID) (offset node.Time, driftPPM int64)
	// Archive keeps what machines delete from their logs, for Dump.
	Archive bool
	// BootTime passes between Start and the first step of the machines. Default 20 ms.
	BootTime node.Time
	// Trace, if set, sees every delivered event. It must not retain it.
	Trace func(at node.Time, to node.Addr, ev *node.Event)
}

// Latency is a distribution of delays: Base plus an exponential with mean Jitter.
type Latency struct {
	Base, Jitter node.Time
}

// Network is the physics of every link. Zero values mean the defaults.
type Network struct {
	Latency   Latency // one way; default 100 us + 20 us
	Bandwidth int64   // bytes a second of each directed link; default 125 MB/s
}

// Disk is the physics of every device. Zero values mean the defaults.
type Disk struct {
	Write     Latency // until a write or append is in the volatile cache; default 20 us + 5 us
	Read      Latency // default 80 us + 20 us
	Sync      Latency // default 400 us + 100 us
	Bandwidth int64   // bytes a second; default 200 MB/s
	LogBytes  int64   // capacity of each log in bytes of declared size; default unlimited
}

func (c *Config) setDefaults() error {
	if c.Hosts < 1 || c.Hosts > 1<<20 {
		return fmt.Errorf("sim: %d hosts, expected 1 to %d", c.Hosts, 1<<20)
	}
	if c.Specs == nil {
		return fmt.Errorf("sim: no machines: Config.Specs is nil")
	}
	def := func(l *Latency, base, jitter node.Time) {
		if *l == (Latency{}) {
			*l = Latency{base, jitter}
		}
	}
	def(&c.Network.Latency, 100*node.Microsecond, 20*node.Microsecond)
	def(&c.Disk.Write, 20*node.Microsecond, 5*node.Microsecond)
	def(&c.Disk.Read, 80*node.Microsecond, 20*node.Microsecond)
	def(&c.Disk.Sync, 400*node.Microsecond, 100*node.Microsecond)
	if c.Network.Bandwidth == 0 {
		c.Network.Bandwidth = 125e6
	}
	if c.Disk.Bandwidth == 0 {
		c.Disk.Bandwidth = 200e6
	}
	if c.BootTime == 0 {
		c.BootTime = 20 * node.Millisecond
	}
	return nil
}

// draw takes one word of randomness. The exponential is the usual -ln(u), with the logarithm
// taken piecewise linear in integers: results must not depend on a CPU's floating point. The
// mean of -log2(u) in that form is 3/2, hence the factor 2/3.
func (l Latency) draw(word uint64) node.Time {
	zeros := uint64(bits.LeadingZeros64(word | 1))
	mantissa := (word << (zeros + 1)) >> 48 // 16 bits below the leading one
	log := zeros<<16 + (1<<16 - mantissa)   // -log2(u) in 1/65536
	const unit = 3 << 15
	j := uint64(l.Jitter)
	return l.Base + node.Time(j/unit*log+j%unit*log/unit)
}

// forever is later than every run ends, and so small that sums of a few do not overflow.
const forever = node.Time(1) << 60

// transfer is how long n bytes take at rate bytes a second, at most forever.
func transfer(n, rate int64) node.Time {
	return min(node.Time(mulDiv(n, int64(node.Second), rate)), forever)
}

// occupy is until when a medium is busy that has to move n bytes more.
func occupy(busy, now node.Time, n, rate int64) node.Time {
	return min(max(busy, now)+transfer(n, rate), forever)
}

// mulDiv is a*b/c for numbers that are not negative, or the largest int64.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}
