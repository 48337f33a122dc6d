package scenario

import (
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// verb is how a step asks a replica to do something.
type verb struct {
	op node.Op
	// atPrimary is set if the primary is asked, wherever it is, rather than the step's host.
	atPrimary bool
	// givesUp is set if the replica on the step's host may give up a branch with it.
	givesUp bool
}

var verbs = map[string]verb{
	DoPrimary:      {op: replica.OpPrimary},
	DoSecondary:    {op: replica.OpSecondary},
	DoConnect:      {op: replica.OpConnect},
	DoDisconnect:   {op: replica.OpDisconnect},
	DoResumeReplay: {op: replica.OpResumeReplay},
	DoPauseReplay:  {op: replica.OpPauseReplay},
	DoInvalidate:   {op: replica.OpInvalidate, givesUp: true},
	DoPauseSync:    {op: replica.OpPauseSync},
	DoResumeSync:   {op: replica.OpResumeSync},
	DoLogRotate:    {op: replica.OpLogRotate},
	DoResize:       {op: replica.OpResize, atPrimary: true},
	DoSetAck:       {op: replica.OpSetAck, atPrimary: true},
	DoLogLimit:     {op: replica.OpSetLogLimit, atPrimary: true},
	DoJoin:         {op: replica.OpAddMember, atPrimary: true, givesUp: true},
	DoLeave:        {op: replica.OpRemoveMember, atPrimary: true},
	DoOpen:         {op: replica.OpOpen},
	DoClose:        {op: replica.OpClose},
}

// given is what the disks of a replica held before a step made it begin anew.
type given struct {
	step int
	host node.ID
	dump node.Dump
}

func (r *runner) fireVerb(i int, v verb) error {
	st := &r.steps[i]
	s := st.step
	st.retry = r.world.Now() + retryVerb
	n, rs := r.resource(s.Resource)
	req := node.Request{Host: r.file.HostID(s.Host), Machine: uint32(n), Op: v.op}
	if v.atPrimary {
		if req.Host = r.primaryOf(rs); req.Host == 0 {
			st.answer = "there is no primary to ask"
			return nil
		}
	}
	if r.host(req.Host).phase != up {
		st.answer = "host " + r.file.HostName(req.Host) + " is down"
		return nil
	}
	switch s.Do {
	case DoPrimary:
		if s.Force {
			req.Op = replica.OpPrimaryForce
			if s.IgnoreLease {
				req.N = 1
			}
			if !rs.forced {
				rs.gaveUp = r.world.Now()
			}
			rs.forced = true
		}
	case DoOpen:
		if s.Force {
			req.N = replica.OpenForce
		}
	case DoInvalidate:
		if s.Full {
			req.N = 1
		}
	case DoResize:
		req.N = int64(s.Size / rs.res.Sector)
	case DoSetAck:
		req.Data = []byte(s.Ack)
	case DoLogLimit:
		req.N = int64(s.Limit)
	case DoJoin, DoLeave:
		req.Data = replica.AppendAddr(nil,
			node.Addr{Host: r.file.HostID(s.Host), Machine: req.Machine})
	}
	if v.givesUp {
		if err := r.keepBranch(i, n); err != nil {
			return err
		}
	}
	r.nextVerb++
	req.Tag = tagVerb | r.nextVerb
	st.tag, st.asked = req.Tag, req.Host
	r.verbs[st.tag] = i
	r.world.Submit(req)
	return nil
}

// keepBranch keeps what a replica is about to give up, which clients may have seen. If a step is
// tried again because it was refused, the last time counts.
func (r *runner) keepBranch(step, resource int) error {
	if r.steps[step].lost {
		return nil // the replica may have begun anew by now
	}
	rs := &r.resources[resource]
	id := r.file.HostID(r.steps[step].step.Host)
	d, err := r.world.Dump(id, uint32(resource))
	if err != nil {
		return fmt.Errorf("reading the disks of %s: %w", r.file.HostName(id), err)
	}
	g := given{step, id, d}
	if k := len(rs.given) - 1; k >= 0 && rs.given[k].step == step {
		rs.given[k] = g
	} else {
		rs.given = append(rs.given, g)
	}
	return nil
}

func (r *runner) verbAnswered(o *node.Observation) error {
	i, ok := r.verbs[o.Tag]
	if !ok {
		return nil
	}
	delete(r.verbs, o.Tag)
	st := &r.steps[i]
	s := st.step
	st.tag, st.retry = 0, o.At+retryVerb
	switch o.Code {
	case node.OK:
		st.fired = true
		r.fired(i, s.Do, s.Name, "%s", s.told())
		_, rs := r.resource(s.Resource)
		switch s.Do {
		case DoPrimary:
			r.follow(rs, o.Host, o.Epoch)
		case DoResize:
			rs.geo.Sectors = uint64(s.Size / rs.res.Sector)
		}
	case node.Invalid:
		return fmt.Errorf("step %d, line %d: %s: %s", i+1, s.Line, s.told(), o.Data)
	default:
		st.answer = fmt.Sprintf("%v: %s", o.Code, o.Data)
	}
	return nil
}

// told is how a verb of administration is told.
func (s *Step) told() string {
	switch {
	case s.Do == DoPrimary && s.Force:
		return fmt.Sprintf("primary --force %s on %s", s.Resource, s.Host)
	case s.Do == DoOpen && s.Force:
		return fmt.Sprintf("open --force %s on %s", s.Resource, s.Host)
	case s.Do == DoInvalidate && s.Full:
		return fmt.Sprintf("invalidate all of %s on %s", s.Resource, s.Host)
	case s.Do == DoResize:
		return fmt.Sprintf("resize %s to %s", s.Resource, s.Size)
	case s.Do == DoSetAck:
		return fmt.Sprintf("set-ack %s to %s", s.Resource, s.Ack)
	case s.Do == DoLogLimit:
		return fmt.Sprintf("log-limit %s to %s", s.Resource, s.Limit)
	}
	return fmt.Sprintf("%s %s on %s", s.Do, s.Resource, s.Host)
}

// verbHostDown takes the verbs back that a crashed host will never answer.
func (r *runner) verbHostDown(id node.ID) {
	for i := range r.steps {
		s := &r.steps[i]
		if s.tag != 0 && s.asked == id {
			delete(r.verbs, s.tag)
			s.tag, s.answer, s.lost = 0, "the host went down", true
		}
	}
}
