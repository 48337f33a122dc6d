//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// narrow says why there is no file system on some machines: not on these.
const narrow = ""

// maxTransfer is the largest request in bytes; the kernel's own limit.
const maxTransfer = 1 << 20

// fuseServer is a mounted file system and the goroutines that serve it.
type fuseServer struct {
	mount  string
	volume *volume
	served chan struct{} // closed when nothing is being served any more
}

// mountFuse makes the folder and serves the file system there. The mount is made here and not by
// the library, since that leaves the descriptor of /dev/fuse to child processes: one of them would
// keep the file system alive, and whoever waits for it, when this process is dead.
func mountFuse(v *volume, opt Options) (*fuseServer, error) {
	if err := makeFolder(opt.Mount); err != nil {
		return nil, err
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = os.Remove(opt.Mount)
		return nil, fmt.Errorf("open /dev/fuse: %w", err)
	}
	s := &fuseServer{mount: opt.Mount, volume: v, served: make(chan struct{})}
	if err := mountAt(opt, fd); err != nil {
		unix.Close(fd)
		_ = os.Remove(opt.Mount)
		return nil, err
	}
	// From here on the library owns the descriptor, which it finds by this name.
	server, err := fuse.NewServer(v, fmt.Sprintf("/dev/fd/%d", fd), libraryOptions(v, opt))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve %s: %w", opt.Mount, err), s.abort(),
			os.Remove(opt.Mount))
	}
	go func() {
		defer close(s.served)
		server.Serve()
	}()
	return s, nil
}

// resolvedFolder makes the folder that a mount is to be in, and returns the name by which the
// kernel knows the mount.
func resolvedFolder(path string) (string, error) {
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	parent, err := filepath.EvalSymlinks(parent)
	return filepath.Join(parent, filepath.Base(path)), err
}

// makeFolder makes the folder of a mount. A dead mount there is an error.
func makeFolder(path string) error {
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if m.point == path {
			return fmt.Errorf("%s: %w there by another process, or left by one; "+
				"end it or sweep the folder", path, ErrAttached)
		}
	}
	err = os.Mkdir(path, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if !info.IsDir() || err != nil || len(entries) > 0 {
		return fmt.Errorf("%s is no empty folder; choose another one", path)
	}
	return nil
}

// mountAt mounts the file system that fd will serve. Its source is the link to the block device:
// that is how Sweep finds the link when nobody is left who knows it.
func mountAt(opt Options, fd int) error {
	source := opt.Link
	if source == "" {
		source = fsSubtype
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if opt.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,max_read=%d", fd,
		os.Geteuid(), os.Getegid(), maxTransfer)
	if err := unix.Mount(source, opt.Mount, fsType, flags, data); err != nil {
		return fmt.Errorf("mount %s at %s: %w", fsType, opt.Mount, err)
	}
	return nil
}

func libraryOptions(v *volume, opt Options) *fuse.MountOptions {
	return &fuse.MountOptions{
		Name:                    fsSubtype,
		MaxWrite:                maxTransfer,
		MaxBackground:           opt.MaxInFlight,
		CongestionThreshold:     opt.MaxInFlight,
		MaxInflightRequestBytes: opt.MaxBuffers,
		DisableXAttrs:           true,
		DisableReadDirPlus:      true,
		DisableSplice:           true, // the data is in memory anyway
		// Without this a loop device hands its requests in one after the other.
		ExtraCapabilities:    fuse.CAP_ASYNC_DIO,
		DisabledCapabilities: fuse.CAP_NO_OPEN_SUPPORT | fuse.CAP_PASSTHROUGH,
		Logger:               slog.NewLogLogger(v.log.Handler(), slog.LevelWarn),
	}
}

// abort makes all requests fail, those that wait and those to come, and takes the mount out of
// the sight of others. It waits for nobody.
func (s *fuseServer) abort() error {
	err := unix.Unmount(s.mount, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount %s: %w", s.mount, err)
	}
	return nil // or it has been unmounted by somebody else
}

// unmount waits for the loop device to let go of the file, which takes as long as somebody looks
// at the device, then for the end of the server.
func (s *fuseServer) unmount(ctx context.Context) error {
	if s.volume.opened.Load() {
		select {
		case <-s.volume.released:
		case <-s.served: // aborted
		case <-ctx.Done():
		}
	}
	if err := s.abort(); err != nil {
		return err
	}
	select {
	case <-s.served:
	case <-ctx.Done():
		return fmt.Errorf("end of %s: %w", s.mount, context.Cause(ctx))
	}
	if err := os.Remove(s.mount); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
