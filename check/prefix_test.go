package check

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// after returns the content that the first k records leave behind.
func after(log []Record, sectors, k int) []uint64 {
	image := make([]uint64, sectors)
	for _, r := range log[:k] {
		for s := range uint64(r.N) {
			image[r.Sector+s] = r.ID
		}
	}
	return image
}

// randomLog draws a log and an image that may or may not be one of its prefixes.
func randomLog(r *rand.Rand) (log []Record, image []uint64) {
	sectors := 1 + r.IntN(5)
	log = make([]Record, r.IntN(9))
	repeat := r.IntN(3) == 0
	for i := range log {
		s := r.IntN(sectors)
		log[i] = Record{uint64(100 + i), uint64(s), uint32(r.IntN(sectors - s + 1)), uint64(i + 1)}
		if r.IntN(5) == 0 {
			log[i].ID = 0
		}
		if repeat && i > 0 && r.IntN(2) == 0 {
			log[i] = log[r.IntN(i)]
		} else if repeat && r.IntN(3) == 0 {
			log[i].ID = 1 + r.Uint64N(3)
		}
	}
	image = after(log, sectors, r.IntN(len(log)+1))
	for range r.IntN(3) {
		s := r.IntN(sectors)
		switch r.IntN(4) {
		case 0:
			image[s] = 0
		case 1:
			image[s] = r.Uint64N(12)
		default:
			image[s] = after(log, sectors, r.IntN(len(log)+1))[s]
		}
	}
	return log, image
}

func TestPrefixStrictAgainstBruteForce(t *testing.T) {
	const n = 150_000
	var count [3]int
	for i := range n {
		r := rand.New(rand.NewPCG(9, uint64(i)))
		log, image := randomLog(r)
		var opt PrefixOptions
		if r.IntN(3) == 0 {
			opt.MinRecords = r.IntN(len(log) + 2)
		}
		if r.IntN(3) == 0 {
			opt.MaxRecords = r.IntN(len(log) + 2)
		}
		want := Violated
		for k := range len(log) + 1 {
			if k >= opt.MinRecords && (k <= opt.MaxRecords || opt.MaxRecords == 0) &&
				slices.Equal(image, after(log, len(image), k)) {
				want = OK
			}
		}
		got := PrefixStrict(log, image, opt)
		if got.Verdict != want {
			t.Fatalf("case %d: %v, want %v\n%v\n%v\n%+v", i, got, want, log, image, opt)
		}
		if got.Verdict == Violated {
			checkRecords(t, log, got)
		}
		count[got.Verdict]++
	}
	if count[OK] < n/4 || count[Violated] < n/4 {
		t.Error(count)
	}
}

func TestPrefixWindowAgainstBruteForce(t *testing.T) {
	const n = 150_000
	var count [3]int
	for i := range n {
		r := rand.New(rand.NewPCG(10, uint64(i)))
		log, image := randomLog(r)
		lo := r.IntN(len(log) + 1)
		hi := lo + r.IntN(len(log)-lo+1)
		want := OK
		base := after(log, len(image), lo)
		for s, id := range image {
			touched := slices.ContainsFunc(log[lo:hi], func(r Record) bool {
				return r.ID == id && r.Sector <= uint64(s) && uint64(s) < r.Sector+uint64(r.N)
			})
			if id != base[s] && !touched {
				want = Violated
			}
		}
		got := PrefixWindow(log, image, lo, hi)
		if got.Verdict != want {
			t.Fatalf("case %d: %v, want %v\n%v\n%v\n%d %d", i, got, want, log, image, lo, hi)
		}
		if got.Verdict == Violated {
			checkRecords(t, log, got)
		}
		if lo == hi && got.Verdict !=
			PrefixStrict(log[:lo], image, PrefixOptions{MinRecords: lo}).Verdict {
			t.Fatalf("case %d: an empty window is not a strict prefix", i)
		}
		count[got.Verdict]++
	}
	if count[OK] < n/4 || count[Violated] < n/4 {
		t.Error(count)
	}
}

// checkRecords makes sure that a counterexample is short and cites the log.
func checkRecords(t *testing.T, log []Record, r Result) {
	t.Helper()
	if v := r.Violation; len(v.Records) > 3 || v.Summary == "" {
		t.Fatal(r)
	}
	for _, rec := range r.Violation.Records {
		if !slices.Contains(log, rec) {
			t.Fatalf("%v is not in the log: %v", rec, r)
		}
	}
}

