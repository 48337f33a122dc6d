package realnode

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/realnode/disk"
)

// dumpMachine reads the devices of a machine in its folder. A machine without a folder is an
// error; how many devices it has, the folder tells.
func dumpMachine(dir string) (node.Dump, error) {
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
