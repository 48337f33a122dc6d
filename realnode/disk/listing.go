package disk

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/container-football/pitch/node"
)

// appendListing appends the listing form of a log's segments to b.
func appendListing[S any](b []byte, segs map[uint64]S, size func(S) int64) []byte {
	for _, id := range slices.Sorted(maps.Keys(segs)) {
		one := [1]node.Segment{{ID: id, Size: size(segs[id])}}
		b = node.AppendSegments(b, one[:])
	}
	return b
}

const (
	segmentSuffix = ".seg"
	spareSuffix   = ".spare"
)

// SegmentName is what the file of a segment is called.
func SegmentName(id uint64) string { return fileName(id, segmentSuffix) }

func fileName(id uint64, suffix string) string { return fmt.Sprintf("%020d%s", id, suffix) }

// parseName is the inverse of fileName.
func parseName(name, suffix string) (id uint64, ok bool) {
	id, err := strconv.ParseUint(strings.TrimSuffix(name, suffix), 10, 64)
	return id, err == nil && fileName(id, suffix) == name
}
