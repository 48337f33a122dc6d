package fleet

import (
	"context"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/sim/queue"
)

// Run watches a fleet for the configured time. progress, where it is set, is called now and then
// with the hours that have passed and those that there are; ctx is asked as often, and its end is
// the only error besides a *[ConfigError].
func Run(ctx context.Context, cfg Config, progress func(done, of float64)) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{}, err
	}
	cfg.setDefaults()
	r := newRun(&cfg)
	if err := r.until(ctx, progress); err != nil {
		return Result{}, err
	}
	return r.result(), nil
}

// An entity is a host or a domain: something that is up and down in turn. It has one pending
// event, or none if that is due after the end.
type entity struct {
	random node.Stream
	level  uint8 // index of its laws: 0 for hosts, else 1 plus the level of the domain
	down   bool
	since  node.Time // when it went down
}

type run struct {
	cfg      *Config
	x        *index
	queue    queue.Queue
	entities []entity // hosts, then domains level by level
	up, back []sampler
	rec      record
	events   int64
	digest   uint64
}

func newRun(cfg *Config) *run {
	r := &run{cfg: cfg, x: newIndex(cfg)}
	r.up = append(r.up, cfg.Lifetime.sampler())
	r.back = append(r.back, cfg.Repair.sampler())
	r.add(0, cfg.Hosts)
	for i := range cfg.Domains {
		d := &cfg.Domains[i]
		r.up = append(r.up, d.Lifetime.sampler())
		r.back = append(r.back, d.Repair.sampler())
		r.add(i+1, d.Count)
	}
	r.rec = newRecord(cfg, r.x)
	for slot := range r.entities {
		r.begin(int32(slot))
	}
	r.rec.begin(r.x)
	return r
}

// add makes the entities of a level, each with a stream of its own.
func (r *run) add(level, count int) {
	for i := range count {
		seed := node.Hash(node.Hash(r.cfg.Seed, uint64(level)), uint64(i))
		r.entities = append(r.entities, entity{random: node.NewStream(seed, "fleet"),
			level: uint8(level)})
	}
}

// begin puts an entity into its stationary state: down for the share of the time that it is, and
// somewhere in the middle of that.
func (r *run) begin(slot int32) {
	e := &r.entities[slot]
	up, back := &r.up[e.level], &r.back[e.level]
	if !e.random.Chance(back.mean / (up.mean + back.mean)) {
		r.push(slot, up.rest(&e.random))
		return
	}
	r.push(slot, back.rest(&e.random))
	r.toggle(slot, e)
}

// push makes the next event of an entity. Entities are never due twice, so their numbers order
// what is due at the same time, and one more of them changes no order among others.
func (r *run) push(slot int32, in node.Time) {
	if at := r.rec.now + in; at <= r.rec.end {
		r.queue.Push(queue.Entry{At: at, Seq: uint64(slot), Slot: slot})
	}
}

// until runs to the end.
func (r *run) until(ctx context.Context, progress func(done, of float64)) error {
	for ; r.queue.Len() > 0; r.events++ {
		if r.events%8192 == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if progress != nil {
				progress(float64(r.rec.now)/ticksPerHour, r.cfg.Hours)
			}
		}
		r.step()
	}
	r.rec.finish(r.x)
	return nil
}

// step is one failure or repair.
func (r *run) step() {
	due := r.queue.Pop()
	r.rec.advance(due.At, r.x)
	e := &r.entities[due.Slot]
	if e.down {
		r.rec.outage(due.At-e.since, r.size(due.Slot))
	}
	was := r.x.downVolumes
	r.toggle(due.Slot, e)
	r.rec.change(was, r.x)
	r.digest = node.Hash(r.digest, uint64(due.At)*0x9e3779b97f4a7c15+uint64(due.Slot))
	law := &r.up[e.level]
	if e.down {
		law = &r.back[e.level]
	}
	r.push(due.Slot, law.whole(&e.random))
}

// toggle takes an entity down, or up.
func (r *run) toggle(slot int32, e *entity) {
	e.down, e.since, r.x.now = !e.down, r.rec.now, r.rec.now
	if domain := slot - int32(r.cfg.Hosts); domain >= 0 {
		for _, host := range r.x.members(domain) {
			r.x.set(host, e.down)
		}
		return
	}
	r.x.set(slot, e.down)
}

// size is how many hosts an entity takes down.
func (r *run) size(slot int32) int {
	if domain := slot - int32(r.cfg.Hosts); domain >= 0 {
		return len(r.x.members(domain))
	}
	return 1
}
