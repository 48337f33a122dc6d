//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Swept is what Sweep has found.
type Swept struct {
	Mounts []string // folders that were unmounted
	Loops  []string // loop devices that were cleared
	// Busy are loop devices that somebody still uses, such as "/dev/loop3: mounted at /srv". They
	// answer with I/O errors, and go when they are unmounted or closed; until then a file system
	// on them must not be taken for that of the volume when it is attached again.
	Busy []string
}

// Sweep removes what attachments with a Mount below the folder dir have left in a process that is
// dead: their mounts, loop devices and links. Those of this process are left alone; another
// living process must have none there, since they would be aborted. Whoever still waits for one
// of the dead gets an error. A sweep that was interrupted is completed by the next one.
func Sweep(dir string) (Swept, error) {
	var s Swept
	if err := s.sweep(dir); err != nil {
		return s, fmt.Errorf("sweep %s: %w", dir, err)
	}
	return s, nil
}

func (s *Swept) sweep(dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mounts, err := leftBelow(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range mounts {
		// This ends all requests, even if a thread of the dead process keeps them alive. The mount
		// stays while a loop device is bound to its file; by the mount the loop device is found.
		err := unix.Unmount(m.point, unix.MNT_FORCE|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EBUSY) {
			errs = append(errs, fmt.Errorf("abort %s: %w", m.point, err))
		}
	}
	for _, m := range mounts {
		if err := s.clear(m); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, s.unmount(m))
	}
	return errors.Join(errs...)
}

// leftBelow finds our mounts below dir that this process does not serve. What was mounted last
// comes first.
func leftBelow(dir string) ([]mounted, error) {
	all, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	taken.Lock()
	defer taken.Unlock()
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(m mounted) bool {
		below := m.point == dir || strings.HasPrefix(m.point, strings.TrimSuffix(dir, "/")+"/")
		return m.fsType != fsType || !below || taken.mounts[m.point]
	}), nil
}

// clear frees the loop devices that are bound to the file of a mount, at once or when they are
// closed.
func (s *Swept) clear(m mounted) error {
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := boundTo(e.Name())
		if !strings.HasPrefix(e.Name(), "loop") || file == "" || filepath.Dir(file) != m.point {
			continue
		}
		l := &loop{path: "/dev/" + e.Name(), file: file}
		users, err := l.users()
		if err == nil {
			err = l.release()
		}
		if err != nil {
			return err
		}
		s.Loops = append(s.Loops, l.path)
		if len(users) > 0 {
			s.Busy = append(s.Busy, l.path+": "+strings.Join(users, "; "))
		}
	}
	return nil
}

// unmount takes off what is left of a mount.
func (s *Swept) unmount(m mounted) error {
	err := unix.Unmount(m.point, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EINVAL) { // or it went together with the loop device
		return fmt.Errorf("unmount %s: %w", m.point, err)
	}
	s.Mounts = append(s.Mounts, m.point)
	return tidy(m)
}

// tidy removes the folder of a mount and the link. The latter matters: the number of the loop
// device may soon be that of somebody else's.
func tidy(m mounted) error {
	err := os.Remove(m.point)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EBUSY) {
		err = nil // the kernel may still be at it; the next Attach takes the folder as it is
	}
	if filepath.IsAbs(m.source) {
		err = errors.Join(err, removeLink(m.source, ""))
	}
	return err
}
