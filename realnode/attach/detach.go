//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// detaching is one attempt to detach. All callers wait for the same one.
type detaching struct {
	done chan struct{}
	err  error
}

// Detach ends the attachment: what was written is flushed, and the block device, the mount and
// the link are removed. It returns an error that wraps [ErrInUse] and says by whom while the
// device is mounted or open; then, and if the flush fails, the volume stays attached. Detaching
// goes on after ctx has ended; the next call waits for it. After success it does nothing.
func (a *Attachment) Detach(ctx context.Context) error {
	d := a.detachOnce()
	select {
	case <-d.done:
		return d.err
	case <-ctx.Done():
		return fmt.Errorf("detach %q: the volume does not answer yet: %w; "+
			"wait longer, or abort what is not written", a.name, context.Cause(ctx))
	}
}

// detachOnce starts an attempt unless there is one.
func (a *Attachment) detachOnce() *detaching {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.detach != nil {
		return a.detach
	}
	d := &detaching{done: make(chan struct{})}
	if a.gone {
		close(d.done)
		return d
	}
	a.detach = d
	go func() {
		defer close(d.done)
		if err := a.end((*loop).detach); err != nil {
			d.err = fmt.Errorf("detach %q: %w", a.name, err)
		}
		a.mu.Lock()
		a.detach = nil
		a.mu.Unlock()
	}()
	return d
}

// end takes the block device away from its users in the way given, then removes everything.
func (a *Attachment) end(clear func(*loop) error) error {
	a.work.Lock()
	defer a.work.Unlock()
	if a.ended() {
		return nil
	}
	if err := clear(&a.loop); err != nil {
		return err
	}
	a.mu.Lock()
	a.gone = true
	a.mu.Unlock()
	err := a.remove(context.Background())
	release(a.name, a.opt.Mount)
	a.opt.Log.Info("volume detached", "volume", a.name, "device", a.loop.path)
	return err
}

// remove takes away the link and the FUSE file system. The block device must have been cleared or
// never have been made.
func (a *Attachment) remove(ctx context.Context) error {
	var err error
	if a.opt.Link != "" && a.loop.path != "" {
		err = removeLink(a.opt.Link, a.loop.path)
	}
	return errors.Join(err, a.fuse.unmount(ctx))
}

// Abort ends the attachment whoever uses it and whether or not the device answers. Requests that
// wait and all later ones fail, so that a file system on the device sees I/O errors; it has to be
// unmounted by whoever mounted it, and then the block device goes, too. What was written and not
// flushed may be lost. Abort waits for calls of the device's methods to return, at most until ctx
// ends.
func (a *Attachment) Abort(ctx context.Context) error {
	if err := a.fuse.abort(); err != nil {
		return fmt.Errorf("abort %q: %w", a.name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.end((*loop).abandon) }()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("abort %q: %w", a.name, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("abort %q: the device has not returned from a call: %w", a.name,
			context.Cause(ctx))
	}
}

// inUse is the error for a device with users.
func inUse(path string, users []string) error {
	return fmt.Errorf("%s is %w: %s; unmount or close it first", path, ErrInUse,
		strings.Join(users, "; "))
}
