package scenario

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// randomFile makes a sound File that uses every verb, kind and key sooner or later.
func randomFile(rng *rand.Rand) *File {
	pick := func(words []string) string { return words[rng.IntN(len(words))] }
	some := func(words []string) []string {
		var out []string
		for _, i := range rng.Perm(len(words))[:1+rng.IntN(len(words))] {
			out = append(out, words[i])
		}
		return out
	}
	dur := func() Duration { return Duration(1 + rng.Int64()>>(1+rng.IntN(60))) }
	prob := func() float64 { return rng.Float64() * float64(rng.IntN(2)) }
	f := &File{
		Schema: Format, Name: "random", Worlds: some(enums["worlds"]), Seed: rng.Uint64() >> 1,
		TimeLimit: 1e6 + dur()/2, Quiet: dur(),
		Description: pick([]string{"", "plain", "\"quoted\"\\\n\t\x00\x1f\x7f", "mit Umlaut: ü, ☃"}),
		Network:     Network{dur(), dur(), Rate(dur()), prob(), prob(), prob()},
		Disk:        Disk{dur(), dur(), dur(), ByteRate(dur()), Bytes(rng.IntN(2) * 1e9)},
		Expect: Expect{Verdict: pick(enums["verdicts"]), Checks: some(enums["checks"]),
			MaxLost: MaxLost{int64(rng.IntN(100)), Unbounded, rng.Float64()}},
	}
	hosts := []string{"A", "and", "h.3-x_"}
	for _, h := range hosts {
		ahead, behind := dur(), dur()
		f.Hosts = append(f.Hosts, Host{Name: h, Rack: pick([]string{"", "r1"}),
			ClockOffset: ahead - behind, ClockDriftPPM: rng.IntN(1001) - 500,
			SyncLimit: rng.IntN(3)})
	}
	for i := range 1 + rng.IntN(2) {
		f.Resources = append(f.Resources, Resource{Name: fmt.Sprint("r", i), Strategy: "mars",
			Size: Bytes(1+rng.IntN(1000)) << 12, Sector: 512 << (3 * rng.IntN(2)), Replicas: hosts,
			CompressLog: pick(enums["compressions"]), Ack: pick([]string{"durable", "logged"}), Buffer: Bytes(dur()),
			FetchWindow: Bytes(dur()), Segment: 16<<10 + Bytes(dur())/2, CopyChunk: 64 << 10,
			LogLimit: Bytes(rng.IntN(2)) * Bytes(dur()), Lease: Duration(rng.IntN(2)) * 1e9,
			Replay: rng.IntN(2) == 0, Fetch: rng.IntN(2) == 0})
	}
	f.Workloads = []Workload{
		{Name: "w1", On: "r0", Kind: KindStamp, Clients: 1 + rng.IntN(9), Ops: 9 + rng.IntN(99),
			Write: rng.Float64(), Sectors: int64(rng.IntN(2)), OpSectors: 1, Think: dur(),
			Hot: prob(), FlushEvery: rng.IntN(3)},
		{Name: "w2", On: "r0", Kind: KindIOLog, File: "a b\"c", Ops: rng.IntN(9)},
	}
	f.Steps = randomSteps(rng, hosts, dur, prob)
	if rng.IntN(2) == 0 {
		f.Random = Random{Faults: some(enums["faults"]), Rate: FaultRate{1 + rng.IntN(5), 5},
			Until: []Until{{Event: "end"}, {At: dur()}}[rng.IntN(2)]}
		f.Expect.MustFire = f.Random.Faults[:1]
	}
	return f
}

