//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Supported says why volumes cannot be attached here, with an error that wraps [ErrUnsupported],
// or nil. It changes nothing.
func Supported() error {
	var why []string
	if narrow != "" {
		why = append(why, narrow)
	}
	for _, device := range []struct{ path, module string }{
		{"/dev/fuse", "fuse"}, {loopControl, "loop"},
	} {
		fd, err := unix.Open(device.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			unix.Close(fd)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV),
			errors.Is(err, unix.ENXIO):
			why = append(why, fmt.Sprintf("there is no %s (modprobe %s, or give it to the "+
				"container)", device.path, device.module))
		case errors.Is(err, fs.ErrPermission):
			why = append(why, device.path+" cannot be opened (run as root)")
		default:
			why = append(why, fmt.Sprintf("%s: %v", device.path, err))
		}
	}
	if !mayMount() {
		why = append(why, "file systems cannot be mounted (it takes CAP_SYS_ADMIN: run as root)")
	}
	if len(why) > 0 {
		return fmt.Errorf("%w: %s", ErrUnsupported, strings.Join(why, "; "))
	}
	return nil
}

// mayMount says whether this thread has CAP_SYS_ADMIN.
func mayMount() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&header, &data[0])
	return err == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// KeepServing tells the kernel that this process serves block devices: when one of its threads
// needs memory, nothing is written to such a device first, which it could wait for only in vain.
// It covers all threads, those to come and child processes. It takes CAP_SYS_RESOURCE, and does
// not work in a program that is linked with C code (build with CGO_ENABLED=0).
func KeepServing() error {
	_, _, errno := syscall.AllThreadsSyscall(syscall.SYS_PRCTL, unix.PR_SET_IO_FLUSHER, 1, 0)
	if errno != 0 {
		return fmt.Errorf("keep serving when memory is short (takes CAP_SYS_RESOURCE and a "+
			"program without C code): %w", errno)
	}
	return nil
}
