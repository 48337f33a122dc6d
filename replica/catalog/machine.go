package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
)

// Config is how a machine works. The zero value means the defaults.
type Config struct {
	// Epoch is what the clock of all hosts showed when the time of the steps was zero, in
	// nanoseconds: for a world whose clocks have no common origin. Default 0.
	Epoch node.Time
	// MaxAhead is how far a stamp may lie before the own clock; what lies further is not taken.
	// Default 5 minutes: far more than clocks that are kept in time differ by, and short enough to
	// wait for once a clock has been put right. The original tolerates 30 days.
	MaxAhead node.Time
	// Round is how often digests are compared, once for each scope. Default 5 s, as in the original.
	Round node.Time
	// Fanout is how many hosts are told at once of a change that concerns the whole cluster; each
	// of them tells as many. Default 3.
	Fanout int
}

const (
	defaultAhead  = 300 * node.Second
	defaultRound  = 5 * node.Second
	defaultFanout = 3

	verbEvery   = 500 * node.Millisecond // how often a host that must answer is asked
	verbTimeout = 30 * node.Second
	maxWaiting  = 4 << 20 // bytes of messages and requests that wait for the disk
)

// Machine is the metadata of one host. It has one log.
type Machine struct {
	cfg    Config
	self   node.Addr
	random node.Stream
	now    node.Time // clock of all hosts
	last   node.Time // newest stamp that was given or seen
	out    *node.Effects
	ready  bool
	defect string // why the state cannot be read; empty: it can

	scopes []*scope // by name
	home   string   // the cluster scope that this host writes; empty: in no cluster
	hosts  []node.ID
	near   []node.ID // who shares a resource with this host
	redo   bool      // shares have changed: derive anew

	disk         disk
	held         []held
	waiting      []node.Event
	waitingBytes int
	fresh        []change
	asked        []question

	watches []watch
	verbs   []verb // under way
	refused Refused
}

// held is a message or an answer that waits for the disk.
type held struct {
	to   node.ID // 0: an answer
	tag  node.Tag
	code node.Code
	data []byte
}

// change is an entry to be pushed.
type change struct {
	scope string
	entry Entry
	own   bool // made here, not heard
}

// question is a digest to be sent.
type question struct {
	host  node.ID
	scope string
}

// Refused says what was not taken because its stamp lies too far ahead of this host's clock.
type Refused struct {
	Count uint64    // entries, each time they came, in this incarnation
	Ahead node.Time // of the last one: before this host's clock
	Host  node.ID   // of the last one: who stamped it
}

var _ node.Machine = (*Machine)(nil)

// New makes a machine. It reads its log when it boots.
func New(cfg Config) *Machine {
	if cfg.MaxAhead == 0 {
		cfg.MaxAhead = defaultAhead
	}
	if cfg.Round == 0 {
		cfg.Round = defaultRound
	}
	if cfg.Fanout == 0 {
		cfg.Fanout = defaultFanout
	}
	return &Machine{cfg: cfg}
}

// Spec is how a world makes the machine of a host.
func Spec(cfg Config) node.Spec {
	return node.Spec{New: func() node.Machine { return New(cfg) }, Logs: 1}
}

func (m *Machine) String() string {
	return fmt.Sprintf("catalog of host %d: home %q, %d scopes, %d hosts, %d near", m.self.Host, m.home,
		len(m.scopes), len(m.hosts), len(m.near))
}

// Step implements node.Machine.
func (m *Machine) Step(now node.Time, ev *node.Event, out *node.Effects) {
	m.now, m.out = now+m.cfg.Epoch, out
	switch {
	case ev.Kind == node.KindBoot:
		m.self = ev.From
		m.random = node.NewStream(ev.Seed, "catalog")
		out.LogList(dev, tagList)
	case ev.Kind == node.KindDone:
		m.done(ev)
	case ev.Kind == node.KindTimer && ev.Tag == tagRetry:
		if m.disk.busy {
			m.snapshot()
		} else {
			out.LogList(dev, tagList)
		}
	case !m.ready || m.disk.busy:
		m.wait(ev)
	default:
		m.handle(ev)
		m.finish()
	}
	m.out = nil
}

