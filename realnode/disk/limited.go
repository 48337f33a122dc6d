package disk

import (
	"fmt"
	"time"
)

// limited is a token bucket of bytes.
type limited struct {
	Device
	rate, burst float64 // bytes a second, bytes
	have        float64 // may be negative: debts of a large request
	last        time.Time
	now         func() time.Time
	sleep       func(time.Duration)
}

var _ Device = (*limited)(nil)

// Limited lets through so many bytes a second that are read, written or appended, and burst bytes
// at once after a pause. A request waits until there is no debt, and then may make some: so a
// request of any size goes through, and the average holds. Both numbers must be above zero.
func Limited(d Device, bytesPerSecond, burst int64) Device {
	if bytesPerSecond <= 0 || burst <= 0 {
		panic(fmt.Sprintf("disk: a limit of %d bytes a second, burst %d", bytesPerSecond, burst))
	}
	return &limited{Device: d, rate: float64(bytesPerSecond), burst: float64(burst),
		have: float64(burst), last: time.Now(), now: time.Now, sleep: time.Sleep}
}

func (d *limited) String() string {
	return over(fmt.Sprintf("limit of %.0f bytes a second", d.rate), d.Device)
}

// Do implements Device.
func (d *limited) Do(r *Request) ([]byte, error) {
	d.refill()
	if d.have < 0 {
		d.sleep(time.Duration(-d.have / d.rate * float64(time.Second)))
		d.refill()
	}
	b, err := d.Device.Do(r)
	d.have -= float64(len(r.Data) + len(b))
	return b, err
}

func (d *limited) refill() {
	now := d.now()
	d.have = min(d.burst, d.have+d.rate*now.Sub(d.last).Seconds())
	d.last = now
}
