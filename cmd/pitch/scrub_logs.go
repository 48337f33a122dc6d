package main

import (
	"errors"
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/replica/mars"
)

// The devices of a mars replica.
const (
	marsLog  = 0
	marsMeta = 1

	// segmentFrame is the size of the frame that begins a segment: docs/reference/log-format.md.
	segmentFrame = 80
)

// judgeLogs says what the logs of a replica mean. Strategies whose logs nobody here can read do
// not get this far: [buildReplica] does not know them.
func judgeLogs(def *daemon.Definition, logs [][]node.LogFile) daemon.Judgement {
	j := daemon.Judgement{Logs: make(map[int]string)}
	if len(logs) <= marsMeta {
		return j // no such replica
	}
	point := mars.Persisted(logs[marsMeta])
	pos := point.Pos
	live := mars.Live(logs[marsLog], logs[marsMeta])
	records, segs, err := mars.ScanLog(live)
	end := int64(0)
	if n := len(segs); n > 0 {
		end = segs[n-1].Start + segmentFrame
	}
	if n := len(records); n > 0 {
		end = max(end, records[n-1].End)
	}
	switch {
	case point.Inconsistent && len(segs) == 0: // it begins where the copy says, with what comes next
	case end < pos:
		j.Logs[marsLog] = fmt.Sprintf("it ends at position %d, but the volume holds it up to %d",
			end, pos)
	case err != nil && !endsThere(err, live, segs):
		j.Logs[marsLog] = err.Error()
	}
	j.Begun = end > 0 || pos > 0
	if pos == 0 && j.Begun && !anyState(logs[marsMeta]) {
		// It is written before the first record can be, and a newer one before an older one goes.
		j.Logs[marsMeta] = "no state can be read"
	}
	judgeVolume(&j, def, records, point)
	return j
}

// endsThere says whether an error of a scan is what a kill leaves: the beginning of a frame at the
// end of the last segment.
func endsThere(err error, files []node.LogFile, segs []mars.Segment) bool {
	return errors.Is(err, mars.ErrTruncated) && len(segs) >= len(files)-1
}

// anyState says whether there are records of state at all. That a record is read back needs its
// position to be above zero, so a replica that has written nothing yet is taken by its length.
func anyState(files []node.LogFile) bool {
	for _, f := range files {
		if len(f.Data) > 0 {
			return true
		}
	}
	return false
}

// judgeVolume says what the volume must be. Up to a point, it is sure to hold the log; everything
// behind is written again at recovery. While it is being copied, or is made to catch up, no part of it is
// sure to be whole.
func judgeVolume(j *daemon.Judgement, def *daemon.Definition, records []mars.Record, at mars.Point) {
	j.Sectors = int64(def.Geometry().Sectors)
	if at.Sectors > 0 {
		j.Sectors = at.Sectors
	}
	if at.Inconsistent || at.Installing {
		j.Rewritten = []node.Run{{First: 0, N: j.Sectors}}
		return
	}
	for i := range records {
		switch r := &records[i]; {
		case r.Resize > 0 || r.End <= at.Pos:
		default:
			j.Rewritten = append(j.Rewritten, node.Run{First: r.Sector, N: int64(r.Sectors)})
		}
	}
	j.Rewritten = daemon.JoinRuns(j.Rewritten)
}
