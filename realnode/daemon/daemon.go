package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/mesh"
)

// Options is what a daemon needs besides its configuration.
type Options struct {
	Config *Config
	// Build makes the machine of a replica. It is the only thing that knows strategies. The host of the
	// witness is 0 if there is none.
	Build func(def *Definition, members []node.Addr, witness node.Addr) (node.Spec, error)
	// Catalog is the machine of the cluster's metadata. Default: none.
	Catalog Catalog
	// Wrap puts a fault layer below each machine. Default: none.
	Wrap node.Wrap
	// Version of the program, for those who ask.
	Version string
	// Runner is the other end of a run that injects faults, or nil.
	Runner *Runner
	// Reload is called to read the configuration anew. Default: from Config.Path.
	Reload func() (*Config, error)
	// Hangups ask for a reload each. One that comes while the daemon starts is answered when it
	// serves, if the channel has room for it. Default: none.
	Hangups <-chan os.Signal
	// Log is where the daemon reports. Default: slog.Default().
	Log *slog.Logger
}

// Daemon is a running daemon. Use [Run].
type Daemon struct {
	opt    Options
	log    *slog.Logger
	data   *data
	tls    *ca.Config // nil without certificates
	mesh   *mesh.Mesh
	engine *engine.Engine
	exports
	attachments
	turns
	metadata metadata
	tasks    sync.WaitGroup
	life     context.Context // of all replicas

	reloading sync.Mutex

	mu        sync.Mutex
	cfg       *Config
	resources map[string]*resource
	broken    map[string]error  // what keeps a resource from running, by its name
	underWay  map[string]string // what makes a resource or ends it now, by its name
}

