package mars

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// History is what all replicas of a resource have ever had in their logs. It fills in what one of
// them has deleted: for those who judge a run and need all of it.
type History struct {
	pieces [][]node.LogFile
	frames map[uint64]past // by the digest of the log up to and including the frame
}

// past is one frame of a history.
type past struct {
	data []byte
	prev uint64
	nr   uint64 // of the segment that it begins, or 0
}

// Add takes segments, or the ends of some, as a dump shows them. They must stay as they are.
func (h *History) Add(files []node.LogFile) {
	if len(files) > 0 {
		h.pieces, h.frames = append(h.pieces, files), nil
	}
}

// Whole returns the log that counts from its very beginning, given the logs of a replica. What is left of
// it may be nothing, or end before what is on the volume: then it goes as far as that.
func (h *History) Whole(logs [][]node.LogFile) ([]node.LogFile, error) {
	files := Live(logs[devLog], logs[devMeta])
	if p := Persisted(logs[devMeta]); p.Emergency && logEnd(files) < p.Pos {
		return h.before(p.chain, nil)
	}
	if len(files) == 0 {
		return nil, nil
	}
	first, err := decodeFrame(files[0].Data)
	if err != nil || first.kind != kindSegment || first.sector <= 1 {
		return files, nil // nothing is missing, or it cannot be said what
	}
	return h.before(first.prev, files)
}

// logEnd is where a log ends, as far as the sizes of its segments say so.
func logEnd(files []node.LogFile) int64 {
	if len(files) == 0 {
		return 0
	}
	last := files[len(files)-1]
	f, err := decodeFrame(last.Data)
	if err != nil || f.kind != kindSegment {
		return 0
	}
	return segmentOf(&f).Start + int64(len(last.Data))
}

// before puts in front of files all that led to a digest.
func (h *History) before(chain uint64, files []node.LogFile) ([]node.LogFile, error) {
	h.index()
	var back []past // newest first
	for chain != 0 {
		f, ok := h.frames[chain]
		if !ok {
			return nil, fmt.Errorf("nobody has ever had the log that ends with %#x", chain)
		}
		back = append(back, f)
		chain = f.prev
	}
	var out []node.LogFile
	for i := len(back) - 1; i >= 0; i-- {
		if f := &back[i]; f.nr != 0 {
			out = append(out, node.LogFile{ID: f.nr})
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("the log up to %#x does not begin with a segment", chain)
		}
		last := &out[len(out)-1]
		last.Data = append(last.Data, back[i].data...)
	}
	return append(out, files...), nil
}

// index finds every frame. What cannot be read ends a piece.
func (h *History) index() {
	if h.frames != nil {
		return
	}
	h.frames = make(map[uint64]past)
	for _, files := range h.pieces {
		for _, file := range files {
			for data := file.Data; len(data) > 0; {
				f, err := decodeFrame(data)
				if err != nil {
					break
				}
				p := past{data: data[:f.size()], prev: f.prev}
				if f.kind == kindSegment {
					p.nr = uint64(f.sector)
				}
				h.frames[f.chain()] = p
				data = data[f.size():]
			}
		}
	}
}
