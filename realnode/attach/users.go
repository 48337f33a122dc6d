//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// users returns who uses the device, each in a few words.
func (l *loop) users() ([]string, error) {
	if !l.isOurs() {
		return nil, errTaken
	}
	busy := false
	err := apart(func() error {
		fd, err := open(l.path, unix.O_RDONLY|unix.O_EXCL)
		if err == nil {
			unix.Close(fd)
		}
		if errors.Is(err, unix.EBUSY) {
			busy, err = true, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if busy {
		return named(l.path)
	}
	return openers(l.path)
}

// named returns the users of a device that somebody holds exclusively. There is at least one.
func named(path string) ([]string, error) {
	users, err := mountsOf(path)
	if err != nil {
		return nil, err
	}
	users = append(users, holders(path)...)
	if swap, err := os.ReadFile("/proc/swaps"); err == nil &&
		strings.Contains("\n"+string(swap), "\n"+path+" ") {
		users = append(users, "swap space")
	}
	opened, err := openers(path)
	if err != nil {
		return nil, err
	}
	users = append(users, opened...)
	if len(users) == 0 {
		users = []string{"held by the kernel; its mount is not to be seen from here"}
	}
	return users, nil
}

// mountsOf finds the mounts of a device in all mount namespaces.
func mountsOf(path string) ([]string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, fmt.Errorf("number of %s: %w", path, err)
	}
	number := fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	var found []string
	spaces := map[string]bool{}
	own, _ := os.Readlink("/proc/self/ns/mnt")
	err := processes(func(pid int, dir string) {
		space, err := os.Readlink(dir + "/ns/mnt")
		if err != nil || spaces[space] {
			return
		}
		mounts, err := readMounts(dir + "/mountinfo")
		if err != nil {
			return // it has ended
		}
		spaces[space] = true
		for _, m := range mounts {
			// Some file systems, such as btrfs, have a number of their own.
			if m.device != number && m.source != path {
				continue
			}
			where := ""
			if space != own {
				where = fmt.Sprintf(" in the mount namespace of process %d", pid)
			}
			found = append(found, fmt.Sprintf("mounted at %s%s", m.point, where))
		}
	})
	return found, err
}

// holders are devices on top of this one: device mapper, md.
func holders(path string) []string {
	entries, _ := os.ReadDir("/sys/block/" + filepath.Base(path) + "/holders")
	var found []string
	for _, e := range entries {
		found = append(found, "part of /dev/"+e.Name())
	}
	return found
}

// openers are the processes that have the device open.
func openers(path string) ([]string, error) {
	var found []string
	err := processes(func(pid int, dir string) {
		entries, err := os.ReadDir(dir + "/fd")
		if err != nil {
			return
		}
		for _, e := range entries {
			if link, _ := os.Readlink(dir + "/fd/" + e.Name()); link != path {
				continue
			}
			name, _ := os.ReadFile(dir + "/comm")
			// It looks at every new device and goes away by itself.
			if who := strings.TrimSpace(string(name)); !strings.Contains(who, "udev") {
				found = append(found, fmt.Sprintf("open in process %d (%s)", pid, who))
			}
			return
		}
	})
	return found, err
}

// processes calls f with each process and its folder in /proc.
func processes(f func(pid int, dir string)) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			f(pid, "/proc/"+e.Name())
		}
	}
	return nil
}
