package sim

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// disk is the timing and the randomness that volumes and logs share. Requests occupy the medium
// one after another; latencies overlap.
type disk struct {
	host    *host
	machine uint32
	dev     node.Dev
	busy    node.Time
	random  node.Stream
	tokens  uint64
}

func newDisk(h *host, kind string, machine uint32, dev node.Dev) disk {
	name := fmt.Sprintf("%s %d/%d/%d", kind, h.id, machine, dev)
	return disk{host: h, machine: machine, dev: dev, random: node.NewStream(h.sim.cfg.Seed, name)}
}

// done queues the completion of a request that moves cost bytes.
func (d *disk) done(dev device, op node.Op, tag node.Tag, l Latency, cost int64) *item {
	s := d.host.sim
	d.busy = occupy(d.busy, s.now, cost, s.cfg.Disk.Bandwidth)
	it := s.push(d.busy + l.draw(d.random.Uint64()))
	it.kind, it.disk, it.host, it.machine, it.inc = itemDone, dev, d.host, d.machine, d.host.inc
	it.ev = node.Event{Kind: node.KindDone, Op: op, Dev: d.dev, Tag: tag}
	return it
}

// token numbers what has to be found again when it completes. Zero is nothing.
func (d *disk) token() uint64 {
	d.tokens++
	return d.tokens
}

// fate is what becomes of one pending write at a crash: how many of its n parts survive, from the
// first on. Of those that are not durable one in three is lost, one is torn, one survives.
func (d *disk) fate(mode node.Unsynced, p *pending) int64 {
	word, n := d.random.Uint64(), p.n
	switch {
	case p.durable || mode == node.Keep:
		return n
	case mode == node.LoseAll:
		return 0
	}
	switch word % 3 {
	case 0:
		return 0
	case 1:
		return n
	}
	return int64((word >> 32) * uint64(n+1) >> 32)
}

// pending is the state of a write that a crash may take back. A list of them is in the order in
// which they were asked for.
type pending struct {
	off, n  int64
	token   uint64  // of its completion; ascending in the list
	sync    uint64  // token of the first sync that covers it; zero: none
	data    int     // volume: where in the undo arena
	zeroed  *zeroed // volume: sectors were made zero; what they held
	done    bool    // its completion has been delivered
	durable bool    // it stays, but an older one that is not durable may lie under it
}

// ended marks the write whose completion is delivered. Tokens ascend by at least one, so it stands
// no further back than this, and only before as many others as syncs have taken a token since.
func ended(list []pending, token uint64) {
	if len(list) == 0 || token < list[0].token {
		return
	}
	i := int(min(token-list[0].token, uint64(len(list)-1)))
	for list[i].token > token {
		i--
	}
	if list[i].token == token {
		list[i].done = true
	}
}

// cover marks what a sync that begins now makes durable.
func cover(list []pending, sync uint64) {
	for i := range list {
		if list[i].done && list[i].sync == 0 {
			list[i].sync = sync
		}
	}
}

// settle makes durable what a sync covers, and forgets it as far as nothing older is pending: a
// crash takes older writes back, and must then put again on top what was durable.
func settle(list []pending, sync uint64) []pending {
	n := 0
	for i := range list {
		p := &list[i]
		if p.sync != 0 && p.sync <= sync {
			p.durable = true
		}
		if p.durable && n == i {
			n++
		}
	}
	kept := copy(list, list[n:])
	clear(list[kept:]) // what it points to is not needed any more
	return list[:kept]
}
