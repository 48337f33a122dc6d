package daemon

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/container-football/pitch/realnode/attach"
	"github.com/container-football/pitch/replica"
)

// In the data folder: links to the block devices of attached volumes, and what is behind them.
const (
	deviceLinks = "dev"
	deviceMount = "mnt"
)

// attachments are the volumes that are block devices of this host.
type attachments struct {
	atMu sync.Mutex
	at   map[string]*attached
	// devices are the paths of these. Whoever only looks must not wait for a device that ends slowly.
	devices sync.Map
}

type attached struct {
	device *attach.Attachment
	front  *volumeFront
}

// detachGrace is how long the end of the daemon waits for a device to be let go of.
const detachGrace = 5 * time.Second

// Attached is where a volume is attached.
type Attached struct {
	Path string `json:"path"` // of the block device
	Link string `json:"link"` // stable name of it
}

// sweepDevices removes what a daemon that was killed has left attached.
func (d *Daemon) sweepDevices() {
	d.at = make(map[string]*attached)
	if d.opt.Runner != nil {
		return
	}
	if err := attach.KeepServing(); err != nil {
		d.log.Debug("under pressure of memory an attached volume may wait for itself", "error", err)
	}
	left, err := attach.Sweep(filepath.Join(d.data.dir, deviceMount))
	if err != nil {
		d.log.Warn("devices that an earlier life has left", "error", err)
	}
	for _, l := range left.Loops {
		d.log.Info("device of an earlier life removed", "device", l)
	}
	for _, b := range left.Busy {
		d.log.Warn("device of an earlier life is still in use and answers with errors", "device", b)
	}
}

// postAttach makes a volume a block device of this host, which must be primary or have imported it.
func (d *Daemon) postAttach(r *resource, req *http.Request) (any, error) {
	a, err := parse[Attach](req)
	if err != nil {
		return nil, err
	}
	d.atMu.Lock()
	defer d.atMu.Unlock()
	name := r.def.Name
	if d.at[name] != nil {
		return nil, refuse(http.StatusConflict, "resource %s is attached at %s", name,
			d.at[name].device.Path())
	}
	if err := attach.Supported(); err != nil {
		return nil, refuse(http.StatusNotImplemented, "%v", err)
	}
	front := newVolumeFront(r)
	if err := front.Open(); err != nil {
		return nil, refuse(http.StatusConflict, "%s", d.named(err.Error()))
	}
	link := filepath.Join(d.data.dir, deviceLinks, name)
	if a.DryRun {
		front.Close()
		return planned("%s would become a block device", link)
	}
	dev, err := attach.Attach(req.Context(), name, front, attach.Options{Link: link,
		Mount: filepath.Join(d.data.dir, deviceMount, name), BlockSize: uint32(r.def.Sector),
		ReadOnly: r.def.ReadOnly, Log: d.log})
	if err != nil {
		front.Close()
		return nil, err
	}
	d.at[name] = &attached{dev, front}
	d.devices.Store(name, dev.Path())
	return Attached{Path: dev.Path(), Link: link}, nil
}

// postDetach ends that, unless somebody uses the device.
func (d *Daemon) postDetach(r *resource, req *http.Request) (any, error) {
	v, err := parse[Detach](req)
	if err != nil {
		return nil, err
	}
	d.atMu.Lock()
	defer d.atMu.Unlock()
	a := d.at[r.def.Name]
	switch {
	case a == nil:
		return nil, refuse(http.StatusConflict, "resource %s is not attached", r.def.Name)
	case v.DryRun:
		return planned("the block device %s would end; it is refused while somebody uses it, "+
			"which only the attempt tells", a.device.Path())
	}
	if err := a.device.Detach(req.Context()); err != nil {
		return nil, refuse(http.StatusConflict, "%v", err)
	}
	a.front.Close()
	delete(d.at, r.def.Name)
	d.devices.Delete(r.def.Name)
	return nil, nil
}

// deviceOf is the block device of a volume, or empty.
func (d *Daemon) deviceOf(name string) string {
	path, _ := d.devices.Load(name)
	text, _ := path.(string)
	return text
}

// resizeDevice lets a device have the size of its volume.
func (d *Daemon) resizeDevice(r *resource, before, st replica.Status) {
	if before.Sectors == st.Sectors {
		return
	}
	d.atMu.Lock()
	defer d.atMu.Unlock()
	if a := d.at[r.def.Name]; a != nil {
		if err := a.device.Resize(); err != nil {
			d.log.Warn("block device keeps its size", "resource", r.def.Name, "error", err)
		}
	}
}

// abortDevice ends the block device of a volume that is no longer served here, which can only be by
// force: whoever uses it gets errors instead of waiting for ever.
func (d *Daemon) abortDevice(ctx context.Context, name string) {
	d.atMu.Lock()
	defer d.atMu.Unlock()
	a := d.at[name]
	if a == nil {
		return
	}
	d.log.Error("volume is no longer served here, and its block device ends", "resource", name,
		"device", a.device.Path())
	ctx, cancel := context.WithTimeout(ctx, detachGrace)
	defer cancel()
	if err := a.device.Abort(ctx); err != nil {
		d.log.Error("block device does not end", "resource", name, "error", err)
	}
	a.front.Close()
	delete(d.at, name)
	d.devices.Delete(name)
}

// detachAll is for the end of the daemon. A device that is in use then fails all further requests.
func (d *Daemon) detachAll() error {
	d.atMu.Lock()
	defer d.atMu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), detachGrace)
	defer cancel()
	var errs []error
	for name, a := range d.at {
		if err := a.device.Detach(ctx); err != nil {
			d.log.Error("volume is still in use, and its device ends with this daemon",
				"resource", name, "error", err)
			errs = append(errs, a.device.Abort(ctx))
		}
		a.front.Close()
		delete(d.at, name)
	}
	return errors.Join(errs...)
}
