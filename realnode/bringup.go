package realnode

import (
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/harness"
)

// bringUp lets the processes of a group boot, once all of them are ready and every host that
// runs knows where they listen. What does not get ready in time is killed.
func (c *Cluster) bringUp(group []*child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaitUntil(c.cfg.StartLimit, func() bool { return none(group, stateStarting) })
	for _, ch := range group {
		if ch.state == stateStarting && !c.closing {
			ch.complaint = "not ready after " + c.cfg.StartLimit.String()
			ch.kill()
		}
	}
	c.tellAddresses()
	version := c.version
	if !c.awaitUntil(tellLimit, func() bool { return c.allKnow(version) }) && !c.closing {
		c.cfg.Log.Warn("some host has not taken notice of new addresses", "version", version)
	}
	for _, ch := range group {
		if ch.state == stateReady && !c.closing {
			ch.orders.Put(harness.TypeBoot, nil, nil)
			ch.state = stateUp
			c.observe(node.Observation{Kind: node.ObsUp, Host: ch.host}, nil)
		}
	}
}

func none(group []*child, s childState) bool {
	for _, ch := range group {
		if ch.state == s {
			return false
		}
	}
	return true
}

// allKnow says whether all hosts that can have a version of the table of addresses.
func (c *Cluster) allKnow(version uint64) bool {
	for _, h := range c.hosts {
		ch := h.child
		if ch != nil && !ch.paused && ch.addr != "" && ch.state != stateDown &&
			ch.known < version {
			return false
		}
	}
	return true
}

// awaitUntil waits for ok to hold, or for the limit or the end of the cluster: then it returns
// false. The lock is held, except while waiting.
func (c *Cluster) awaitUntil(limit time.Duration, ok func() bool) bool {
	late := false
	t := time.AfterFunc(limit, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.change.Broadcast()
	})
	defer t.Stop()
	for !ok() {
		if late || c.closing {
			return false
		}
		c.change.Wait()
	}
	return true
}

// tellAddresses sends all processes the addresses of all. The lock is held.
func (c *Cluster) tellAddresses() {
	if c.closing {
		return
	}
	c.version++
	var table []byte
	for _, h := range c.hosts {
		p := harness.PeerAddr{ID: h.id}
		if h.child != nil && h.child.state != stateDown {
			p.Addr = h.child.addr
		}
		table = harness.AppendPeer(table, p)
	}
	head := harness.EncodeNumber(c.version)
	for _, h := range c.hosts {
		if h.child != nil && h.child.addr != "" && h.child.state != stateDown {
			h.child.orders.Put(harness.TypePeers, head[:], table)
		}
	}
}
