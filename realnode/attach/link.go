//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// makeLink points a symbolic link at a device. One that a dead process has left is replaced.
func makeLink(path, device string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("link to %s: %w", device, err)
	}
	if err := removeLink(path, ""); err != nil {
		return err
	}
	if err := os.Symlink(device, path); err != nil {
		return fmt.Errorf("link to %s: %w", device, err)
	}
	return nil
}

// removeLink removes a link to the device, with "" one to any loop device. What is not a link to
// a loop device is left alone, and an error if it is in the way.
func removeLink(path, device string) error {
	target, err := os.Readlink(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !strings.HasPrefix(target, "/dev/loop") {
		return fmt.Errorf("%s exists and is no link to a loop device; move it away", path)
	}
	if device != "" && target != device {
		return nil // somebody has made it anew
	}
	return os.Remove(path)
}
