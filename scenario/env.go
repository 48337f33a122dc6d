package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// env answers conditions from what the runner knows.
type env struct{ r *runner }

func (e env) Int(fn string, args []string) (int64, error) {
	r := e.r
	switch fn {
	case FnAcked:
		return int64(r.workload(args[0]).acked), nil
	case FnTime:
		return int64(r.world.Now()), nil
	case FnCopying:
		return int64(r.copying(r.file.HostID(args[0]))), nil
	case FnLag, FnFetched, FnToCopy, FnCopied, FnDeleted, FnSize:
		_, rs := r.resource(args[0])
		return e.bytes(fn, rs, rs.statusOn(r.file.HostID(args[1]))), nil
	}
	return 0, fmt.Errorf("no answer to %s(%s)", fn, strings.Join(args, ", "))
}

// bytes is what a replica says of itself in bytes; 0 if it has said nothing.
func (e env) bytes(fn string, rs *resourceState, s statusOf) int64 {
	switch fn {
	case FnFetched:
		return s.current.End
	case FnToCopy:
		return rs.geo.Bytes(s.current.ToCopy)
	case FnCopied:
		return rs.geo.Bytes(s.current.Copied)
	case FnDeleted:
		return s.current.LogFrom
	case FnSize:
		return rs.geo.Bytes(s.current.Sectors)
	}
	if p := rs.statusOn(e.r.primaryOf(rs)); p.known && s.known {
		return max(0, p.current.Durable-s.current.Applied)
	}
	return 0
}

func (rs *resourceState) statusOn(id node.ID) statusOf {
	for m := range rs.members {
		if rs.members[m] == id {
			return rs.status[m]
		}
	}
	return statusOf{}
}

func (e env) Bool(fn string, args []string) (bool, error) {
	r := e.r
	switch fn {
	case FnDone:
		return r.workload(args[0]).done(), nil
	case FnUp:
		return r.host(r.file.HostID(args[0])).phase == up, nil
	case FnDown:
		return r.host(r.file.HostID(args[0])).phase == down, nil
	case FnUpToDate, FnConsistent, FnCutOff, FnOrphan, FnEmergency, FnLogging, FnMember, FnQueued:
		_, rs := r.resource(args[0])
		id := r.file.HostID(args[1])
		if fn == FnMember {
			p := rs.statusOn(r.primaryOf(rs))
			return p.known && isMember(&p.current, id), nil
		}
		s := rs.statusOn(id)
		return s.known && saysOfItself(fn, &s.current), nil
	case FnHealed:
		return r.healed(), nil
	case FnFired:
		for i := range r.steps {
			if r.steps[i].step.Name == args[0] {
				return r.steps[i].fired, nil
			}
		}
	}
	return false, fmt.Errorf("no answer to %s(%s)", fn, strings.Join(args, ", "))
}

// saysOfItself answers what is one flag of a status, or some.
func saysOfItself(fn string, s *replica.Status) bool {
	switch fn {
	case FnUpToDate:
		return s.UpToDate
	case FnCutOff:
		return s.CutOff
	case FnOrphan:
		return s.Orphan
	case FnEmergency:
		return s.Emergency
	case FnLogging:
		return s.Role == replica.RolePrimary && !s.Emergency
	case FnQueued:
		return s.SyncWaits
	}
	serves := s.Role == replica.RolePrimary || s.Role == replica.RoleSecondary
	return serves && !s.Inconsistent
}

// isMember says whether the status of a primary counts a host among the members.
func isMember(primary *replica.Status, id node.ID) bool {
	return slices.ContainsFunc(primary.Members, func(a node.Addr) bool { return a.Host == id })
}

func (r *runner) healed() bool {
	for i := range r.hosts {
		h := &r.hosts[i]
		for to := range h.cut {
			if h.cut[to] || h.links[to] != (faults.Link{}) {
				return false
			}
		}
	}
	return true
}

func (e env) Name(fn string, args []string) (string, error) {
	if fn != FnPrimary {
		return "", fmt.Errorf("no answer to %s(%s)", fn, strings.Join(args, ", "))
	}
	_, rs := e.r.resource(args[0])
	if id := e.r.primaryOf(rs); id != 0 {
		return e.r.file.HostName(id), nil
	}
	return "", nil
}
