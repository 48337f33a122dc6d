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

// dataVersion is the version of the layout of the data folder. A folder of an older version is
// upgraded when it is opened; see upgrades.
const dataVersion = 2

// upgrades make version i+2 of the layout out of version i+1. Each must be safe to be done again
// after a crash in the middle.
var upgrades = []func(dir string) error{sealAll}

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

func identify(c *Config) (*identity, error) {
	path := filepath.Join(c.Host.Data, identityName)
	id, err := readIdentity(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newIdentity(c, path)
	case errors.Is(err, ErrAltered):
		return nil, fmt.Errorf("%w; if the folder is that of host %s, remove the file, and it is made anew",
			err, c.Host.Name)
	case err != nil:
		return nil, err
	case id.Cluster != c.Cluster || id.Host != c.Host.Name || id.ID != c.Host.ID:
		return nil, fmt.Errorf("%s: %w: it belongs to host %s (%d) of cluster %s, this is %s (%d) of %s",
			path, ErrOtherHost, id.Host, id.ID, id.Cluster, c.Host.Name, c.Host.ID, c.Cluster)
	}
	return id, upgrade(c.Host.Data, path, id)
}

// readIdentity reads that of a folder of this version or an older one.
func readIdentity(path string) (*identity, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// Which version it is, and so whether there must be a checksum, it says itself.
	text, sealed, err := unseal(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	id := &identity{}
	doc, err := identityFormat.Decode(path, text, id)
	if err == nil {
		err = doc.Err()
	}
	switch {
	case err != nil:
		return nil, err
	case id.Version > dataVersion:
		return nil, fmt.Errorf("%s: %w: version %d, this one knows up to %d", path, ErrNewer,
			id.Version, dataVersion)
	case !sealed:
		_, err = unsealed(path, data, id.Version)
	}
	return id, err
}

// writeIdentity is the inverse of readIdentity.
func writeIdentity(path string, id *identity) error {
	return durable.Replace(path, seal(identityFormat.Write(id)), 0o600)
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
	return id, writeIdentity(path, id)
}

// upgrade brings a folder of an older version to this one, one version at a time.
func upgrade(dir, path string, id *identity) error {
	for id.Version < dataVersion {
		if err := upgrades[id.Version-1](dir); err != nil {
			return fmt.Errorf("%s: upgrade from version %d: %w", dir, id.Version, err)
		}
		id.Version++
		if err := writeIdentity(path, id); err != nil {
			return err
		}
	}
	return nil
}

// sealAll gives the files of version 1 their checksums. That of the identity comes with the version.
func sealAll(dir string) error {
	entries, err := os.ReadDir(filepath.Join(dir, resourcesName))
	if err != nil {
		return err
	}
	paths := []string{filepath.Join(dir, incarnationName)}
	for _, e := range entries {
		if e.IsDir() {
			paths = append(paths, filepath.Join(ResourceDir(dir, e.Name()), definitionName))
		}
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // whoever needs it will tell
		}
		if err != nil {
			return err
		}
		if _, sealed, _ := unseal(data); sealed {
			continue // before a crash
		}
		if err := durable.Replace(path, seal(data), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// countIncarnation counts this start.
func countIncarnation(dir string) (int64, error) {
	path := filepath.Join(dir, incarnationName)
	n, err := readIncarnation(path, dataVersion)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, fmt.Errorf("%w; docs/how-to/run-a-node.md tells how to write it anew", err)
	}
	n++
	return n, durable.Replace(path, seal(fmt.Appendf(nil, "%d\n", n)), 0o600)
}

// readIncarnation reads how often the daemon of a folder of this version was started.
func readIncarnation(path string, version int) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	text, err := unsealed(path, data, version)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s: expected how often this host was started, found %s", path,
			strict.Quote(string(text)))
	}
	return n, nil
}
