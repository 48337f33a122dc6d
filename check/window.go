package check

import "fmt"

const namePrefixWindow = "prefix window"

// PrefixWindow checks an image that is being replayed, or whose replay was cut: each sector
// holds either what the first lo records left there, or what one of the records lo+1 … hi put
// there. Sectors are judged one by one, so a record in the window may be torn, and an earlier
// record may be missing where a later one is present. 0 ≤ lo ≤ hi ≤ len(log), or the verdict
// is Unknown; so it is for a log that does not fit the image, as with [PrefixStrict].
//
// Pairs of sector and id may occur in the log any number of times. O(n + S).
func PrefixWindow(log []Record, image []uint64, lo, hi int) Result {
	if lo < 0 || lo > hi || hi > len(log) {
		return undecided(namePrefixWindow,
			"a window from %d to %d does not fit a log of %d records", lo, hi, len(log))
	}
	if note := misfit(log, image); note != "" {
		return undecided(namePrefixWindow, "%s", note)
	}
	good := make([]bool, len(image))
	for s := range image {
		good[s] = image[s] == 0
	}
	for i := range log[:hi] {
		r := &log[i]
		for s := r.Sector; s < r.Sector+uint64(r.N); s++ {
			switch {
			case r.ID == image[s]:
				good[s] = true
			case i < lo:
				good[s] = false
			}
		}
	}
	for s := range good {
		if !good[s] {
			return violated(namePrefixWindow, explainWindow(log, image, s, lo, hi))
		}
	}
	return ok(namePrefixWindow)
}

func explainWindow(log []Record, image []uint64, s, lo, hi int) Violation {
	id := image[s]
	if misses := lastBefore(log[:lo], s); misses != nil &&
		(id == 0 || firstWriter(log[:lo], s, id) != nil) {
		return Violation{
			Summary: fmt.Sprintf("the image misses #%d, which is among the first %d records",
				misses.ID, lo),
			Records: []Record{*misses},
			Why:     []string{fmt.Sprintf("sector %d still holds %s", s, content(id))},
		}
	}
	if has := firstWriter(log[hi:], s, id); has != nil {
		return Violation{
			Summary: fmt.Sprintf("the image has #%d, which is beyond the first %d records",
				id, hi),
			Records: []Record{*has},
			Why:     []string{fmt.Sprintf("sector %d holds #%d", s, id)},
		}
	}
	return foreign(image, s)
}

// lastBefore returns the last record of the log that writes the sector, or nil.
func lastBefore(log []Record, sector int) *Record {
	for i := len(log) - 1; i >= 0; i-- {
		if log[i].covers(uint64(sector)) {
			return &log[i]
		}
	}
	return nil
}
