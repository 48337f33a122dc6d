package remote

import (
	"slices"

	"github.com/container-football/pitch/node"
)

// request is one that a user waits for.
type request struct {
	tag    node.Tag
	op     node.Op
	off, n int64
	data   []byte
	seq    uint64    // in the present session; 0: not sent there
	tried  bool      // sent in some session
	sent   node.Time // the last time
	wait   node.Time // until it is sent again
}

// overlaps says whether two requests are changes of the same sector.
func (q *request) overlaps(r *request) bool {
	return isChange(q.op) && isChange(r.op) && q.off < r.off+r.n && r.off < q.off+q.n
}

// flight is what a request takes of the bound of what is on its way, in bytes.
func (q *request) flight(g *node.Geometry) int64 {
	if q.op == node.OpRead || q.op == node.OpWrite {
		return g.Bytes(q.n)
	}
	return 0
}

// dispatch sends what may be sent. A change waits for earlier ones that it overlaps: these may be sent
// again in a later session, and must not come after it then. Reads may overtake changes that nobody has
// been told of, and a flush covers only what was answered before it came.
func (c *Client) dispatch() {
	flight, floor := int64(0), c.floor()
	for i := range c.queue {
		if q := &c.queue[i]; q.seq != 0 {
			flight += q.flight(&c.cfg.Geometry)
		}
	}
	for i := range c.queue {
		q := &c.queue[i]
		if q.seq != 0 {
			continue
		}
		size := q.flight(&c.cfg.Geometry)
		if c.seq+1-floor >= window || flight > 0 && flight+size > maxFlight {
			return
		}
		if isChange(q.op) && slices.ContainsFunc(c.queue[:i], func(r request) bool {
			return r.overlaps(q)
		}) {
			continue
		}
		c.seq++
		q.seq, q.wait = c.seq, c.cfg.Resend
		flight += size
		c.sendRequest(q, floor)
	}
}

// floor is the lowest number of a request that waits for its answer.
func (c *Client) floor() uint64 {
	low := c.seq + 1
	for i := range c.queue {
		if q := &c.queue[i]; q.seq != 0 {
			low = min(low, q.seq)
		}
	}
	return low
}

func (c *Client) sendRequest(q *request, floor uint64) {
	q.tried, q.sent = true, c.now
	c.send(c.server, &message{kind: kindRequest, life: c.life, op: q.op, off: q.off, n: q.n, seq: q.seq,
		floor: floor}, q.data)
}

// resend repeats requests that were not answered for long. The time doubles, so that a slow primary is not
// drowned.
func (c *Client) resend() {
	floor := c.floor()
	for i := range c.queue {
		if q := &c.queue[i]; q.seq != 0 && c.now-q.sent >= q.wait {
			q.wait = min(2*q.wait, maxResend)
			c.sendRequest(q, floor)
		}
	}
}

// onAnswer ends a request, or the session: a primary that does not serve any more, or does not know
// what became of a request, is to be asked again, or its successor.
func (c *Client) onAnswer(m *message, body []byte) {
	i := slices.IndexFunc(c.queue, func(q request) bool { return q.seq == m.seq })
	if m.seq == 0 || i < 0 {
		return
	}
	q := &c.queue[i]
	switch {
	case m.code == node.NotPrimary || m.code == node.Unknown:
		c.seek(0)
		return
	case m.code == node.OK && q.op == node.OpRead &&
		int64(len(body)) != q.n*int64(c.cfg.Geometry.Carry):
		return // not what was asked for
	}
	c.out.Reply(q.tag, m.code, m.served, body)
	c.bytes -= len(q.data)
	c.queue = slices.Delete(c.queue, i, i+1)
}
