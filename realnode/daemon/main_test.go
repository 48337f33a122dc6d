package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-football/pitch/internal/lab"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/nbd/nbdtest"
	"github.com/container-football/pitch/replica"
)

// patience is how long these tests wait for what must happen.
const patience = 20 * time.Second

// toy is a replica that replicates nothing: it serves a volume, and knows the words of a replica.
type toy struct {
	self     node.Addr
	st       replica.Status
	watchers []node.Tag
}

// The strategies: toys, and one whose volume no disk can hold.
const (
	toys  = "toy"
	giant = "giant"
)

// buildToy implements Options.Build.
func buildToy(def *Definition, members []node.Addr, _ node.Addr) (node.Spec, error) {
	if def.Strategy == giant {
		return node.Spec{Volumes: []node.Geometry{{Sectors: 1 << 63, SectorSize: 4096, Carry: 4096}}}, nil
	}
	if def.Strategy != toys {
		return node.Spec{}, fmt.Errorf("strategy %q is unknown", def.Strategy)
	}
	m := &toy{st: replica.Status{Role: replica.RolePrimary, Epoch: 1, FetchOn: true, ReplayOn: true,
		UpToDate: true, Sectors: int64(def.Geometry().Sectors), Members: slices.Clone(members)}}
	if def.Joins {
		m.st.Role = replica.RoleSecondary
	}
	m.st.Primary = members[0].Host
	return node.Spec{New: func() node.Machine { return m }, Volumes: []node.Geometry{def.Geometry()},
		Logs: 1}, nil
}

// Step implements node.Machine.
func (m *toy) Step(_ node.Time, ev *node.Event, out *node.Effects) {
	before := m.st.Changes
	switch ev.Kind {
	case node.KindBoot:
		m.self = ev.From
		m.st.Changes++
	case node.KindDone:
		if ev.Op == node.OpResize {
			m.st.Sectors = ev.N
			m.st.Changes++
		}
		out.Reply(ev.Tag, ev.Code, 0, ev.Data)
	case node.KindRequest:
		m.request(ev, out)
	}
	if m.st.Changes == before {
		return
	}
	for _, tag := range m.watchers {
		out.Reply(tag, node.OK, 0, m.st.Encode())
	}
	m.watchers = m.watchers[:0]
}

func (m *toy) request(ev *node.Event, out *node.Effects) {
	switch ev.Op {
	case replica.OpStatus:
		out.Reply(ev.Tag, node.OK, 0, m.st.Encode())
		return
	case replica.OpWatch:
		if uint64(ev.N) != m.st.Changes {
			out.Reply(ev.Tag, node.OK, 0, m.st.Encode())
		} else {
			m.watchers = append(m.watchers, ev.Tag)
		}
		return
	case replica.OpResumeReplay: // needs its device, which fails
		out.Reply(ev.Tag, node.IOError, 0, nil)
		return
	case replica.OpResize:
		if ev.N <= m.st.Sectors {
			out.Reply(ev.Tag, node.Refused, 0, []byte("it is no larger"))
		} else {
			out.Resize(0, ev.Tag, ev.N)
		}
		return
	}
	if ev.Op < node.OpVerb {
		m.serve(ev, out)
		return
	}
	if why := m.verb(ev); why != "" {
		out.Reply(ev.Tag, node.Refused, 0, []byte(why))
		return
	}
	m.st.Changes++
	out.Reply(ev.Tag, node.OK, 0, nil)
}

func (m *toy) serve(ev *node.Event, out *node.Effects) {
	if m.st.Role != replica.RolePrimary {
		out.Reply(ev.Tag, node.NotPrimary, 0, nil)
		return
	}
	switch ev.Op {
	case node.OpRead:
		out.Read(0, ev.Tag, ev.Off, ev.N)
	case node.OpWrite:
		out.Write(0, ev.Tag, ev.Off, ev.Data)
	case node.OpSync:
		out.Sync(0, ev.Tag)
	case node.OpZero:
		out.Zero(0, ev.Tag, ev.Off, ev.N)
	case node.OpMap:
		out.Map(0, ev.Tag, ev.Off, ev.N)
	}
}

