package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/container-football/pitch/node"
)

// archived is a log that keeps what is deleted.
type archived struct {
	Device
	dir  string
	next int
}

// Archived puts an aspect around a log that keeps what is deleted from it, or cut off, or was never
// stored for want of room, in files of a folder of its own: for those who judge a run and need all of its history. What is kept is not
// synced.
func Archived(below Device, dir string) (Device, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("archive of a log: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("archive of a log: %w", err)
	}
	return &archived{Device: below, dir: dir, next: len(entries)}, nil
}

// archiveRead is how much is read at a time, in bytes.
const archiveRead = 4 << 20

func (a *archived) Do(r *Request) ([]byte, error) {
	from := int64(0)
	switch r.Op {
	case node.OpLogTrunc:
		from = r.N
	case node.OpLogDelete:
	case node.OpLogNote:
		return nil, a.write(r.Seg, r.Data)
	default:
		return a.Device.Do(r)
	}
	if err := a.keep(r.Seg, from); err != nil {
		return nil, fmt.Errorf("archive of segment %d: %w", r.Seg, err)
	}
	return a.Device.Do(r)
}

// keep writes what a segment holds from a position on into the next file.
func (a *archived) keep(seg uint64, from int64) error {
	var all []byte
	for {
		b, err := a.Device.Do(&Request{Op: node.OpLogRead, Seg: seg, Off: from + int64(len(all)),
			N: archiveRead})
		if err != nil {
			return nil // there is nothing that could be kept; whoever deletes it is told the same
		}
		all = append(all, b...)
		if len(b) < archiveRead {
			break
		}
	}
	if len(all) == 0 {
		return nil
	}
	return a.write(seg, all)
}

// write makes the next file.
func (a *archived) write(seg uint64, data []byte) error {
	name := fmt.Sprintf("%08d-%d", a.next, seg)
	a.next++
	return os.WriteFile(filepath.Join(a.dir, name), data, 0o600)
}

func (a *archived) String() string { return "archived " + a.Device.String() }

// ReadArchive returns what an archive holds, oldest first. One that does not exist is empty.
func ReadArchive(dir string) ([]node.LogFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var files []node.LogFile
	for _, e := range entries { // by name, which is their order
		_, seg, _ := strings.Cut(e.Name(), "-")
		id, err := strconv.ParseUint(seg, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, e.Name()), fs.ErrInvalid)
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, node.LogFile{ID: id, Data: b})
	}
	return files, nil
}
