//go:build unix

package check

import (
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// cpuTime returns the user CPU time of this process, of all its threads: what the clock on
// the wall says depends on who else is at work.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano())
}

// measure runs f b.N times and reports CPU time and rate over n elements each.
func measure(b *testing.B, n int, f func()) {
	b.ReportAllocs()
	runtime.GC() // what came before is not on our bill
	start := cpuTime()
	for b.Loop() {
		f()
	}
	cpu := cpuTime() - start
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(n)*float64(b.N)/cpu.Seconds(), "elements/cpu-s")
}

func oneCore(b *testing.B) {
	old := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

// BenchmarkLinearizable runs the checkers on the same histories. Elements are operations.
// They are made outside of the measured part.
func BenchmarkLinearizable(b *testing.B) {
	device := loop{clients: 16, ops: 1_000_000, sectors: 1024, unknown: 0.005, idStep: 1}
	register := loop{clients: 16, ops: 100_000, sectors: 1, unknown: 0.01, idStep: 1}
	wide := closedLoop(rand.New(rand.NewPCG(5, 1)), device)
	device.idStep = 0x0123456789abcdef
	sparse := closedLoop(rand.New(rand.NewPCG(5, 1)), device)
	one := closedLoop(rand.New(rand.NewPCG(5, 2)), register)
	bench := func(name string, h History, check func(History) Result) {
		b.Run(name, func(b *testing.B) {
			oneCore(b)
			measure(b, len(h), func() {
				if r := check(h); r.Verdict != OK {
					b.Fatal(r)
				}
			})
		})
	}
	zones := func(h History) Result { return Linearizable(h, LinOptions{}) }
	oracle := func(h History) Result { return LinearizablePorcupine(h, 0) }
	const name = "1M-ops-1024-sectors-16-clients-0.5%unknown"
	bench(name+"/checker=pitch", wide, zones)
	bench(name+"/checker=porcupine", wide, oracle)
	bench(name+"/checker=porcupine-without-unread-unknowns", answered(wide), oracle)
	bench(name+"/checker=porcupine-as-documented", wide, documented)
	bench(name+"-sparse-ids/checker=pitch", sparse, zones)
	bench("100k-ops-1-sector-16-clients-1%unknown/checker=pitch", one, zones)
}

// documented uses porcupine the way its documentation shows: inputs and outputs as values,
// and a model that partitions, so that porcupine checks the parts side by side.
func documented(h History) Result {
	type input struct {
		write      bool
		sector, id uint64
	}
	ops := make([]porcupine.Operation, 0, len(h))
	for _, op := range h {
		if op.Kind == Read && op.Unknown {
			continue
		}
		p := porcupine.Operation{ClientId: op.Client, Call: op.Call, Return: op.Return}
		if op.Unknown {
			p.Return = maxTime
		}
		if op.Kind == Write {
			p.Input, p.Output = input{true, op.Sector, op.ID}, uint64(0)
		} else {
			p.Input, p.Output = input{false, op.Sector, 0}, op.ID
		}
		ops = append(ops, p)
	}
	model := porcupine.Model{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			var parts [][]porcupine.Operation
			number := make(map[uint64]int)
			for _, op := range all {
				s := op.Input.(input).sector
				n, found := number[s]
				if !found {
					n = len(parts)
					number[s] = n
					parts = append(parts, nil)
				}
				parts[n] = append(parts[n], op)
			}
			return parts
		},
		Init: func() any { return uint64(0) },
		Step: func(state, in, out any) (bool, any) {
			if op := in.(input); op.write {
				return true, op.id
			}
			return out.(uint64) == state.(uint64), state
		},
	}
	if porcupine.CheckOperations(model, ops) {
		return ok("documented")
	}
	return violated("documented", Violation{})
}

// answered leaves out the unanswered writes that nobody read, which spares porcupine work.
func answered(h History) History {
	read := make(map[uint64]bool)
	for _, op := range h {
		if op.Kind == Read && !op.Unknown {
			read[op.ID] = true
		}
	}
	var out History
	for _, op := range h {
		if op.Kind == Read || !op.Unknown || read[op.ID] {
			out = append(out, op)
		}
	}
	return out
}

// BenchmarkPrefix judges an image of 2^20 sectors against 5 million records. Elements are
// records.
func BenchmarkPrefix(b *testing.B) {
	r := rand.New(rand.NewPCG(6, 0))
	log := make([]Record, 5_000_000)
	image := make([]uint64, 1<<20)
	k := len(log) * 9 / 10
	for i := range log {
		n := uint32(1)
		if r.IntN(10) == 0 {
			n = 4
		}
		log[i] = Record{uint64(i), r.Uint64N(1<<20 - 4), n, uint64(i) + 1}
		for s := log[i].Sector; i < k && s < log[i].Sector+uint64(n); s++ {
			image[s] = log[i].ID
		}
	}
	b.Run("5M-records-1Mi-sectors/check=strict", func(b *testing.B) {
		oneCore(b)
		measure(b, len(log), func() {
			if r := PrefixStrict(log, image, PrefixOptions{MinRecords: k}); r.Verdict != OK {
				b.Fatal(r)
			}
		})
	})
	b.Run("5M-records-1Mi-sectors/check=window", func(b *testing.B) {
		oneCore(b)
		measure(b, len(log), func() {
			if r := PrefixWindow(log, image, k-1000, k+1000); r.Verdict != OK {
				b.Fatal(r)
			}
		})
	})
}