// wait keeps an event until the disk is done. Messages may be lost; requests are refused.
func (m *Machine) wait(ev *node.Event) {
	size := len(ev.Data) + 100
	if ev.Kind != node.KindTimer && m.waitingBytes+size > maxWaiting || m.defect != "" {
		if ev.Kind == node.KindRequest {
			m.out.Reply(ev.Tag, node.Refused, 0, []byte("the catalog cannot write its log "+m.defect))
		}
		return
	}
	m.waitingBytes += size
	kept := *ev
	kept.Data = slices.Clone(ev.Data)
	m.waiting = append(m.waiting, kept)
}

// handle carries out one event in memory. What it says is held back.
func (m *Machine) handle(ev *node.Event) {
	switch ev.Kind {
	case node.KindMessage:
		if msg, err := decode(ev.Data); err == nil && ev.From.Host != m.self.Host {
			m.message(ev.From.Host, msg)
		}
	case node.KindRequest:
		m.request(ev)
	case node.KindTimer:
		switch ev.Tag {
		case tagRound:
			m.round()
		case tagVerb:
			m.retryVerbs()
		}
	}
	m.derive()
}

// finish ends a step: pushes what is new, answers who waited for it, writes it.
func (m *Machine) finish() {
	m.push()
	m.answerWatches()
	m.answerVerbs()
	m.commit()
}

// begin is the first step of a machine that knows its state.
func (m *Machine) begin() {
	m.ready, m.redo = true, true
	m.derive()
	m.out.SetTimer(tagRound, node.Time(m.random.Below(1000))*m.cfg.Round/1000)
}

// release says what was held back.
func (m *Machine) release() {
	for i := range m.held {
		if h := &m.held[i]; h.to != 0 {
			m.out.Send(node.Addr{Host: h.to, Machine: m.self.Machine}, node.ClassControl, h.data, nil, 0)
		} else {
			m.out.Reply(h.tag, h.code, 0, h.data)
		}
	}
	clear(m.held)
	m.held = m.held[:0]
}

func (m *Machine) send(to node.ID, msg *message) {
	m.held = append(m.held, held{to: to, data: msg.encode()})
}

func (m *Machine) reply(tag node.Tag, code node.Code, data []byte) {
	m.held = append(m.held, held{tag: tag, code: code, data: data})
}

func (m *Machine) refuse(tag node.Tag, format string, args ...any) {
	m.reply(tag, node.Refused, fmt.Appendf(nil, format, args...))
}

func (m *Machine) find(name string) (int, bool) {
	return slices.BinarySearchFunc(m.scopes, name, func(sc *scope, name string) int {
		return strings.Compare(sc.name, name)
	})
}

// scope returns the scope with this name, or nil.
func (m *Machine) scope(name string) *scope {
	if i, ok := m.find(name); ok {
		return m.scopes[i]
	}
	return nil
}

// ensure returns the scope with this name, made if there is none; nil if it cannot be a name.
func (m *Machine) ensure(name string) *scope {
	i, ok := m.find(name)
	if ok {
		return m.scopes[i]
	}
	sc, err := parseScope(name)
	if err != nil {
		return nil
	}
	m.scopes = slices.Insert(m.scopes, i, sc)
	return sc
}

func (m *Machine) remove(name string) {
	if i, ok := m.find(name); ok {
		m.scopes = slices.Delete(m.scopes, i, i+1)
	}
}

// drop forgets a whole scope.
func (m *Machine) drop(name string) {
	m.disk.records = appendRecord(m.disk.records, recordVoid, name, &Entry{Key: "-"})
	m.remove(name)
	m.redo = true
}

// put makes e the entry of its key, and writes it.
func (m *Machine) put(sc *scope, e Entry) {
	m.disk.records = appendRecord(m.disk.records, recordPut, sc.name, &e)
	sc.put(e)
	if strings.HasPrefix(e.Key, sharePrefix) || strings.HasPrefix(e.Key, withPrefix) {
		m.redo = true
	}
}

// set changes a key here, and has it pushed.
func (m *Machine) set(sc *scope, stamp Stamp, key, value string, deleted bool) {
	e := Entry{Key: key, Value: value, Stamp: stamp, Deleted: deleted}
	m.put(sc, e)
	m.fresh = append(m.fresh, change{sc.name, e, true})
}

func (m *Machine) forget(sc *scope, key string) {
	m.disk.records = appendRecord(m.disk.records, recordForget, sc.name, &Entry{Key: key})
	sc.forget(key)
	m.redo = true
}

func (m *Machine) raise(sc *scope, floor Stamp) {
	m.disk.records = appendRecord(m.disk.records, recordFloor, sc.name, &Entry{Key: "-", Stamp: floor})
	sc.raise(floor)
}
