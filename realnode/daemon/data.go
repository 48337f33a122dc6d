package daemon

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/internal/strict"
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

// dataVersion is the version of the layout of the data folder. A folder of an older version is
// upgraded when it is opened; see upgrades.
const dataVersion = 1

// upgrades make version i+2 of the layout out of version i+1. Each must be safe to be done again
// after a crash in the middle.
var upgrades []func(dir string) error

// identity says whose a data folder is.
type identity struct {
	Version int    `toml:"version" req:"yes" min:"1"`
	Cluster string `toml:"cluster" req:"yes" pattern:"label"`
	Host    string `toml:"host" req:"yes" pattern:"label"`
	ID      int    `toml:"id" req:"yes" min:"1" max:"65536"`
	Seed    uint64 `toml:"seed" req:"yes"`
}

var identityFormat = &strict.Format{Name: "identity of a data folder",
	Patterns: map[string]strict.Pattern{"label": patterns["label"]},
	Descriptions: map[string]string{"version": "of the layout of the folder",
		"cluster": "that the host belongs to", "host": "whose folder this is",
		"id": "its number", "seed": "of its random choices"}}

// Why a data folder cannot be used.
var (
	// ErrOtherHost is returned for the folder of another host or cluster.
	ErrOtherHost = errors.New("data folder of another host")
	// ErrNewer is returned for a folder that a later version of pitch has made.
	ErrNewer = errors.New("data folder of a later version of pitch")
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

func identify(c *Config) (*identity, error) {
	path := filepath.Join(c.Host.Data, identityName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newIdentity(c, path)
	}
	if err != nil {
		return nil, err
	}
	id := &identity{}
	doc, err := identityFormat.Decode(path, text, id)
	if err == nil {
		err = doc.Err()
	}
	switch {
	case err != nil:
		return nil, err
	case id.Cluster != c.Cluster || id.Host != c.Host.Name || id.ID != c.Host.ID:
		return nil, fmt.Errorf("%s: %w: it belongs to host %s (%d) of cluster %s, this is %s (%d) of %s",
			path, ErrOtherHost, id.Host, id.ID, id.Cluster, c.Host.Name, c.Host.ID, c.Cluster)
	case id.Version > dataVersion:
		return nil, fmt.Errorf("%s: %w: version %d, this one knows up to %d", path, ErrNewer,
			id.Version, dataVersion)
	}
	return id, upgrade(c.Host.Data, path, id)
}

func newIdentity(c *Config, path string) (*identity, error) {
	id := &identity{Version: dataVersion, Cluster: c.Cluster, Host: c.Host.Name, ID: c.Host.ID,
		Seed: c.Testing.Seed}
	if id.Seed == 0 {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, err
		}
		id.Seed = binary.LittleEndian.Uint64(b[:]) >> 1 // TOML has signed numbers
	}
	return id, durable.Replace(path, identityFormat.Write(id), 0o600)
}

// upgrade brings a folder of an older version to this one, one version at a time.
func upgrade(dir, path string, id *identity) error {
	for id.Version < dataVersion {
		if err := upgrades[id.Version-1](dir); err != nil {
			return fmt.Errorf("%s: upgrade from version %d: %w", dir, id.Version, err)
		}
		id.Version++
		if err := durable.Replace(path, identityFormat.Write(id), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func countIncarnation(dir string) (int64, error) {
	path := filepath.Join(dir, incarnationName)
	n := int64(0)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, err
	default:
		if n, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil || n < 1 {
			return 0, fmt.Errorf("%s: expected how often this host was started, found %s", path,
				strict.Quote(string(text)))
		}
	}
	n++
	return n, durable.Replace(path, fmt.Appendf(nil, "%d\n", n), 0o600)
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
		if def, err := d.definition(e.Name()); err != nil {
			broken[e.Name()] = err
		} else {
			list = append(list, def)
		}
	}
	return list, broken, nil
}

func (d *data) definition(name string) (*Definition, error) {
	path := filepath.Join(d.resourceDir(name), definitionName)
	text, err := definitionFormat.ReadFile(path)
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
	err := durable.Replace(filepath.Join(tmp, definitionName), def.Marshal(), 0o600)
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
