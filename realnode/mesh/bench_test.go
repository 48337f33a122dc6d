package mesh

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
)

// benchPair returns two hosts with ordinary times.
func benchPair(b *testing.B, secure bool, codec Compression) (x, y *host) {
	x, y = newPair(b, secure, func(c *Config) { c.Ping, c.Dead = 0, 0 })
	to := y.peerOf()
	to.Compress = codec
	x.know(to)
	eventually(b, "connected", x.connectedTo(2))
	return x, y
}

// cpu is what this process has used, in both directions.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// flood sends b.N messages as fast as they are taken, and never loses one.
func flood(b *testing.B, x, y *host, body []byte, every int) {
	const ahead = 8
	room := make(chan struct{}, ahead)
	var n atomic.Int64
	done := make(chan struct{})
	y.handle(func(g got) {
		k := n.Add(1)
		if k%int64(every) == 0 {
			<-room
		}
		if k == int64(b.N) {
			close(done)
		}
	})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.ResetTimer()
	used := cpu()
	for i := 1; i <= b.N; i++ {
		if i%every == 0 {
			room <- struct{}{}
		}
		x.say(2, node.ClassLog, body)
	}
	<-done
	b.StopTimer()
	used = cpu() - used
	report(b, used, len(body))
	if lost := x.about(2).Classes[node.ClassLog].Lost; lost.Messages > 0 {
		b.Errorf("%+v were lost", lost)
	}
}

func report(b *testing.B, used time.Duration, size int) {
	mib := float64(b.N) * float64(size) / (1 << 20)
	b.ReportMetric(float64(used.Microseconds())/mib, "cpu-us/MiB")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// halfNoise compresses to about one half.
func halfNoise(n int) []byte {
	b := pattern(1, n)
	for i := 0; i < n; i += 64 {
		clear(b[i:min(i+32, n)])
	}
	return b
}

var benchModes = []struct {
	name   string
	secure bool
	codec  Compression
}{{"plain", false, None}, {"tls", true, None}, {"plain-s2", false, S2}, {"tls-s2", true, S2},
	{"tls-zstd", true, Zstd}}

func BenchmarkSmall(b *testing.B) {
	for _, m := range benchModes[:2] {
		b.Run(m.name, func(b *testing.B) {
			x, y := benchPair(b, m.secure, m.codec)
			flood(b, x, y, pattern(1, 100), 2000)
		})
	}
}

func BenchmarkBulk(b *testing.B) {
	for _, m := range benchModes {
		b.Run(m.name, func(b *testing.B) {
			x, y := benchPair(b, m.secure, m.codec)
			flood(b, x, y, halfNoise(128<<10), 8)
		})
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, m := range benchModes[:2] {
		b.Run(m.name, func(b *testing.B) {
			x, y := benchPair(b, m.secure, m.codec)
			back := make(chan struct{}, 1)
			y.handle(func(g got) { y.say(1, node.ClassControl, g.body) })
			x.handle(func(got) { back <- struct{}{} })
			body := pattern(1, 100)
			b.ReportAllocs()
			for b.Loop() {
				x.say(2, node.ClassControl, body)
				<-back
			}
		})
	}
}

// BenchmarkRival is io.Copy over one connection, with nothing around the bytes.
func BenchmarkRival(b *testing.B) {
	for _, m := range benchModes[:2] {
		b.Run(m.name, func(b *testing.B) { rival(b, m.secure) })
	}
}

func rival(b *testing.B, secure bool) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	if secure {
		lab := newAuthority(b, "lab")
		lab.issue("alpha", ca.Options{})
		lab.issue("beta", ca.Options{})
		out = tls.Client(out, lab.open("alpha").Client("beta"))
		in = tls.Server(in, lab.open("beta").Server())
	}
	got := make(chan int64)
	go func() {
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{in},
			make([]byte, 256<<10))
		got <- n
	}()
	body := halfNoise(128 << 10)
	b.SetBytes(int64(len(body)))
	b.ResetTimer()
	used := cpu()
	src := &repeated{r: bytes.NewReader(body), times: b.N}
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, src, make([]byte, 128<<10)); err != nil {
		b.Fatal(err)
	}
	out.Close()
	if n := <-got; n != int64(b.N)*int64(len(body)) {
		b.Errorf("%d bytes came", n)
	}
	b.StopTimer()
	report(b, cpu()-used, len(body))
	in.Close()
}

// repeated reads the same bytes several times.
type repeated struct {
	r     *bytes.Reader
	times int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.r.Len() == 0 {
		if r.times--; r.times <= 0 {
			return 0, io.EOF
		}
		r.r.Seek(0, io.SeekStart)
	}
	return r.r.Read(p)
}

// BenchmarkHandshake is what a connection costs.
func BenchmarkHandshake(b *testing.B) {
	for _, m := range benchModes[:2] {
		b.Run(m.name, func(b *testing.B) {
			x, y := benchPair(b, m.secure, None)
			go func() {
				for {
					c, err := y.Streams().Accept()
					if err != nil {
						return
					}
					c.Close()
				}
			}()
			for b.Loop() {
				c, err := x.Dial(b.Context(), 2)
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}
