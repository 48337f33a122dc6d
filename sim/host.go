package sim

import (
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/sim/queue"
)

// host is one simulated host: its machines while it is up, its disks always. It is the World
// that node.Host sees.
type host struct {
	sim     *Sim
	id      node.ID
	inc     int64      // incarnation, counted at each start; also at each crash, to void events
	starts  int64      // how often it was started
	node    *node.Host // nil while down
	paused  bool
	stash   []queue.Entry // what came due during a pause
	offset  node.Time
	drift   int64
	timers  []timer
	gen     uint64
	links   []link // by destination
	devices []machineDevices
}

type machineDevices struct {
	volumes []*volume
	logs    []*logDev
}

// timer is one (machine, tag). An entry in the queue stays where it is when the timer moves to a
// later time: only when it comes due is it put in again. So re-arming costs no queue work.
type timer struct {
	machine uint32
	tag     node.Tag
	due     node.Time // when it must fire; stopped if armed is false
	queued  node.Time // when its entry comes due
	gen     uint64
	armed   bool
}

type link struct {
	busy    node.Time // until then earlier messages occupy the wire
	arrived node.Time // arrival of the latest message: links are first in, first out
	random  node.Stream
}

var _ node.World = (*host)(nil)

func newHost(s *Sim, id node.ID) *host {
	h := &host{sim: s, id: id}
	if s.cfg.Clock != nil {
		h.offset, h.drift = s.cfg.Clock(id)
	}
	for m, spec := range s.cfg.Specs(id) {
		var d machineDevices
		for i, g := range spec.Volumes {
			d.volumes = append(d.volumes, newVolume(h, uint32(m), node.Dev(i), g))
		}
		for i := range spec.Logs {
			d.logs = append(d.logs, newLog(h, uint32(m), node.Dev(i)))
		}
		h.devices = append(h.devices, d)
	}
	return h
}

// Start starts a host that is down. Its machines boot after BootTime; then it can be observed.
func (s *Sim) Start(id node.ID) error {
	h, err := s.host(id)
	if err != nil {
		return err
	}
	if h.node != nil {
		return fmt.Errorf("sim: host %d is already up", id)
	}
	h.inc++
	it := s.push(s.now + s.cfg.BootTime)
	it.kind, it.host, it.inc = itemBoot, h, h.inc
	return nil
}

