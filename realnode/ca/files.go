package ca

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/container-football/pitch/internal/durable"
)

// maxFile is far more than any of our files needs, in bytes.
const maxFile = 1 << 20

// file is one that is to be written.
type file struct {
	name string
	data []byte
	mode fs.FileMode
}

// newFolder makes a folder with files in it, all or nothing even if the power fails: it is filled
// under another name and then renamed. An empty folder may be there already, nothing else.
func newFolder(name string, files []file) error {
	if err := vacant(name); err != nil {
		return err
	}
	target, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // nothing is there any more if all went well
	for _, f := range files {
		if err := writeSynced(filepath.Join(tmp, f.name), f); err != nil {
			return err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := durable.SyncDir(tmp); err != nil {
		return err
	}
	// Rmdir, unlike os.Remove, never removes a file that has come in between.
	err = syscall.Rmdir(target)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.ENOTDIR) {
		return occupied(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "rmdir", Path: target, Err: err}
	}
	if err := os.Rename(tmp, target); errors.Is(err, fs.ErrExist) {
		return occupied(name)
	} else if err != nil {
		return err
	}
	return durable.SyncDir(parent)
}

// vacant says early, before anything is made, that something is in the way.
func vacant(target string) error {
	info, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return occupied(target)
	}
	entries, err := os.ReadDir(target)
	if err == nil && len(entries) > 0 {
		return occupied(target)
	}
	return err
}

func occupied(target string) error {
	return &Error{target, ErrExists, "nothing is overwritten; name a folder that is new or empty"}
}

func writeSynced(path string, f file) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.Write(f.data); err != nil {
		return err
	}
	if err := w.Chmod(f.mode); err != nil { // whatever the umask
		return err
	}
	if err := w.Sync(); err != nil {
		return err
	}
	return w.Close()
}

// readFile reads a regular file. A secret one must be closed to all but its owner.
func readFile(path string, secret bool) ([]byte, error) {
	info, err := os.Stat(path) // before opening: that of a pipe would wait
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, &Error{path, ErrMissing, "no such file"}
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{path, ErrMissing, "expected a regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if m := info.Mode().Perm(); secret && m&0o077 != 0 {
		return nil, &Error{path, ErrKeyMode, fmt.Sprintf("its mode is %#o; if nobody else can have "+
			"read it, `chmod 600 %s`, else revoke its certificate and issue another", m, path)}
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = &Error{path, ErrDamaged, "it is larger than 1 MiB"}
	}
	return b.Bytes(), err
}

// lock keeps others from changing the folder of an authority until it is released, also other
// processes.
func lock(dir string) (release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		d.Close()
		return nil, &fs.PathError{Op: "flock", Path: dir, Err: err}
	}
	return func() { d.Close() }, nil
}
