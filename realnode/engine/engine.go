package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/handoff"
)

// Config is what all machines of a host share.
type Config struct {
	Host  node.ID
	Clock Clock
	// Send sends a message to another host. It must not wait, and loses what it cannot send.
	Send func(from, to node.Addr, class node.Class, body []byte)
	// Wrap puts a fault layer below each machine. Default: none.
	Wrap node.Wrap
	// Broken is told what a machine panicked with, just before the process dies of it.
	Broken func(v any)
	// Log is where the engine reports. Default: slog.Default().
	Log *slog.Logger
}

// Engine holds the machines of one host. Use [New].
type Engine struct {
	cfg  Config
	lost atomic.Uint64

	mu    sync.RWMutex
	units map[uint32]*Unit
}

// New makes an engine without machines.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Engine{cfg: cfg, units: make(map[uint32]*Unit)}
}

// Opener opens one device. Floor is for a volatile cache: a number up to which every sync to come
// covers all writes; zero is unknown.
type Opener func(floor func() uint64) (disk.Device, error)

// Machine is a machine to be run.
type Machine struct {
	Number uint32
	Spec   node.Spec
	// Volumes and Logs open the devices that Spec names.
	Volumes, Logs []Opener
}

// ErrTaken is returned by Add for a number that another machine has.
var ErrTaken = errors.New("number is taken")

// Add opens the devices of a machine and makes its unit. Nothing runs before [Unit.Boot].
func (e *Engine) Add(m Machine) (*Unit, error) {
	if len(m.Volumes) != len(m.Spec.Volumes) || len(m.Logs) != m.Spec.Logs {
		return nil, fmt.Errorf("machine %d: %d volumes and %d logs, expected %d and %d", m.Number,
			len(m.Volumes), len(m.Logs), len(m.Spec.Volumes), m.Spec.Logs)
	}
	u := &Unit{engine: e, number: m.Number, inbox: handoff.NewQueue[item](inboxItems, inboxBytes),
		ended: make(chan struct{})}
	if err := u.open(m); err != nil {
		return nil, errors.Join(err, u.closeDevices())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.units[m.Number] != nil {
		return nil, errors.Join(fmt.Errorf("machine %d: %w", m.Number, ErrTaken), u.closeDevices())
	}
	u.loop = newLoop(u, m.Spec)
	e.units[m.Number] = u
	return u, nil
}

// Unit returns the machine with this number, or nil.
func (e *Engine) Unit(number uint32) *Unit {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.units[number]
}

// Units are all machines, in no order.
func (e *Engine) Units() []*Unit {
	e.mu.RLock()
	defer e.mu.RUnlock()
	list := make([]*Unit, 0, len(e.units))
	for _, u := range e.units {
		list = append(list, u)
	}
	return list
}

// Deliver hands a message of another host to a machine. It never waits: the message is lost if
// the machine does not exist or cannot keep up.
func (e *Engine) Deliver(from node.Addr, to uint32, body []byte) {
	u := e.Unit(to)
	if u == nil || !u.inbox.Offer(item{kind: itemEvent,
		ev: node.Event{Kind: node.KindMessage, From: from}}, body) {
		e.lost.Add(1)
	}
}

// Lost counts the messages that machines here did not get.
func (e *Engine) Lost() uint64 { return e.lost.Load() }

// stopAtOnce is how many machines are stopped at once: closing devices waits for the disk, mostly.
const stopAtOnce = 16

// Close stops all machines.
func (e *Engine) Close() error {
	units := e.Units()
	errs := make([]error, len(units))
	var group errgroup.Group
	group.SetLimit(stopAtOnce)
	for i, u := range units {
		group.Go(func() error {
			errs[i] = u.Stop()
			return nil
		})
	}
	_ = group.Wait() // no function of the group fails
	return errors.Join(errs...)
}
