package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/container-football/pitch/realnode/nbd"
	"github.com/container-football/pitch/replica"
)

// exports is the part of a daemon that clients of volumes use.
type exports struct {
	servers   []*nbd.Server // one for each of listeners
	listeners []net.Listener
	control   net.Listener
	stopping  context.CancelFunc
	serving   sync.WaitGroup

	exMu      sync.Mutex
	published map[string]nbd.Export
}

// withdrawGrace is how long clients may take to let go of a volume that is no longer served here.
const withdrawGrace = 10 * time.Second

// listenForClients makes the sockets. Under a runner there are none: its users come another way.
func (d *Daemon) listenForClients() (err error) {
	d.published = make(map[string]nbd.Export)
	if d.opt.Runner != nil {
		return nil
	}
	cfg := d.cfg
	local, err := listenUnix(cfg.NBD.Socket)
	if err != nil {
		return fmt.Errorf("nbd.socket: %w", err)
	}
	d.listeners = append(d.listeners, local)
	d.servers = append(d.servers, &nbd.Server{Exports: d.exported, Log: d.log.With("part", "nbd")})
	if cfg.NBD.Listen != "" {
		tcp, err := net.Listen("tcp", cfg.NBD.Listen)
		if err != nil {
			return fmt.Errorf("nbd.listen: %w", err)
		}
		d.listeners = append(d.listeners, tcp)
		d.servers = append(d.servers, d.networkServer())
	}
	if d.control, err = listenUnix(cfg.Host.Control); err != nil {
		return fmt.Errorf("host.control: %w", err)
	}
	return allowGroup(cfg.Host.Control, cfg.Host.ControlGroup)
}

// listenUnix makes a socket for its owner alone. One that nobody listens on any more is replaced:
// the lock on the data folder says that no other daemon of this host runs.
func listenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("%s: another process listens there", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serveClients lets clients in.
func (d *Daemon) serveClients(ctx context.Context) error {
	ctx, d.stopping = context.WithCancel(ctx)
	for i, l := range d.listeners {
		s := d.servers[i]
		d.serving.Go(func() {
			if err := s.Serve(ctx, l); err != nil {
				d.log.Error("NBD server has ended", "listen", l.Addr().String(), "error", err)
			}
		})
	}
	d.serveControl(ctx)
	return nil
}

// networkServer is the NBD server for clients over TCP.
func (d *Daemon) networkServer() *nbd.Server {
	var conf *tls.Config
	if d.cfg.NBD.TLS != "off" {
		conf = d.tls.Server()
	}
	return &nbd.Server{Exports: d.exported, Log: d.servers[0].Log, TLS: conf,
		RequireTLS: d.cfg.NBD.TLS == "required"}
}

// exported lists what clients may use now.
func (d *Daemon) exported() []nbd.Export {
	d.exMu.Lock()
	defer d.exMu.Unlock()
	list := make([]nbd.Export, 0, len(d.published))
	for _, e := range d.published {
		list = append(list, e)
	}
	return list
}

// publish exports a volume while its replica is primary, or if it is used here without one, and ends the
// connections when that is not so any more.
func (d *Daemon) publish(ctx context.Context, r *resource, st replica.Status) {
	if len(d.servers) == 0 {
		return
	}
	name := r.def.Name
	d.exMu.Lock()
	e, there := d.published[name]
	is := there && e.Device.(*volumeFront).r == r // not of an earlier resource of this name
	// A resource that is going away must not be exported again behind the back of unpublish.
	want := (st.Role == replica.RolePrimary || r.def.imported()) && d.find(name) == r
	switch {
	case want && !there:
		d.published[name] = nbd.Export{Name: name, Device: newVolumeFront(r), MultiConn: true,
			ReadOnly: r.def.ReadOnly, PreferredBlock: 4096, Description: "resource " + name}
	case !want && is:
		delete(d.published, name)
	}
	d.exMu.Unlock()
	if is && !want {
		d.withdraw(ctx, name)
	}
	if !want {
		d.abortDevice(ctx, name)
	}
}

// unpublish ends the export of a resource that goes away.
func (d *Daemon) unpublish(ctx context.Context, name string) {
	d.exMu.Lock()
	_, is := d.published[name]
	delete(d.published, name)
	d.exMu.Unlock()
	if is {
		d.withdraw(ctx, name)
	}
	d.abortDevice(ctx, name)
}

func (d *Daemon) withdraw(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, withdrawGrace)
	defer cancel()
	for _, s := range d.servers {
		if err := s.Withdraw(ctx, name); err != nil {
			d.log.Warn("clients hold on to a volume that is no longer served", "resource", name,
				"error", err)
		}
	}
}

func (d *Daemon) closeClients() error {
	if d.stopping != nil {
		d.stopping()
	}
	var errs []error
	if d.control != nil {
		errs = append(errs, ignoreClosed(d.control.Close()))
	}
	for _, l := range d.listeners {
		errs = append(errs, ignoreClosed(l.Close()))
	}
	d.serving.Wait()
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