func randomSteps(rng *rand.Rand, hosts []string, dur func() Duration,
	prob func() float64) []Step {
	when, err := ParseCondition("acked(w1) >= 3 and lag(r0, and) < 4097 and time() > 1ms " +
		"and primary(r0) != A and fired(heal-0)")
	if err != nil {
		panic(err)
	}
	var out []Step
	for i, verb := range Verbs() {
		s := Step{Name: fmt.Sprint(verb, "-", i), Do: verb}
		if verb == DoHeal {
			s.Name = "heal-0"
		}
		if rng.IntN(2) == 0 && verb != DoHeal {
			s.When = when
		} else {
			s.At = Duration(rng.IntN(2)) * dur()
		}
		for _, key := range stepUnion.Keys(stepUnion.Find(verb)) {
			switch key {
			case "between":
				s.Between = [][]string{hosts[:1], hosts[1:]}
			case "oneway":
				s.OneWay = rng.IntN(2) == 0
			case "loss":
				s.Loss, s.Delay, s.Duplicate, s.Reorder = prob(), dur(), prob(), prob()
			case "host":
				s.Host = hosts[rng.IntN(3)]
			case "resource":
				s.Resource = "r0"
			case "workload":
				s.Workload = "w2"
			case "force":
				s.Force = rng.IntN(2) == 0
			case "unsynced":
				s.Unsynced = enums["unsynced"][rng.IntN(3)]
				s.RestartAfter = Duration(rng.IntN(2)) * dur()
			case "size":
				s.Size = 1 << 40
			case "ack":
				s.Ack = "quorum"
			case "limit":
				s.Limit = Bytes(rng.IntN(2)) * Bytes(dur())
			case "full":
				s.Full = rng.IntN(2) == 0
			case "for":
				s.For = Duration(rng.IntN(2)) * dur()
			case "slow":
				s.Slow, s.Full, s.Latent = 1+100*rng.Float64(), rng.IntN(2) == 0, prob()
			}
		}
		out = append(out, s)
	}
	return out
}

func TestMarshalIsInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		f := randomFile(rng)
		text, err := f.Marshal()
		if err != nil {
			t.Fatalf("%v\n%s", err, f.text())
		}
		g, err := Parse("again.toml", text)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Equal(g) {
			t.Fatalf("not equal:\n%s\n%s", text, g.text())
		}
		if again, err := g.Marshal(); err != nil || string(again) != string(text) {
			t.Fatalf("second text differs (%v):\n%s\n%s", err, text, again)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*File){
		"no host is named":  func(f *File) { f.Resources[0].Replicas = []string{"Z"} },
		"do not belong":     func(f *File) { f.Steps[1].Unsynced = "keep" },
		"the list is empty": func(f *File) { f.Expect.MustFire = []string{} },
		"expected 0 to 1":   func(f *File) { f.Network.Loss = 2 },
		"is already a step": func(f *File) { f.Steps[2].Name = f.Steps[1].Name },
		"found \"zig\"":     func(f *File) { f.Steps[0].Do = "zig" },
		"found 0":           func(f *File) { f.Schema = 0 },
	} {
		f := randomFile(rand.New(rand.NewPCG(5, 6)))
		f.Expect.MustFire = nil
		spoil(f)
		if _, err := f.Marshal(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	f := randomFile(rand.New(rand.NewPCG(5, 6)))
	f.Seed = 1 << 63 // TOML has no unsigned numbers
	if _, err := f.Marshal(); err == nil {
		t.Error("a seed of 64 bits was written")
	}
}

func TestDefaults(t *testing.T) {
	f, err := Parse("dir/t.toml", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	r := f.Resources[0]
	if r.Sector != 4096 || r.Ack != "durable" || r.Buffer != 64<<20 || r.FetchWindow != 1<<20 ||
		!r.Replay || !r.Fetch || r.Segment != 1<<30 || r.CopyChunk != 1<<20 || r.LogLimit != 0 {
		t.Errorf("resource: %+v", r)
	}
	if f.Seed != 1 || len(f.Worlds) != 2 || f.TimeLimit != 60e9 || f.Quiet != 30e9 {
		t.Errorf("file: %+v", f)
	}
	if f.Network != (Network{100e3, 20e3, 1e9, 0, 0, 0}) {
		t.Errorf("network: %+v", f.Network)
	}
	if f.Disk != (Disk{80e3, 400e3, 100e3, 200 << 20, 0}) {
		t.Errorf("disk: %+v", f.Disk)
	}
	if f.Random.Faults != nil || f.Random.Rate != (FaultRate{}) {
		t.Errorf("random: %+v", f.Random)
	}
	if e := f.Expect; e.Verdict != "ok" || e.Checks != nil || e.MaxLost !=
		(MaxLost{Unbounded, Unbounded, Unbounded}) {
		t.Errorf("expect: %+v", e)
	}
	if got := f.Resolve("traces/x"); got != "dir/traces/x" {
		t.Errorf("resolve: %s", got)
	}
}

func TestStepLines(t *testing.T) {
	f, err := Parse("t.toml", []byte(minimal+`
[[step]]
at = "1s"
do = "wait"
  [[step]] # indented
at = "2s"
do = "wait"
`))
	if err != nil {
		t.Fatal(err)
	}
	if f.Steps[0].Line != 11 || f.Steps[1].Line != 14 {
		t.Errorf("lines %d and %d", f.Steps[0].Line, f.Steps[1].Line)
	}
}
