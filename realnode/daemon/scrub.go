package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/node"
)

// Scrub looks at everything in the data folder of a daemon that does not run, and says what is
// not as the daemon has left it. It repairs nothing.

// Finding is one damage.
type Finding struct {
	Resource string `json:"resource,omitempty"` // empty: the host's own
	File     string `json:"file"`               // below the data folder
	What     string `json:"what"`               // with the place in the file, if it has one
}

// Scrubbed is what a scrub has seen.
type Scrubbed struct {
	Resources int   `json:"resources"`
	Bytes     int64 `json:"bytes"` // that were read, without holes
	// Unsettled are blocks of volumes that do not fit their checksums, and need not: recovery writes
	// them again before anybody reads them.
	Unsettled int64     `json:"unsettled_blocks"`
	Findings  []Finding `json:"findings"`
}

// Judgement is what the logs of a replica say, beyond the checksums of their blocks.
type Judgement struct {
	// Logs names what is wrong, by number of the log.
	Logs map[int]string
	// Rewritten are the sectors that recovery writes, in ascending order, apart from each other.
	Rewritten []node.Run
	// Sectors is what the volume has at least; 0: whatever its file says.
	Sectors int64
	// Begun is set if the volumes hold something of the log: then they must be there.
	Begun bool
}

// ScrubOptions says what is looked at, and who knows what it means.
type ScrubOptions struct {
	// Resource is the only one to look at; empty: all of them, and the host's own files.
	Resource string
	// Build is that of [Options].
	Build func(def *Definition, members []node.Addr, witness node.Addr) (node.Spec, error)
	// Judge knows what strategies write into logs. Logs that are damaged end at the damage.
	Judge func(def *Definition, logs [][]node.LogFile) Judgement
	// Progress, if any, is told how many bytes have been read, and how many there are.
	Progress func(done, of int64)
}

// ErrNoData is returned by Scrub for a folder that is no data folder, or lacks the resource.
var ErrNoData = errors.New("nothing to scrub")

// scrub is one scrub under way.
type scrub struct {
	ctx     context.Context
	dir     string
	opt     ScrubOptions
	version int   // of the layout of the folder
	all     int64 // bytes to be read
	Scrubbed
}

// Scrub reads everything in the data folder dir. Damage is no error: that is for folders that
// cannot be scrubbed, because there is nothing (ErrNoData), a later version has made it (ErrNewer),
// or a daemon uses it (durable.ErrLocked). Files are only opened for writing where a daemon would
// do the same to them at its start: checksums are given the length that the volume has.
func Scrub(ctx context.Context, dir string, opt ScrubOptions) (*Scrubbed, error) {
	s := &scrub{ctx: ctx, dir: dir, opt: opt, Scrubbed: Scrubbed{Findings: []Finding{}}}
	names, err := s.resources()
	if err != nil {
		return nil, err
	}
	unlock, err := durable.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	defer unlock()
	if err := s.host(); err != nil {
		return nil, err
	}
	for _, name := range names {
		s.all += allocated(ResourceDir(dir, name))
	}
	for _, name := range names {
		if err := s.resource(name); err != nil {
			return nil, err
		}
		s.Resources++
	}
	return &s.Scrubbed, nil
}

// resources lists what there is to look at. What begins with a dot was not made to its end, or is
// being deleted: the daemon removes it.
func (s *scrub) resources() (names []string, err error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, resourcesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: no data folder of a daemon", s.dir, ErrNoData)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if s.opt.Resource == "" {
		return names, nil
	}
	if !slices.Contains(names, s.opt.Resource) {
		return nil, fmt.Errorf("%s: %w: no resource %s", s.dir, ErrNoData, s.opt.Resource)
	}
	return []string{s.opt.Resource}, nil
}

func (s *scrub) found(resource, path, format string, args ...any) {
	file, err := filepath.Rel(s.dir, path)
	if err != nil {
		file = path
	}
	what := fmt.Sprintf(format, args...)
	what = strings.TrimPrefix(strings.ReplaceAll(what, "\n", "; "), path+":")
	s.Findings = append(s.Findings, Finding{resource, file, strings.TrimSpace(what)})
}

// read counts bytes that were read.
func (s *scrub) read(n int64) error {
	s.Bytes += n
	if s.opt.Progress != nil {
		s.opt.Progress(min(s.Bytes, s.all), s.all)
	}
	return s.ctx.Err()
}

// host looks at the host's own files, and learns the version of the folder.
func (s *scrub) host() error {
	s.version = dataVersion // also if nobody can tell
	path := filepath.Join(s.dir, identityName)
	id, err := readIdentity(path)
	switch {
	case errors.Is(err, ErrNewer):
		return err
	case err == nil:
		s.version = id.Version
	case s.opt.Resource == "":
		s.found("", path, "%v", err)
	}
	if s.opt.Resource != "" {
		return nil
	}
	path = filepath.Join(s.dir, incarnationName)
	if _, err := readIncarnation(path, s.version); err != nil {
		s.found("", path, "%v", err)
	}
	return nil
}

// allocated is how many bytes the files below a folder take on the disk.
func allocated(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n += dataOf(path)
		}
		return nil // it is only for the progress
	})
	return n
}
