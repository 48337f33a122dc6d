package realnode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/container-football/pitch/node"
)

// dumpMachine reads the files of a machine. A machine without a directory is an error; how many
// devices it has, the directory tells.
func dumpMachine(dataDir string, machine uint32) (node.Dump, error) {
	var d node.Dump
	dir := filepath.Join(dataDir, fmt.Sprintf("%s%d", machinePrefix, machine))
	if _, err := os.Stat(dir); err != nil {
		return d, err
	}
	for i := 0; ; i++ {
		b, err := readSparse(devicePath(dataDir, machine, volumePrefix, node.Dev(i)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return d, err
		}
		d.Volumes = append(d.Volumes, b)
	}
	for i := 0; ; i++ {
		files, err := dumpLog(devicePath(dataDir, machine, logPrefix, node.Dev(i)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return d, err
		}
		d.Logs = append(d.Logs, files)
	}
	return d, nil
}

func dumpLog(path string) ([]node.LogFile, error) {
	entries, err := os.ReadDir(path) // sorted, and so are the numbers: they have leading zeros
	if err != nil {
		return nil, err
	}
	var files []node.LogFile
	for _, e := range entries {
		id, err := parseSegment(e.Name())
		if err != nil {
			return nil, fmt.Errorf("log %s: %w", path, err)
		}
		b, err := os.ReadFile(filepath.Join(path, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since it was listed
		}
		if err != nil {
			return nil, err
		}
		files = append(files, node.LogFile{ID: id, Data: b})
	}
	return files, nil
}
