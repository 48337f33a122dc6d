package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
)

// resource looks at one resource: its definition, its logs, and what these say about its volumes.
func (s *scrub) resource(name string) error {
	dir := ResourceDir(s.dir, name)
	def, spec, ok := s.definition(name, dir)
	if !ok {
		return nil // nothing says what the files are
	}
	logs, damaged, err := s.logs(def, dir, spec.Logs)
	if err != nil {
		return err
	}
	j := s.opt.Judge(def, logs)
	for i := range spec.Logs {
		if what := j.Logs[i]; what != "" && !damaged[i] { // else it follows from what was found
			s.found(name, logPath(dir, i), "%s", what)
		}
	}
	for i := range spec.Volumes {
		v := &volumeScrub{scrub: s, def: def, path: filepath.Join(dir, VolumeName+strconv.Itoa(i)),
			judged: &j, whole: len(damaged) == 0}
		if err := v.run(spec.Volumes[i]); err != nil {
			return err
		}
	}
	return nil
}

// definition says what the files of a resource must be.
func (s *scrub) definition(name, dir string) (def *Definition, spec node.Spec, ok bool) {
	path := filepath.Join(dir, definitionName)
	def, err := readDefinition(s.dir, name, s.version)
	if err == nil {
		// The machine is not going to run, so it does not matter which numbers its members have.
		members := make([]node.Addr, len(def.Members))
		for i := range members {
			members[i] = node.Addr{Host: node.ID(i + 1), Machine: uint32(def.Number)}
		}
		spec, err = s.opt.Build(def, members, node.Addr{})
	}
	if err != nil {
		s.found(name, path, "%v", err)
		return nil, spec, false
	}
	return def, spec, true
}

func logPath(dir string, i int) string { return filepath.Join(dir, LogName+strconv.Itoa(i)) }

// logs looks at every block of every log, and reads what they hold.
func (s *scrub) logs(def *Definition, dir string, n int) (logs [][]node.LogFile,
	damaged map[int]bool, err error) {
	damaged = make(map[int]bool)
	for i := range n {
		path := logPath(dir, i)
		entries, err := os.ReadDir(path)
		if errors.Is(err, fs.ErrNotExist) {
			entries, err = nil, nil // not begun, or gone, which the judge knows
		}
		if err != nil {
			return nil, nil, err
		}
		var log []node.LogFile
		for _, e := range entries {
			file, ok, damage := s.segment(filepath.Join(path, e.Name()))
			if damage != nil {
				damaged[i] = true
				s.found(def.Name, filepath.Join(path, e.Name()), "%v", damage)
			}
			if ok {
				log = append(log, file)
			}
			if err := s.ctx.Err(); err != nil {
				return nil, nil, err
			}
		}
		logs = append(logs, log)
	}
	return logs, damaged, nil
}

// segment reads one file of a log. ok is false for files that are none of its segments.
func (s *scrub) segment(path string) (file node.LogFile, ok bool, damage error) {
	name := filepath.Base(path)
	number, suffix, _ := strings.Cut(name, ".")
	id, err := strconv.ParseUint(number, 10, 64)
	switch {
	case name == "probe", err == nil && suffix == "spare":
		return file, false, nil // what they hold does not count
	case err != nil || disk.SegmentName(id) != name:
		return file, false, errors.New("no name of a segment: the log will not be opened")
	}
	data, err := disk.ReadSegment(path)
	_ = s.read(dataOf(path)) // the caller asks for the end of the context
	return node.LogFile{ID: id, Data: data}, true, err
}
