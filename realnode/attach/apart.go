//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// apart calls f on a thread that shares no descriptors with the process, so that f may wait for
// the own file system: should the process be killed meanwhile, that thread does not keep
// /dev/fuse open, and its wait ends. What f opens it must close, and nobody else sees it.
func apart(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end. While it is held here, another one is taken.
			done <- apart(f)
			runtime.UnlockOSThread()
			return
		}
		if err := leaveDescriptors(); err != nil {
			done <- fmt.Errorf("thread of its own: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// stays says which descriptors every thread needs: those of the scheduler.
var stays = func(link string) bool {
	return link == "anon_inode:[eventpoll]" || link == "anon_inode:[eventfd]"
}

// leaveDescriptors gives the thread a descriptor table of its own with nothing in it but the
// standard ones and those of the scheduler. Copies of others would keep connections and locks of
// the process alive.
func leaveDescriptors() error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	const table = "/proc/thread-self/fd"
	entries, err := os.ReadDir(table)
	if err != nil {
		return err
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if link, _ := os.Readlink(table + "/" + e.Name()); !stays(link) {
			unix.Close(fd) // fails for the one that read the folder
		}
	}
	return nil
}