// StartAll starts every host.
func (s *Sim) StartAll() error {
	for _, h := range s.hosts {
		if err := s.Start(h.id); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) boot() {
	h.starts++
	h.timers = h.timers[:0]
	h.node = node.NewHost(h.id, 0, h.sim.cfg.Specs(h.id), h, h.sim.cfg.Wrap)
	h.node.Share(&h.sim.out)
	h.node.Boot(h.starts, node.Hash(h.sim.cfg.Seed, uint64(h.id)))
	it := h.sim.push(h.sim.now)
	it.kind, it.obs, it.host = itemObs, node.ObsUp, h
}

// Crash ends a host at once. Mode says what becomes of unsynced data.
func (s *Sim) Crash(id node.ID, mode node.Unsynced) error {
	h, err := s.host(id)
	if err != nil {
		return err
	}
	if h.node == nil {
		return fmt.Errorf("sim: host %d is already down", id)
	}
	h.node = nil
	h.inc++
	h.unpause()
	for _, d := range h.devices {
		for _, v := range d.volumes {
			v.crash(mode)
		}
		for _, l := range d.logs {
			l.crash(mode)
		}
	}
	it := s.push(s.now)
	it.kind, it.obs, it.host = itemObs, node.ObsDown, h
	return nil
}

// Pause stops a host from taking steps. What comes due meanwhile waits.
func (s *Sim) Pause(id node.ID) error {
	h, err := s.host(id)
	if err == nil && h.node == nil {
		err = fmt.Errorf("sim: host %d is down", id)
	}
	if err == nil {
		h.paused = true
	}
	return err
}

// Resume ends a pause.
func (s *Sim) Resume(id node.ID) error {
	h, err := s.host(id)
	if err == nil {
		h.unpause()
	}
	return err
}

func (h *host) unpause() {
	h.paused = false
	for _, e := range h.stash { // due in the past: so they come before all else, in their order
		h.sim.queue.Push(e)
	}
	h.stash = h.stash[:0]
}

// Control hands a command to a host's fault layer.
func (s *Sim) Control(id node.ID, cmd []byte) error {
	h, err := s.host(id)
	if err != nil {
		return err
	}
	if h.node == nil {
		return fmt.Errorf("sim: host %d is down", id)
	}
	return h.node.Control(cmd)
}

// Dump returns what the disks of a machine hold, unsynced data of a live host included.
func (s *Sim) Dump(id node.ID, machine uint32) (node.Dump, error) {
	h, err := s.host(id)
	if err != nil {
		return node.Dump{}, err
	}
	if uint64(machine) >= uint64(len(h.devices)) {
		return node.Dump{}, fmt.Errorf("sim: host %d has no machine %d", id, machine)
	}
	var d node.Dump
	for _, v := range h.devices[machine].volumes {
		d.Volumes = append(d.Volumes, v.dump())
	}
	for _, l := range h.devices[machine].logs {
		d.Logs = append(d.Logs, l.dump())
		d.Dropped = append(d.Dropped, l.dropped)
	}
	return d, nil
}

// Machine returns machine m of a host that is up, or nil: for tests.
func (s *Sim) Machine(id node.ID, m uint32) node.Machine {
	if h, err := s.host(id); err == nil && h.node != nil {
		return h.node.Machine(m)
	}
	return nil
}

// Close releases nothing: a simulation holds no resources. It makes Sim a world like others.
func (s *Sim) Close() error { return nil }

// Now implements node.Clock.
func (h *host) Now() node.Time { return h.shows(h.sim.now) }

// shows is what the host's own clock shows at time t.
func (h *host) shows(t node.Time) node.Time { return t + scale(t, h.drift) + h.offset }

// after is the first time from now on at which the host's own clock will show d more.
func (h *host) after(d node.Time) node.Time {
	d = min(max(d, 0), forever)
	if h.drift == 0 {
		return h.sim.now + d
	}
	rate := 1e6 + node.Time(h.drift)
	at, until := h.sim.now+d/rate*1e6+d%rate*1e6/rate, h.Now()+d
	for h.shows(at) < until { // at most twice: two roundings
		at++
	}
	return at
}

// scale is t*ppm/1e6 without overflow, rounded towards zero.
func scale(t node.Time, ppm int64) node.Time {
	if ppm == 0 {
		return 0
	}
	return t/1e6*node.Time(ppm) + t%1e6*node.Time(ppm)/1e6
}

func (h *host) timer(machine uint32, tag node.Tag) *timer {
	for i := range h.timers {
		if t := &h.timers[i]; t.tag == tag && t.machine == machine {
			return t
		}
	}
	return nil
}

// SetTimer implements node.Clock.
func (h *host) SetTimer(machine uint32, tag node.Tag, after node.Time) {
	due := h.after(after)
	t := h.timer(machine, tag)
	if t == nil {
		t = h.newTimer()
		*t = timer{machine: machine, tag: tag}
	}
	queued := t.gen != 0 && t.queued <= due
	t.due, t.armed = due, true
	if !queued {
		h.queueTimer(t)
	}
}

// newTimer takes a place that nothing in the queue stands for any more, or makes one: a machine
// may use tags without end.
func (h *host) newTimer() *timer {
	for i := range h.timers {
		if t := &h.timers[i]; t.gen == 0 {
			return t
		}
	}
	h.timers = append(h.timers, timer{})
	return &h.timers[len(h.timers)-1]
}

func (h *host) queueTimer(t *timer) {
	h.gen++
	t.gen, t.queued = h.gen, t.due
	it := h.sim.push(t.due)
	it.kind, it.host, it.machine, it.inc, it.aux = itemTimer, h, t.machine, h.inc, t.gen
	it.ev = node.Event{Kind: node.KindTimer, Tag: t.tag}
}

// CancelTimer implements node.Clock.
func (h *host) CancelTimer(machine uint32, tag node.Tag) {
	if t := h.timer(machine, tag); t != nil {
		t.armed = false
	}
}

// timerDue says whether the entry it stands for a timer that must fire now. One that was moved
// to a later time goes back into the queue.
func (h *host) timerDue(it *item) bool {
	t := h.timer(it.machine, it.ev.Tag)
	if t == nil || t.gen != it.aux {
		return false
	}
	if t.armed && t.due > h.sim.now {
		h.queueTimer(t)
		return false
	}
	t.gen = 0
	if !t.armed {
		return false
	}
	t.armed = false
	return true
}

// Send implements node.Transport. A message to a host that is down when it arrives is lost. Links
// are first in, first out: no class overtakes another.
func (h *host) Send(from, to node.Addr, _ node.Class, body []byte, cost int64) {
	s := h.sim
	dest, err := s.host(to.Host)
	if err != nil {
		return
	}
	at := s.now + 2*node.Microsecond
	if dest != h {
		at = h.wire(to.Host).arrival(s, cost)
	}
	data := s.copy(body)
	it := s.push(at)
	it.host, it.machine = dest, to.Machine
	it.ev = node.Event{Kind: node.KindMessage, From: from, Data: data}
}

func (h *host) wire(to node.ID) *link {
	if h.links == nil {
		h.links = make([]link, len(h.sim.hosts))
		for i := range h.links {
			name := fmt.Sprintf("link %d-%d", h.id, i+1)
			h.links[i].random = node.NewStream(h.sim.cfg.Seed, name)
		}
	}
	return &h.links[to-1]
}

func (l *link) arrival(s *Sim, cost int64) node.Time {
	l.busy = occupy(l.busy, s.now, cost, s.cfg.Network.Bandwidth)
	at := l.busy + s.cfg.Network.Latency.draw(l.random.Uint64())
	l.arrived = max(l.arrived, at)
	return l.arrived
}

// Volume implements node.World.
func (h *host) Volume(machine uint32, dev node.Dev) node.Volume {
	return h.devices[machine].volumes[dev]
}

// Log implements node.World.
func (h *host) Log(machine uint32, dev node.Dev) node.Log { return h.devices[machine].logs[dev] }

// Reply implements node.World.
func (h *host) Reply(machine uint32, tag node.Tag, code node.Code, epoch uint64, data []byte) {
	c := h.sim.copy(data)
	it := h.sim.push(h.sim.now)
	it.kind, it.obs, it.host, it.machine, it.epoch = itemObs, node.ObsReply, h, machine, epoch
	it.ev = node.Event{Tag: tag, Code: code, Data: c}
}