func TestPrefixExplains(t *testing.T) {
	log := []Record{{1, 0, 2, 7}, {2, 1, 1, 8}, {3, 3, 1, 9}, {4, 0, 1, 10}}
	for _, c := range []struct {
		name string
		got  Result
		want string
	}{
		{"a gap", PrefixStrict(log, []uint64{7, 7, 0, 9}, PrefixOptions{}), `prefix: violated
  the image has #9 but misses the earlier #8
    record 2 writes #8 to sector 1
    record 3 writes #9 to sector 3
  - sector 3 holds #9 of record 3
  - sector 1 still holds #7, but record 2 comes before record 3`},
		{"foreign", PrefixStrict(log, []uint64{7, 7, 5, 0}, PrefixOptions{}), `prefix: violated
  foreign content: sector 2 holds #5
  - no record of the log writes #5 to sector 2`},
		{"too old", PrefixStrict(log, []uint64{7, 7, 0, 0}, PrefixOptions{MinRecords: 3}),
			`prefix: violated
  the image misses #8, which is among the first 3 records
    record 2 writes #8 to sector 1
  - sector 1 still holds #7`},
		{"too new", PrefixStrict(log, []uint64{7, 8, 0, 9}, PrefixOptions{MaxRecords: 2}),
			`prefix: violated
  the image has #9, which is beyond the first 2 records
    record 3 writes #9 to sector 3
  - sector 3 holds #9`},
		{"torn", PrefixStrict(log, []uint64{7, 0, 0, 0}, PrefixOptions{}), `prefix: violated
  the image has #7 in one sector but not in another
    record 1 writes #7 to 2 sectors from 0
  - sector 0 holds #7 of record 1
  - sector 1 still holds the initial content #0, but the record writes it too`},
		{"window", PrefixWindow(log, []uint64{7, 7, 0, 9}, 2, 4), `prefix window: violated
  the image misses #8, which is among the first 2 records
    record 2 writes #8 to sector 1
  - sector 1 still holds #7`},
		{"past the window", PrefixWindow(log, []uint64{10, 8, 0, 0}, 2, 3),
			`prefix window: violated
  the image has #10, which is beyond the first 3 records
    record 4 writes #10 to sector 0
  - sector 0 holds #10`},
	} {
		if got := c.got.String(); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestPrefixCannotJudge(t *testing.T) {
	image := make([]uint64, 4)
	for _, r := range []Result{
		PrefixStrict([]Record{{1, 4, 1, 7}}, image, PrefixOptions{}),
		PrefixStrict([]Record{{1, 3, 2, 7}}, image, PrefixOptions{}),
		PrefixStrict([]Record{{1, 1<<64 - 1, 2, 7}}, image, PrefixOptions{}),
		PrefixWindow([]Record{{1, 0, 1, 1}}, image, 0, 2),
		PrefixWindow([]Record{{1, 0, 1, 1}}, image, -1, 1),
		PrefixWindow([]Record{{1, 0, 1, 1}}, image, 1, 0),
	} {
		if r.Verdict != Unknown || r.Note == "" {
			t.Error(r)
		}
	}
	if r := PrefixStrict([]Record{{1, 4, 0, 7}}, image, PrefixOptions{}); r.Verdict != OK {
		t.Error("a record without sectors:", r)
	}
}

func TestPrefixOfATrim(t *testing.T) {
	log := []Record{{1, 0, 2, 1}, {2, 0, 1, 0}, {3, 1, 1, 3}}
	for _, image := range [][]uint64{{0, 0}, {1, 1}, {0, 1}, {0, 3}} {
		if r := PrefixStrict(log, image, PrefixOptions{}); r.Verdict != OK {
			t.Error(image, r)
		}
	}
	r := PrefixStrict(log, []uint64{1, 3}, PrefixOptions{})
	if r.Verdict != Violated || !strings.Contains(r.String(), "record 2 zeroes sector 0") {
		t.Error("a trim that was left out:", r)
	}
	r = PrefixWindow(log, []uint64{1, 1}, 2, 3)
	if r.Verdict != Violated || !strings.Contains(r.String(), "record 2 zeroes sector 0") {
		t.Error("a trim that was left out:", r)
	}
	if _, rep := RPO(nil, log, log[:1], RPOBounds{}); len(rep.Lost) != 2 {
		t.Error("lost records:", rep.Lost)
	}
	// The same trim on both branches is no record that came back.
	other := append(log[:1:1], Record{2, 1, 1, 9}, log[1])
	if r, _ := RPO(nil, log[:2], other, RPOBounds{}); r.Verdict != OK {
		t.Error("a trim on both branches:", r)
	}
}

func TestPrefixOfRepeatedRecords(t *testing.T) {
	log := []Record{{1, 0, 1, 1}, {2, 0, 1, 2}, {3, 1, 1, 3}, {4, 0, 1, 1}}
	if r := PrefixStrict(log, []uint64{1, 3}, PrefixOptions{}); r.Verdict != OK {
		t.Error("#1 was written again:", r)
	}
	log = append(log, Record{5, 1, 1, 4})
	r := PrefixStrict(log, []uint64{1, 3}, PrefixOptions{MaxRecords: 3})
	if r.Verdict != Violated || !strings.Contains(r.String(), "more than once") {
		t.Error("only the second #1 meets #3:", r)
	}
}
