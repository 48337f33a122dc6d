package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const nameRPO = "rpo"

// RPOBounds says how much a forced failover may lose. The zero value allows no loss of
// anything acknowledged; a negative bound allows any.
type RPOBounds struct {
	MaxOps   int           // acknowledged operations
	MaxBytes int64         // bytes of acknowledged operations, SectorBytes each sector
	MaxAge   time.Duration // see RPOReport.LostFor

	SectorBytes int64 // size of a sector in bytes; 0: 4096
	Failover    int64 // when the old primary was given up, in ns; 0: the last time in the history
}

// RPOReport measures what a failover has lost.
type RPOReport struct {
	Fork      int      // number of records that the two logs share
	Lost      []Record // the records of the old log behind the fork, acknowledged or not
	LostOps   int      // acknowledged operations of which at least one sector is lost
	LostBytes int64    // their lost sectors in bytes
	First     *Op      // the lost write that was acknowledged first; nil if there is none

	// LostFor is the time from the return of First to the failover: how far clients are
	// thrown back. 0 if nothing is lost, or if First returned after the failover.
	LostFor time.Duration
}

// RPO compares the log of the old primary with the whole log that the new one went on with.
// Everything up to the fork, where they part, survives. What comes behind it in the old log is
// lost and must be lost as a whole: a record from there that turns up in the new log shows a
// gap or another order. (A client that tries again after a failover must use a new id.) What
// is lost must stay within the bounds, and an acknowledged write must be in one of the logs.
//
// Records are compared by sectors and id. The history must be about one resource, or the
// verdict is Unknown. O((n + l) log (n + l)) for n operations and l records.
func RPO(h History, oldLog, newLog []Record, b RPOBounds) (Result, RPOReport) {
	if note := mixed(h); note != "" {
		return undecided(nameRPO, "%s", note), RPOReport{}
	}
	inOld, inNew := make([]bool, len(h)), make([]bool, len(h))
	acks := newStamps(h, acknowledged)
	acks.mark(oldLog, inOld)
	acks.mark(newLog, inNew)
	rep := measureLoss(h, oldLog, newLog, inOld, inNew, b)

	missing := earliest(h, func(i int) bool {
		return acknowledged(&h[i]) && !inOld[i] && !inNew[i]
	})
	if missing >= 0 {
		return violated(nameRPO, Violation{
			Summary: fmt.Sprintf("the acknowledged #%d is in neither log", h[missing].ID),
			Ops:     []Op{h[missing]},
			Why: []string{"a failover can lose what was in the log of the old primary, " +
				"but this never was"},
		}), rep
	}
	if lost, kept, found := outOfOrder(rep.Lost, newLog[rep.Fork:]); found {
		v := Violation{
			Summary: fmt.Sprintf("#%d was kept although it is behind the fork", kept.ID),
			Records: []Record{lost},
			Why: []string{fmt.Sprintf("the logs part after %d records, so everything from "+
				"record %d of the old log on had to be lost", rep.Fork, lost.Seq)},
		}
		if kept != lost {
			v.Records = append(v.Records, kept)
		}
		return violated(nameRPO, v), rep
	}
	if v := b.exceeded(rep); v != nil {
		return violated(nameRPO, *v), rep
	}
	return ok(nameRPO), rep
}

func measureLoss(h History, oldLog, newLog []Record, inOld, inNew []bool, b RPOBounds) RPOReport {
	var rep RPOReport
	for rep.Fork < min(len(oldLog), len(newLog)) &&
		sameWrite(oldLog[rep.Fork], newLog[rep.Fork]) {
		rep.Fork++
	}
	rep.Lost = oldLog[rep.Fork:]
	if b.SectorBytes == 0 {
		b.SectorBytes = 4096
	}
	// The sectors of one operation agree in all of this.
	type operation struct {
		client    int
		id        uint64
		call, ret int64
	}
	seen := make(map[operation]bool)
	latest := int64(0)
	for i := range h {
		op := &h[i]
		if latest = max(latest, op.Call); !op.Unknown {
			latest = max(latest, op.Return)
		}
		if !inOld[i] || inNew[i] {
			continue
		}
		seen[operation{op.Client, op.ID, op.Call, op.Return}] = true
		rep.LostBytes += b.SectorBytes
		if rep.First == nil || op.Return < rep.First.Return {
			first := *op
			rep.First = &first
		}
	}
	rep.LostOps = len(seen)
	if b.Failover == 0 {
		b.Failover = latest
	}
	if rep.First != nil {
		rep.LostFor = max(0, time.Duration(b.Failover-rep.First.Return))
	}
	return rep
}

func sameWrite(a, b Record) bool {
	return a.Sector == b.Sector && a.N == b.N && a.ID == b.ID
}

// outOfOrder looks for a record of the lost ones that writes something which the new records
// write too. It returns the first record that is lost, and that one.
func outOfOrder(lost, added []Record) (first, kept Record, found bool) {
	if len(lost) == 0 {
		return Record{}, Record{}, false
	}
	widest := uint64(0)
	for i := range lost {
		widest = max(widest, uint64(lost[i].N))
	}
	byID := slices.Clone(lost)
	slices.SortStableFunc(byID, compareStamp)
	for _, a := range added {
		if a.ID == 0 {
			continue // any number of trims do the same
		}
		// A record that overlaps with a begins less than the widest record before it.
		from := Record{ID: a.ID, Sector: a.Sector - min(a.Sector, widest)}
		n, _ := slices.BinarySearchFunc(byID, from, compareStamp)
		for ; n < len(byID) && byID[n].ID == a.ID && byID[n].Sector < a.Sector+uint64(a.N); n++ {
			if l := byID[n]; a.Sector < l.Sector+uint64(l.N) {
				return lost[0], l, true
			}
		}
	}
	return Record{}, Record{}, false
}

func compareStamp(a, b Record) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sector, b.Sector))
}

// exceeded compares a loss with the bounds.
func (b RPOBounds) exceeded(rep RPOReport) *Violation {
	if rep.First == nil {
		return nil
	}
	v := &Violation{
		Ops: []Op{*rep.First},
		Why: []string{fmt.Sprintf("the logs part after %d records; behind that the old one "+
			"holds acknowledged writes, the first of which returned at %s",
			rep.Fork, nanos(rep.First.Return))},
	}
	switch {
	case b.MaxOps >= 0 && rep.LostOps > b.MaxOps:
		v.Summary = fmt.Sprintf("the failover lost %d acknowledged operations, %d are allowed",
			rep.LostOps, b.MaxOps)
	case b.MaxBytes >= 0 && rep.LostBytes > b.MaxBytes:
		v.Summary = fmt.Sprintf("the failover lost %d acknowledged bytes, %d are allowed",
			rep.LostBytes, b.MaxBytes)
	case b.MaxAge >= 0 && rep.LostFor > b.MaxAge:
		v.Summary = fmt.Sprintf("the failover threw clients back by %s, %s are allowed",
			nanos(int64(rep.LostFor)), nanos(int64(b.MaxAge)))
	default:
		return nil
	}
	return v
}
