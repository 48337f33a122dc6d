package realnode

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/realnode/disk"
)

// dumpMachine reads the devices of a machine in its folder. A machine without a folder is an
// error; how many devices it has, the folder tells.
//
// The process may be at work meanwhile. Volumes and ends of logs are of some moment then; but a log of
// which a segment went while it was read would have a hole, so it is read again.
func dumpMachine(dir string) (node.Dump, error) {
	for {
		before, err := segmentsIn(dir)
		if err != nil {
			return node.Dump{}, err
		}
		d, err := readMachine(dir)
		if after, e := segmentsIn(dir); e != nil || slices.Equal(before, after) {
			return d, errors.Join(err, e)
		}
	}
}

// segmentsIn lists the files of all logs of a machine, and of what was deleted from them.
func segmentsIn(dir string) (names []string, err error) {
	folders, err := filepath.Glob(filepath.Join(dir, daemon.LogName+"*"))
	for _, folder := range folders {
		entries, e := os.ReadDir(folder)
		if e != nil {
			return nil, e
		}
		for _, e := range entries {
			names = append(names, folder+"/"+e.Name())
		}
	}
	return names, err
}

func readMachine(dir string) (node.Dump, error) {
	var d node.Dump
	if _, err := os.Stat(dir); err != nil {
		return d, err
	}
	for i := 0; ; i++ {
		b, err := readSparse(filepath.Join(dir, daemon.VolumeName+strconv.Itoa(i)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return d, err
		}
		d.Volumes = append(d.Volumes, b)
	}
	for i := 0; ; i++ {
		path := filepath.Join(dir, daemon.LogName+strconv.Itoa(i))
		files, err := disk.ReadLog(path)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil && !errors.Is(err, disk.ErrDamaged) { // what is damaged ends where it is
			return d, err
		}
		d.Logs = append(d.Logs, files)
		dropped, err := disk.ReadArchive(path + daemon.ArchiveSuffix)
		if err != nil {
			return d, err
		}
		d.Dropped = append(d.Dropped, dropped)
	}
	return d, nil
}
