package check

import (
	"fmt"
	"math"
)

const namePrefixStrict = "prefix"

// Record is one entry of a primary's log: it sets the sectors Sector … Sector+N-1 to ID. One with id
// 0 gives them back their initial content, as a trim does.
type Record struct {
	Seq    uint64 // its number, for reports; checks go by the position in the log
	Sector uint64 // first sector
	N      uint32 // number of sectors; 0 if it writes none
	ID     uint64 // stamp of the write; 0 of a trim
}

// String tells the record as a sentence without its full stop.
func (r Record) String() string {
	if r.ID == 0 {
		return fmt.Sprintf("record %d zeroes %s", r.Seq, r.sectors())
	}
	return fmt.Sprintf("record %d writes #%d to %s", r.Seq, r.ID, r.sectors())
}

func (r Record) sectors() string {
	if r.N == 1 {
		return fmt.Sprintf("sector %d", r.Sector)
	}
	return fmt.Sprintf("%d sectors from %d", r.N, r.Sector)
}

// covers tells whether the record writes the sector.
func (r *Record) covers(sector uint64) bool {
	return sector >= r.Sector && sector-r.Sector < uint64(r.N)
}

// PrefixOptions bounds how many records of the log may have reached an image.
type PrefixOptions struct {
	MinRecords int // at least so many
	MaxRecords int // at most so many; 0: all of the log. To allow none, pass an empty log
}

// PrefixStrict checks that an image is what the first k records of the log leave behind, for
// some k within the options. image[s] is the id in sector s, 0 at first. The log is that of
// the primary, in its order. O(n + S) for n sector writes in the log and S sectors.
//
// A pair of sector and id should occur once in the log. If one occurs again (a record that was
// sent twice, a trim) the answer is still exact: each sector agrees with the image over certain ranges
// of k, and the check looks for a k that all of them share.
//
// The verdict is Unknown if the log does not fit the image: a record beyond its end.
func PrefixStrict(log []Record, image []uint64, opt PrefixOptions) Result {
	if note := misfit(log, image); note != "" {
		return undecided(namePrefixStrict, "%s", note)
	}
	if opt.MaxRecords == 0 || opt.MaxRecords > len(log) {
		opt.MaxRecords = len(log)
	}
	spans, repeats := newSpans(log, image)
	lo, hi := opt.MinRecords, opt.MaxRecords
	atLo, atHi := -1, -1 // the sectors that set the bounds; -1: the options did
	for s := range spans {
		if spans[s].from == never {
			return violated(namePrefixStrict, foreign(image, s))
		}
		if int(spans[s].from) > lo {
			lo, atLo = int(spans[s].from), s
		}
		if int(spans[s].to) < hi {
			hi, atHi = int(spans[s].to), s
		}
	}
	if lo <= hi {
		return ok(namePrefixStrict)
	}
	if repeats && sharedLength(log, image, opt) {
		return ok(namePrefixStrict)
	}
	return violated(namePrefixStrict, explainPrefix(log, image, opt, atLo, atHi))
}

// never marks a span that has no beginning, because the log never gave the sector its content.
const never = -1

// span is the range of k, both ends included, over which the first k records leave a sector
// with the content that the image has: from the first record with that content up to the next
// one with another.
type span struct{ from, to int32 }

// newSpans returns the first span of each sector, and whether any sector has another one.
func newSpans(log []Record, image []uint64) (spans []span, repeats bool) {
	n := int32(len(log))
	spans = make([]span, len(image))
	for s := range spans {
		spans[s] = span{never, n}
		if image[s] == 0 {
			spans[s].from = 0
		}
	}
	for i := range log {
		r := &log[i]
		for s := r.Sector; s < r.Sector+uint64(r.N); s++ {
			sp := &spans[s]
			switch {
			case r.ID != image[s]:
				if sp.from != never && sp.to == n {
					sp.to = int32(i)
				}
			case sp.from == never:
				sp.from = int32(i) + 1
			case sp.to != n:
				repeats = true
			}
		}
	}
	return spans, repeats
}

// sharedLength decides with all spans of all sectors whether some k is in one of each. It is
// needed only if a pair of sector and id came back after something else had been written.
func sharedLength(log []Record, image []uint64, opt PrefixOptions) bool {
	// agree[k] changes by one where a sector begins or ceases to agree with the image.
	agree := make([]int64, len(log)+2)
	good := make([]bool, len(image))
	for s := range image {
		if good[s] = image[s] == 0; good[s] {
			agree[0]++
		}
	}
	for i := range log {
		r := &log[i]
		for s := r.Sector; s < r.Sector+uint64(r.N); s++ {
			if now := r.ID == image[s]; now != good[s] {
				good[s] = now
				if now {
					agree[i+1]++
				} else {
					agree[i+1]--
				}
			}
		}
	}
	var sum int64
	for k := 0; k <= opt.MaxRecords; k++ {
		if sum += agree[k]; k >= opt.MinRecords && sum == int64(len(image)) {
			return true
		}
	}
	return false
}

