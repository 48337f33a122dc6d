package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/container-football/pitch/internal/durable"
)

// In the data folder.
const (
	lockName        = "lock"
	identityName    = "host.toml"
	incarnationName = "incarnation"
	resourcesName   = "resources"
	definitionName  = "definition.toml"
	leavingPrefix   = ".leaving-" // a resource that is being deleted
)

// data is an open data folder.
type data struct {
	dir         string
	seed        uint64
	incarnation int64
	unlock      func()
}

// openData locks the data folder, which is made if there is none, checks that it is this host's,
// and counts the incarnation.
func openData(c *Config) (d *data, err error) {
	dir := c.Host.Data
	if err := os.MkdirAll(filepath.Join(dir, resourcesName), 0o700); err != nil {
		return nil, err
	}
	unlock, err := durable.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	id, err := identify(c)
	if err != nil {
		return nil, err
	}
	d = &data{dir: dir, seed: id.Seed, unlock: unlock}
	if d.incarnation, err = countIncarnation(dir); err != nil {
		return nil, err
	}
	return d, d.tidy()
}

// tidy goes on with what a crash has left half done.
func (d *data) tidy() error {
	entries, err := os.ReadDir(filepath.Join(d.dir, resourcesName))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // not made to its end, or being deleted
			if err := os.RemoveAll(filepath.Join(d.dir, resourcesName, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *data) resourceDir(name string) string { return ResourceDir(d.dir, name) }

// ResourceDir is where, in the data folder dir, the definition and the devices of a resource lie.
func ResourceDir(dir, name string) string { return filepath.Join(dir, resourcesName, name) }

// definitions reads those of all resources in the folder. What cannot be read is told by name.
func (d *data) definitions() (list []*Definition, broken map[string]error, err error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, resourcesName))
	if err != nil {
		return nil, nil, err
	}
	broken = make(map[string]error)
	for _, e := range entries {
		if def, err := readDefinition(d.dir, e.Name(), dataVersion); err != nil {
			broken[e.Name()] = err
		} else {
			list = append(list, def)
		}
	}
	return list, broken, nil
}

// readDefinition reads that of a resource in a folder whose layout has this version.
func readDefinition(dir, name string, version int) (*Definition, error) {
	path := filepath.Join(ResourceDir(dir, name), definitionName)
	data, err := definitionFormat.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text, err := unsealed(path, data, version)
	if err != nil {
		return nil, err
	}
	def, err := ParseDefinition(path, text)
	if err == nil && def.Name != name {
		err = fmt.Errorf("%s: definition of %q in the folder of %q", path, def.Name, name)
	}
	return def, err
}

// Store makes the folder of a resource with its definition in the data folder dir, all or nothing.
// The daemon must not run, or be the caller.
func Store(dir string, def *Definition) error {
	all := filepath.Join(dir, resourcesName)
	if err := os.MkdirAll(all, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(all, def.Name)); err == nil {
		return &fs.PathError{Op: "make", Path: filepath.Join(all, def.Name), Err: fs.ErrExist}
	}
	final, tmp := filepath.Join(all, def.Name), filepath.Join(all, ".new-"+def.Name)
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	err := durable.Replace(filepath.Join(tmp, definitionName), seal(def.Marshal()), 0o600)
	if err == nil {
		err = os.Rename(tmp, final)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return durable.SyncDir(all)
}

// remove deletes the folder of a resource: first in one step, then what is left.
func (d *data) remove(name string) error {
	gone := filepath.Join(d.dir, resourcesName, leavingPrefix+name)
	if err := os.Rename(d.resourceDir(name), gone); err != nil {
		return err
	}
	if err := durable.SyncDir(filepath.Dir(gone)); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}
