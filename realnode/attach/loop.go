//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// loop is a loop device that is bound to a file of ours.
type loop struct {
	path string // /dev/loopN
	file string // what it is bound to
	seq  string // changes with every binding; "" before Linux 5.15
}

// Flags of a loop device, from linux/loop.h.
const (
	loopReadOnly = 1
	loopDirectIO = 16
)

const loopControl = "/dev/loop-control"

// bindAttempts is how often a free device is asked for. Others may be faster.
const bindAttempts = 64

// bindLoop binds a free loop device to the file.
func bindLoop(file, name string, opt Options) (l loop, err error) {
	err = apart(func() (err error) {
		l, err = bind(file, name, opt)
		return err
	})
	return l, err
}

func bind(file, name string, opt Options) (loop, error) {
	mode := unix.O_RDWR
	if opt.ReadOnly {
		mode = unix.O_RDONLY
	}
	fd, err := open(file, mode)
	if err != nil {
		return loop{}, err
	}
	defer unix.Close(fd)
	control, err := open(loopControl, unix.O_RDWR)
	if err != nil {
		return loop{}, err
	}
	defer unix.Close(control)
	config := configOf(fd, name, opt)
	for range bindAttempts {
		n, err := unix.IoctlRetInt(control, unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return loop{}, fmt.Errorf("find a free loop device: %w", err)
		}
		l := loop{path: fmt.Sprintf("/dev/loop%d", n), file: file}
		err = l.configure(mode, config)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return loop{}, err
		}
	}
	return loop{}, fmt.Errorf("bind a loop device: others were faster %d times; try again",
		bindAttempts)
}

func configOf(fd int, name string, opt Options) *unix.LoopConfig {
	c := &unix.LoopConfig{Fd: uint32(fd), Size: opt.BlockSize}
	c.Info.Flags = loopDirectIO
	if opt.ReadOnly {
		c.Info.Flags |= loopReadOnly
	}
	copy(c.Info.File_name[:len(c.Info.File_name)-1], fsSubtype+":"+name)
	return c
}

func (l *loop) configure(mode int, config *unix.LoopConfig) error {
	fd, err := open(l.path, mode)
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w; in a container, give it the /dev of the host", err)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.IoctlLoopConfigure(fd, config); err != nil {
		return fmt.Errorf("configure %s (Linux 5.8 or later): %w", l.path, err)
	}
	l.seq = sequence(l.path)
	return nil
}

// isOurs says whether the device is still bound to the file: root may have cleared it with
// losetup, and given it to somebody else. The name of the file alone does not tell, since it is
// another one when the FUSE file system was unmounted by force.
func (l *loop) isOurs() bool {
	file := boundTo(filepath.Base(l.path))
	return file != "" && (file == l.file || l.seq != "" && l.seq == sequence(l.path))
}

// sequence is a number that the kernel gives to every new content of a block device.
func sequence(path string) string {
	b, err := os.ReadFile("/sys/block/" + filepath.Base(path) + "/diskseq")
	if err != nil {
		return ""
	}
	return string(b)
}

// boundTo returns the file that a loop device is bound to, or "".
func boundTo(device string) string {
	b, err := os.ReadFile("/sys/block/" + device + "/loop/backing_file")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

// errTaken is returned for a device that somebody else has cleared.
var errTaken = errors.New("the loop device was cleared by somebody else; detach the volume")

// setCapacity makes the kernel look at the size of the file again.
func (l *loop) setCapacity() error {
	return apart(func() error {
		if !l.isOurs() {
			return errTaken
		}
		var st unix.Stat_t // kernels before 6.15 take the size from what was last told them
		if err := unix.Stat(l.file, &st); err != nil {
			return fmt.Errorf("size of %s: %w", l.file, err)
		}
		fd, err := open(l.path, unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.IoctlSetInt(fd, unix.LOOP_SET_CAPACITY, 0); err != nil {
			return fmt.Errorf("set capacity: %w", err)
		}
		return nil
	})
}

// detach flushes and clears the device, unless somebody uses it. While it is held exclusively
// nobody can mount it. Who only opens it meanwhile keeps it until they close it.
func (l *loop) detach() error {
	return apart(func() error {
		if !l.isOurs() {
			return nil
		}
		fd, err := open(l.path, unix.O_RDONLY|unix.O_EXCL)
		if errors.Is(err, unix.EBUSY) {
			return l.refuse()
		}
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		users, err := openers(l.path)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return inUse(l.path, users)
		}
		if err := unix.Fsync(fd); err != nil {
			return fmt.Errorf("flush %s: %w; abort to give up what is not written", l.path, err)
		}
		return clearLoop(fd, l.path)
	})
}

// refuse names those who hold the device.
func (l *loop) refuse() error {
	users, err := named(l.path)
	if err != nil {
		return err
	}
	return inUse(l.path, users)
}

// abandon clears the device as soon as its users are gone.
func (l *loop) abandon() error {
	if !l.isOurs() {
		return nil
	}
	return l.release()
}

// release does not ask whose the device is.
func (l *loop) release() error {
	return apart(func() error {
		fd, err := open(l.path, unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return clearLoop(fd, l.path)
	})
}

// clearLoop ends the binding when the last of those who have the device open closes it.
func clearLoop(fd int, path string) error {
	err := unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0)
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("clear %s: %w", path, err)
	}
	return nil
}

// open opens a file without the help of the scheduler, which would ask a FUSE file for events.
func open(path string, mode int) (int, error) {
	for {
		fd, err := unix.Open(path, mode|unix.O_CLOEXEC, 0)
		if err == nil {
			return fd, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return -1, fmt.Errorf("open %s: %w", path, err)
		}
	}
}
