package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// fsLoad works on a file system, one step after the other, each with fsync before the next begins:
// so what a file system shows after a crash must be what a number of steps leaves, and a part of
// the next one at most. Operation n has four steps:
//
//  1. append a record to one of a few files, or begin that file anew
//  2. make the file f-n
//  3. rename f-(n-1) to g-(n-1)
//  4. remove g-(n-20)
type fsLoad struct {
	dir    string
	synced atomic.Int64 // steps that have ended
	begun  atomic.Int64
}

const (
	fsSteps = 4  // an operation
	fsFiles = 8  // that are appended to
	fsKept  = 20 // operations until a file is removed
	fsAnew  = 50 // records until a file is begun anew
)

// fsBegins says whether operation n begins its file anew.
func fsBegins(n int64) bool { return n/fsFiles%fsAnew == 0 }

// record is what operation n appends: its size and content depend on nothing else.
func fsRecord(n int64) []byte {
	size := 512 + n*7919%24000
	return bytes.Repeat(fmt.Appendf(nil, "record %08d.", n), int(size/16+1))[:size]
}

func fsContent(n int64) []byte { return bytes.Repeat(fmt.Appendf(nil, "file %010d.", n), 200) }

func (w *fsLoad) path(format string, n int64) string {
	return filepath.Join(w.dir, fmt.Sprintf(format, n))
}

// work goes on until an error, which is the end of the device, or until stop.
func (w *fsLoad) work(stop *atomic.Bool) error {
	for k := w.synced.Load(); !stop.Load(); k++ {
		w.begun.Store(k + 1)
		if err := w.step(k/fsSteps, k%fsSteps); err != nil {
			return err
		}
		w.synced.Store(k + 1)
		if k%16 == 0 { // something that is never synced is always on its way, too
			_ = os.WriteFile(filepath.Join(w.dir, "noise"), make([]byte, 300<<10), 0o644)
		}
	}
	return nil
}

func (w *fsLoad) step(n, step int64) error {
	switch {
	case step == 0:
		flag := os.O_APPEND
		if fsBegins(n) {
			flag = os.O_TRUNC
		}
		return writeSynced(w.path("data-%d", n%fsFiles), flag, fsRecord(n))
	case step == 1:
		if err := writeSynced(w.path("f-%d", n), os.O_EXCL, fsContent(n)); err != nil {
			return err
		}
	case step == 2 && n > 0:
		if err := os.Rename(w.path("f-%d", n-1), w.path("g-%d", n-1)); err != nil {
			return err
		}
	case step == 3 && n >= fsKept:
		if err := os.Remove(w.path("g-%d", n-fsKept)); err != nil {
			return err
		}
	}
	return syncFile(w.dir)
}

func writeSynced(path string, flags int, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flags, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// find returns after how many steps the file system looks as it does: at least least, at most what
// was begun. What there is of the next step is taken back, so that work can go on.
func (w *fsLoad) find(least int64) (steps int64, err error) {
	for k := w.begun.Load(); k >= least; k-- {
		e := w.looks(k)
		if e == nil {
			w.synced.Store(k)
			return k, w.clean(k)
		}
		if err == nil || k == least {
			err = fmt.Errorf("as after %d steps: %w", k, e)
		}
	}
	return 0, fmt.Errorf("not as after %d to %d steps; %w", least, w.begun.Load(), err)
}

// names are the files that there are after k steps.
func (w *fsLoad) names(k int64) (names []string) {
	for m := max(0, k/fsSteps-fsKept-1); fsSteps*m+1 < k; m++ {
		switch {
		case k > fsSteps*(m+fsKept)+3:
		case k > fsSteps*(m+1)+2:
			names = append(names, fmt.Sprintf("g-%d", m))
		default:
			names = append(names, fmt.Sprintf("f-%d", m))
		}
	}
	slices.Sort(names)
	return names
}

// looks says what is not as after k steps.
func (w *fsLoad) looks(k int64) error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return err
	}
	partial := ""
	if k%fsSteps == 1 {
		partial = fmt.Sprintf("f-%d", k/fsSteps)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if name != partial && (strings.HasPrefix(name, "f-") || strings.HasPrefix(name, "g-")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if want := w.names(k); !slices.Equal(names, want) {
		return fmt.Errorf("there are %v, expected %v", names, want)
	}
	for _, name := range names {
		var n int64
		fmt.Sscanf(name[2:], "%d", &n)
		data, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil || !bytes.Equal(data, fsContent(n)) {
			return fmt.Errorf("%s has another content, %d bytes, %v", name, len(data), err)
		}
	}
	return w.data(k, false)
}

// data compares the files that are appended to, or cuts off what is too much.
func (w *fsLoad) data(k int64, cut bool) error {
	for i := range int64(fsFiles) {
		next := int64(-1) // the operation that appends here next, if it may have begun
		if k%fsSteps == 0 && k/fsSteps%fsFiles == i {
			next = k / fsSteps
		}
		want, path := fsAppended(k, i), w.path("data-%d", i)
		var err error
		switch {
		case !cut:
			err = fsCompare(path, want, next)
		case next < 0 || !fsBegins(next): // else it is cut off by that
			err = os.Truncate(path, int64(len(want)))
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fsAppended is what file i of those that are appended to holds after k steps.
func fsAppended(k, i int64) (all []byte) {
	for n := i; fsSteps*n < k; n += fsFiles {
		if fsBegins(n) {
			all = all[:0]
		}
		all = append(all, fsRecord(n)...)
	}
	return all
}

// fsCompare compares a file with what it must hold, if operation next has not begun or got
// nowhere. A negative one has not begun.
func fsCompare(path string, want []byte, next int64) error {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(want) == 0:
		return nil
	case err != nil:
		return err
	case bytes.Equal(data, want):
		return nil
	case next >= 0 && fsBegins(next):
		return nil // it was cut off, and is not what it will be
	case next >= 0 && bytes.HasPrefix(data, want):
		return nil
	}
	return fmt.Errorf("%s has %d bytes, expected %d, or other content", path, len(data), len(want))
}

// clean takes back what there is of the step after k.
func (w *fsLoad) clean(k int64) error {
	if k%fsSteps == 1 {
		if err := os.Remove(w.path("f-%d", k/fsSteps)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := w.data(k, true); err != nil {
		return err
	}
	w.begun.Store(k)
	return syncFile(w.dir)
}
