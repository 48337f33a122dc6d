package realnode

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// pipelined keeps so many requests in flight and reports how many were answered a second.
func pipelined(b *testing.B, hosts, ahead int, op node.Op, n int64, size int) {
	cfg := testConfig(b, hosts, plain)
	cfg.Unsynced = node.Keep // as fast as the files are
	u := newCaller(b, cfg)
	data := make([]byte, size)
	u.call(1, op, n, 0, data)
	b.ResetTimer()
	sent, got := 0, 0
	for got < b.N {
		for sent < b.N && sent-got < ahead {
			u.submit(1, op, n, 0, data)
			sent++
		}
		o, ok := u.c.Next(u.c.Now() + patience)
		if !ok || o.Kind != node.ObsReply {
			b.Fatalf("no reply: %+v", o)
		}
		got++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
}

func BenchmarkRequests1(b *testing.B)   { pipelined(b, 1, 1, verbEcho, 0, 64) }
func BenchmarkRequests256(b *testing.B) { pipelined(b, 1, 256, verbEcho, 0, 64) }
func BenchmarkPing1(b *testing.B)       { pipelined(b, 2, 1, verbPing, 2, 64) }
func BenchmarkPing256(b *testing.B)     { pipelined(b, 2, 256, verbPing, 2, 64) }
func BenchmarkAck1(b *testing.B)        { pipelined(b, 1, 1, verbLog, 0, 4096) }
func BenchmarkAck64(b *testing.B)       { pipelined(b, 1, 64, verbLog, 0, 4096) }

// BenchmarkStart starts and ends a cluster of three hosts.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		cfg := testConfig(b, 3, plain)
		u := newCaller(b, cfg)
		if err := u.c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