// Run is the life of a daemon. It returns nil when ctx ends, or when its runner has gone.
func Run(ctx context.Context, opt Options) error {
	d := &Daemon{opt: opt, cfg: opt.Config, log: opt.Log, resources: make(map[string]*resource),
		underWay: make(map[string]string)}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.opt.Reload == nil {
		d.opt.Reload = func() (*Config, error) { return LoadConfig(opt.Config.Path) }
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d.life = ctx
	if opt.Runner != nil {
		opt.Runner.begin(stop)
	}
	err := d.open()
	if err == nil {
		err = d.serve(ctx)
	}
	stop(nil)
	err = errors.Join(err, d.close())
	if opt.Runner != nil {
		opt.Runner.end(err)
	}
	return err
}

// open makes everything ready that can fail.
func (d *Daemon) open() (err error) {
	cfg := d.cfg
	if d.data, err = openData(cfg); err != nil {
		return err
	}
	d.log = d.log.With("host", cfg.Host.Name, "incarnation", d.data.incarnation)
	if cfg.TLS.Dir != "" {
		if d.tls, err = ca.Open(ca.FilesIn(cfg.TLS.Dir), ca.Options{}); err != nil {
			return err
		}
	}
	d.sweepDevices()
	if err := d.connect(); err != nil {
		return err
	}
	if err := d.startEngine(); err != nil {
		return err
	}
	defs, broken, err := d.data.definitions()
	if err != nil {
		return err
	}
	d.openCatalog()
	d.addAll(defs, broken)
	if err := d.tellBroken(broken); err != nil {
		return err
	}
	return d.listenForClients()
}

// openAtOnce is how many resources are opened at once: opening waits for the disk, mostly.
const openAtOnce = 16

// addAll opens all resources that there are, and notes those that cannot be opened.
func (d *Daemon) addAll(defs []*Definition, broken map[string]error) {
	var group errgroup.Group
	var mu sync.Mutex
	group.SetLimit(openAtOnce)
	for _, def := range defs {
		group.Go(func() error {
			spec, err := d.specOf(def)
			if err == nil {
				_, err = d.add(def, spec)
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				broken[def.Name] = err
			}
			return nil
		})
	}
	_ = group.Wait() // no function of the group fails
}

// tellBroken keeps what is wrong with resources that do not run, and lets the others serve. Under a
// runner nothing may be missing.
func (d *Daemon) tellBroken(broken map[string]error) error {
	var errs []error
	for name, err := range broken {
		d.log.Error("resource cannot be used", "resource", name, "error", err)
		errs = append(errs, err)
	}
	if d.opt.Runner != nil {
		return errors.Join(errs...)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = broken
	return nil
}

func (d *Daemon) connect() (err error) {
	cfg := d.cfg
	d.mesh, err = mesh.Listen(mesh.Config{
		Self: mesh.Self{ID: node.ID(cfg.Host.ID), Name: cfg.Host.Name, Cluster: cfg.Cluster,
			Incarnation: d.data.incarnation},
		Listen: cfg.Host.Listen, TLS: d.tls, Insecure: cfg.TLS.Insecure, Log: d.log,
		Deliver: func(from node.Addr, to uint32, body []byte) { d.engine.Deliver(from, to, body) },
	})
	if err != nil {
		return err
	}
	if d.opt.Runner != nil {
		return nil // it tells where they listen
	}
	return d.mesh.SetPeers(cfg.meshPeers())
}

// meshPeers are the other hosts as the mesh wants them.
func (c *Config) meshPeers() []mesh.Peer {
	list := make([]mesh.Peer, 0, len(c.Peers))
	for i := range c.Peers {
		p := &c.Peers[i]
		list = append(list, mesh.Peer{ID: node.ID(p.ID), Name: p.Name, Address: p.Address,
			Rate: int64(p.Rate), Compress: codec(p.Compress), Congestion: p.Congestion})
	}
	return list
}

// codec is the way to compress of this name, which the configuration allows.
func codec(name string) squeeze.Codec {
	c, err := squeeze.Parse(name)
	if err != nil {
		panic(err)
	}
	return c
}

func (d *Daemon) startEngine() error {
	t := &d.cfg.Testing
	epoch := t.Epoch
	if epoch == 0 {
		var err error
		if epoch, err = engine.Monotonic(); err != nil {
			return err
		}
	}
	clock, err := engine.NewClock(epoch)
	if err != nil {
		return err
	}
	clock.Offset, clock.PPM = node.Time(t.ClockOffset), int64(t.ClockDriftPPM)
	d.metadata.clock = &clock
	d.engine = engine.New(engine.Config{Host: node.ID(d.cfg.Host.ID), Clock: clock,
		Send: d.mesh.Send, Wrap: d.opt.Wrap, Broken: d.panicked, Log: d.log})
	return nil
}

// panicked tells a runner what a machine died of.
func (d *Daemon) panicked(v any) {
	if d.opt.Runner != nil {
		d.opt.Runner.end(fmt.Errorf("panic: %v", v))
	}
}

// serve starts everything and waits for the end.
func (d *Daemon) serve(ctx context.Context) error {
	if r := d.opt.Runner; r != nil {
		if err := r.serve(ctx, d); err != nil {
			return err
		}
		return endOf(ctx)
	}
	if err := d.mesh.Start(ctx); err != nil {
		return err
	}
	for _, r := range d.list() {
		d.boot(ctx, r)
	}
	d.bootCatalog(ctx)
	if err := d.serveClients(ctx); err != nil {
		return err
	}
	cfg := d.config()
	d.log.Info("serving", "peers", d.mesh.Addr().String(), "control", cfg.Host.Control,
		"nbd", cfg.NBD.Socket, "resources", len(d.list()), "version", d.opt.Version)
	notify("READY=1")
	for {
		select {
		case <-d.opt.Hangups:
			notify("RELOADING=1\n" + monotonicUsec())
			if err := d.reload(); err != nil {
				d.log.Error("configuration not taken up", "error", err)
			}
			notify("READY=1")
		case <-ctx.Done():
			notify("STOPPING=1")
			d.log.Info("stopping")
			return endOf(ctx)
		}
	}
}

// endOf is nil if ctx was ended from outside, else why it ended.
func endOf(ctx context.Context) error {
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, errEnded) {
		return err
	}
	return nil
}

// reload takes up a new configuration: peers, what is reported, and how many volumes are copied at a time.
func (d *Daemon) reload() error {
	d.reloading.Lock() // a signal and a request may come at the same time
	defer d.reloading.Unlock()
	fresh, err := d.opt.Reload()
	if err != nil {
		return err
	}
	d.mu.Lock()
	old := d.cfg
	d.mu.Unlock()
	if err := old.reloadable(fresh); err != nil {
		return fmt.Errorf("%s: nothing but peers, log.level and sync.limit can change: the rest %w", fresh.Path, err)
	}
	if err := d.mesh.SetPeers(fresh.meshPeers()); err != nil {
		return err
	}
	d.mu.Lock()
	d.cfg = fresh
	d.mu.Unlock()
	d.limitSyncs(old.Sync.Limit, fresh.Sync.Limit)
	SetLevel(fresh.Log.Level)
	d.log.Info("configuration taken up", "peers", len(fresh.Peers))
	return nil
}

// config is the present configuration.
func (d *Daemon) config() *Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}

// list returns all resources, by name.
func (d *Daemon) list() []*resource {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*resource, 0, len(d.resources))
	for _, r := range d.resources {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *resource) int { return strings.Compare(a.def.Name, b.def.Name) })
	return all
}

func (d *Daemon) find(name string) *resource {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.resources[name]
}

// close ends everything, in the order opposite to that in which it is used.
func (d *Daemon) close() error {
	errs := []error{d.closeClients(), d.detachAll()}
	if d.mesh != nil {
		errs = append(errs, d.mesh.Close())
	}
	if d.engine != nil {
		errs = append(errs, d.engine.Close())
	}
	d.tasks.Wait()
	if d.data != nil {
		d.data.unlock()
	}
	return errors.Join(errs...)
}

// notify tells systemd how the daemon is, if it was started by it.
func notify(state string) {
	if err := sendNotification(os.Getenv("NOTIFY_SOCKET"), state); err != nil {
		slog.Warn("systemd was not told", "state", state, "error", err)
	}
}