// verb carries out a verb, or says why not.
func (m *toy) verb(ev *node.Event) string {
	isPrimary := m.st.Role == replica.RolePrimary
	switch ev.Op {
	case replica.OpOpen:
		if !isPrimary {
			return "not primary"
		}
		m.st.Open++
	case replica.OpClose:
		m.st.Open--
	case replica.OpSetAck:
		m.st.Ack = string(ev.Data)
	case replica.OpSetLogLimit:
		m.st.LogLimit = ev.N
	case replica.OpLogRotate:
		m.st.End++
	case replica.OpPrimary:
		m.st.Role, m.st.Primary = replica.RolePrimary, m.self.Host
	case replica.OpSecondary:
		if m.st.Open > 0 {
			return fmt.Sprintf("in use on host %d", m.self.Host)
		}
		m.st.Role, m.st.Primary = replica.RoleSecondary, 0
	case replica.OpPauseReplay: // blames another member
		m.st.Role = replica.RoleSecondary
		for _, a := range m.st.Members {
			if a.Host != m.self.Host {
				m.st.Primary = a.Host
			}
		}
	case replica.OpAddMember, replica.OpRemoveMember:
		a, err := replica.DecodeAddr(ev.Data)
		if err != nil || !isPrimary || a.Host == m.self.Host {
			return "that cannot be"
		}
		m.st.Members = slices.DeleteFunc(m.st.Members, func(b node.Addr) bool { return a == b })
		if ev.Op == replica.OpAddMember {
			m.st.Members = append(m.st.Members, a)
		}
	default:
		return "a toy cannot do that"
	}
	return ""
}

// running is a daemon of this process.
type running struct {
	t      testing.TB
	cfg    *Config
	client *Client
	stop   func() error
}

// configOf is the configuration of a host among others; each listens on its own port.
func configOf(t testing.TB, dir string, i int, names []string, ports []int) *Config {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "schema = 1\ncluster = \"lab\"\n[host]\nname = %q\nid = %d\ndata = %q\n"+
		"listen = \"127.0.0.1:%d\"\n[tls]\ninsecure = true\n", names[i], i+1, names[i], ports[i])
	for k := range names {
		if k != i {
			fmt.Fprintf(&b, "[[peer]]\nname = %q\nid = %d\naddress = \"127.0.0.1:%d\"\n", names[k], k+1,
				ports[k])
		}
	}
	c, err := ParseConfig(filepath.Join(dir, names[i]+".toml"), []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs a daemon, which ends with the test, and waits until it answers.
func start(t testing.TB, cfg *Config, change func(*Options)) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	opt := Options{Config: cfg, Build: buildToy, Version: "test", Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&opt)
	}
	ended := make(chan struct{})
	var result error
	go func() {
		defer close(ended)
		result = Run(ctx, opt)
	}()
	d := &running{t: t, cfg: cfg, client: NewClient(cfg.Host.Control)}
	d.stop = func() error {
		cancel()
		<-ended
		return result
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Errorf("%s: %v", cfg.Host.Name, err)
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := d.client.Do(context.Background(), http.MethodGet, "/v1/host", nil, nil)
		if err == nil {
			return d
		}
		select {
		case <-ended:
			t.Fatalf("%s: %v", cfg.Host.Name, result)
		default:
		}
		if !errors.Is(err, ErrNoDaemon) || time.Now().After(end) {
			t.Fatalf("%s: %v", cfg.Host.Name, err)
		}
	}
}

// alone is a daemon without peers.
func alone(t testing.TB) *running {
	t.Helper()
	return start(t, configOf(t, t.TempDir(), 0, []string{"alpha"}, lab.FreePorts(t, 1)), nil)
}

// together are daemons that know each other.
func together(t testing.TB, names ...string) (list []*running) {
	t.Helper()
	dir, ports := t.TempDir(), lab.FreePorts(t, len(names))
	for i := range names {
		list = append(list, start(t, configOf(t, dir, i, names, ports), nil))
	}
	return list
}

// do asks for something that must be done.
func (d *running) do(method, path string, in any) View {
	d.t.Helper()
	var v View
	if err := d.client.Do(context.Background(), method, path, in, &v); err != nil {
		d.t.Fatalf("%s: %s %s: %v", d.cfg.Host.Name, method, path, err)
	}
	return v
}

// refused asks for something that must be refused with this status.
func (d *running) refused(status int, what, method, path string, in any) *Refused {
	d.t.Helper()
	err := d.client.Do(context.Background(), method, path, in, nil)
	var r *Refused
	if !errors.As(err, &r) || r.Status != status || !strings.Contains(r.Failure.Error, what) {
		d.t.Errorf("%s: %s %s: %v (%+v), expected status %d and %q", d.cfg.Host.Name, method, path, err,
			r, status, what)
		return &Refused{}
	}
	return r
}

// create makes a toy.
func (d *running) create(name string) View {
	d.t.Helper()
	return d.do(http.MethodPost, "/v1/resources", Create{Name: name, Size: 1 << 20, Strategy: toys})
}

// open connects a client to a volume: the export follows the role, a moment later.
func (d *running) open(name string) *nbdtest.Client {
	d.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		c, err := nbdtest.Connect(d.cfg.NBD.Socket, name)
		if err == nil {
			d.t.Cleanup(func() { _ = c.Close() })
			return c
		}
		if !errors.Is(err, nbdtest.ErrNoExport) || time.Now().After(end) {
			d.t.Fatalf("%s on %s: %v", name, d.cfg.Host.Name, err)
		}
	}
}

// await waits until a condition holds that nobody tells.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