// explainPrefix names the record that must be there and the one that must not. The sectors
// atLo and atHi are those whose first spans begin last and end first; -1 stands for the
// options.
func explainPrefix(log []Record, image []uint64, opt PrefixOptions, atLo, atHi int) Violation {
	if recurs(log, image, atLo) || recurs(log, image, atHi) {
		return Violation{
			Summary: "no number of records leaves the whole image behind",
			Why: []string{"some sectors had their content more than once; " +
				"all of them had it together after no record within the bounds"},
		}
	}
	var has, misses *Record // of the first sector, and of the second
	if atLo >= 0 {
		has = firstWriter(log, atLo, image[atLo])
	}
	if atHi >= 0 {
		misses = overwriter(log, atHi, image[atHi])
	}
	switch {
	case has != nil && misses != nil && has == misses:
		return Violation{
			Summary: fmt.Sprintf("the image has #%d in one sector but not in another", has.ID),
			Records: []Record{*has},
			Why: []string{
				fmt.Sprintf("sector %d holds #%d of record %d", atLo, has.ID, has.Seq),
				fmt.Sprintf("sector %d still holds %s, but the record writes it too",
					atHi, content(image[atHi])),
			},
		}
	case has != nil && misses != nil:
		return Violation{
			Summary: fmt.Sprintf("the image has #%d but misses the earlier #%d",
				has.ID, misses.ID),
			Records: []Record{*misses, *has},
			Why: []string{
				fmt.Sprintf("sector %d holds #%d of record %d", atLo, has.ID, has.Seq),
				fmt.Sprintf("sector %d still holds %s, but record %d comes before record %d",
					atHi, content(image[atHi]), misses.Seq, has.Seq),
			},
		}
	case has != nil:
		return Violation{
			Summary: fmt.Sprintf("the image has #%d, which is beyond the first %d records",
				has.ID, opt.MaxRecords),
			Records: []Record{*has},
			Why:     []string{fmt.Sprintf("sector %d holds #%d", atLo, has.ID)},
		}
	case misses != nil:
		return Violation{
			Summary: fmt.Sprintf("the image misses #%d, which is among the first %d records",
				misses.ID, opt.MinRecords),
			Records: []Record{*misses},
			Why: []string{fmt.Sprintf("sector %d still holds %s", atHi,
				content(image[atHi]))},
		}
	}
	return Violation{Summary: fmt.Sprintf("at least %d records are wanted, but at most %d",
		opt.MinRecords, opt.MaxRecords)}
}

// firstWriter returns the first record that gave the sector the id.
func firstWriter(log []Record, sector int, id uint64) *Record {
	for i := range log {
		if log[i].ID == id && log[i].covers(uint64(sector)) {
			return &log[i]
		}
	}
	return nil
}

// overwriter returns the first record that replaced the id in the sector.
func overwriter(log []Record, sector int, id uint64) *Record {
	held := id == 0
	for i := range log {
		if !log[i].covers(uint64(sector)) {
			continue
		}
		if held && log[i].ID != id {
			return &log[i]
		}
		held = held || log[i].ID == id
	}
	return nil
}

// recurs tells whether the sector got the content that it has more than once, with something
// else between. -1 is no sector.
func recurs(log []Record, image []uint64, sector int) bool {
	if sector < 0 {
		return false
	}
	had, lost := image[sector] == 0, false
	for i := range log {
		if !log[i].covers(uint64(sector)) {
			continue
		}
		same := log[i].ID == image[sector]
		if same && lost {
			return true
		}
		lost = had && !same
		had = had || same
	}
	return false
}

func foreign(image []uint64, s int) Violation {
	return Violation{
		Summary: fmt.Sprintf("foreign content: sector %d holds #%d", s, image[s]),
		Why:     []string{fmt.Sprintf("no record of the log writes #%d to sector %d", image[s], s)},
	}
}

// misfit says why a log cannot be applied to an image, or returns "".
func misfit(log []Record, image []uint64) string {
	size := uint64(len(image))
	if len(log) >= math.MaxInt32 {
		return fmt.Sprintf("a log of %d records is too long", len(log))
	}
	for i := range log {
		r := &log[i]
		if r.Sector > size || uint64(r.N) > size-r.Sector {
			return fmt.Sprintf("%v, but the image has %d", r, size)
		}
	}
	return ""
}
