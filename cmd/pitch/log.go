package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/replica/mars"
)

type logCmd struct {
	Path    string `arg:"" help:"Segment file, or the folder that holds the segments of one log."`
	Records bool   `help:"Print every record, not only the lineage."`
}

func (c *logCmd) Help() string {
	return `Reads the transaction log of a mars replica from its segment files, checks every frame,
and prints its lineage: who wrote from where on, under which epoch, and why the segment was begun.
Nothing is changed. A log that ends within a frame, or holds something else, is an error that
names the file and the byte; what is good before it is printed all the same.`
}

func (c *logCmd) Run(s *streams) error {
	files, err := segmentFiles(c.Path)
	if err != nil {
		return usageError{err}
	}
	records, segs, scanErr := mars.ScanLog(files)
	for _, g := range segs {
		fmt.Fprintf(s.out, "segment %d: epoch %d, by host %d, %v, from position %d, after %d records\n",
			g.Nr, g.Epoch, g.Origin, g.Reason, g.Start, g.Seq)
	}
	if c.Records {
		for i := range records {
			r := &records[i]
			what := fmt.Sprintf("sectors %d+%d", r.Sector, r.Sectors)
			switch {
			case r.Resize > 0:
				what = fmt.Sprintf("resize to %d sectors", r.Resize)
			case r.Zero:
				what += " zero"
			case r.Packed != squeeze.None:
				what += fmt.Sprintf(" (%v, %d of %d bytes)", r.Packed, r.Stored, len(r.Data))
			}
			fmt.Fprintf(s.out, "%10d  #%d  epoch %d  %s  at %v\n", r.Pos, r.Seq, r.Epoch, what, r.Stamp)
		}
	}
	fmt.Fprintf(s.out, "%d records in %d segments\n", len(records), len(segs))
	if scanErr != nil {
		return usageError{fmt.Errorf("%s: %w", c.Path, scanErr)}
	}
	return nil
}

// segmentFiles reads the segments at path, in ascending order. A name begins with the number.
func segmentFiles(path string) (files []node.LogFile, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	paths := []string{path}
	if info.IsDir() {
		if paths, err = filepath.Glob(filepath.Join(path, "*.seg")); err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("%s: no *.seg in this folder", path)
		}
	}
	for _, p := range paths {
		name, _, _ := strings.Cut(filepath.Base(p), ".")
		id, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: expected a name such as %s", p, disk.SegmentName(1))
		}
		data, err := segmentData(p)
		if err != nil {
			return nil, err
		}
		files = append(files, node.LogFile{ID: id, Data: data})
	}
	return files, nil
}

// segmentData reads the content of a segment: from a device of a node, whose blocks have
// checksums, or from a bundle, which holds the content alone.
func segmentData(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil || !disk.IsSegment(data) {
		return data, err
	}
	data, err = disk.ReadSegment(path)
	if errors.Is(err, disk.ErrDamaged) {
		err = usageError{err}
	}
	return data, err
}
