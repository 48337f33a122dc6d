package daemon

import (
	"fmt"
	"net/http"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/replica"
)

// Settings of a resource that the primary's machine tells all members, so that they go with it.

func (d *Daemon) postAck(r *resource, req *http.Request) (any, error) {
	v, err := parse[SetAck](req)
	if err != nil {
		return nil, err
	}
	if v.DryRun {
		return d.wouldSetAck(r, req, v.Ack)
	}
	if err := d.verb(req.Context(), r, replica.OpSetAck, 0, []byte(v.Ack)); err != nil {
		return nil, err
	}
	return d.getResource(r, req)
}

func (d *Daemon) postLogLimit(r *resource, req *http.Request) (any, error) {
	v, err := parse[LogLimit](req)
	if err != nil {
		return nil, err
	}
	if v.DryRun {
		return d.wouldLimitLog(r, req, v.Limit)
	}
	if err := d.verb(req.Context(), r, replica.OpSetLogLimit, int64(v.Limit), nil); err != nil {
		return nil, err
	}
	return d.getResource(r, req)
}

// served is the status of a replica that has to be primary.
func (d *Daemon) served(r *resource, req *http.Request) (replica.Status, error) {
	st, err := r.fresh(req.Context())
	if err == nil {
		err = d.able(r, st)
	}
	if err == nil && st.Role != replica.RolePrimary {
		err = d.notPrimary(r, st)
	}
	return st, err
}

func (d *Daemon) wouldSetAck(r *resource, req *http.Request, name string) (any, error) {
	def := *r.def
	def.Ack = name
	if _, err := d.fits(&def, http.StatusBadRequest); err != nil {
		return nil, err // only the strategy knows what there is
	}
	st, err := d.served(r, req)
	switch {
	case err != nil:
		return nil, err
	case st.Ack == name:
		return planned("nothing: it is %s already", name)
	}
	return planned("writes would be acknowledged as %q says, instead of %q, on all members", name, st.Ack)
}

func (d *Daemon) wouldLimitLog(r *resource, req *http.Request, limit units.Bytes) (any, error) {
	st, err := d.served(r, req)
	switch {
	case err != nil:
		return nil, err
	case st.LogLimit == int64(limit):
		return planned("nothing: that is the limit already")
	case limit == 0:
		return planned("all log would be kept that members need, as long as there is space")
	}
	kept := units.Bytes(max(0, st.End-st.LogFrom))
	more := ""
	if kept > limit {
		more = fmt.Sprintf("; %v are kept now, and members that need them would have to be invalidated", kept)
	}
	return planned("no more than %v of log would be kept for members that are behind, on all members%s",
		limit, more)
}

// cron is what is to be done now and then. Segments go as a whole, so beginning a new one lets more of the
// log go; deleting it is nobody's job. Only the primary has anything to do.
func (d *Daemon) cron(r *resource, req *http.Request) (any, error) {
	st, err := r.fresh(req.Context())
	if err != nil {
		return nil, err
	}
	if err := d.able(r, st); err != nil {
		return nil, err
	}
	if st.Role == replica.RolePrimary {
		if err := d.verb(req.Context(), r, replica.OpLogRotate, 0, nil); err != nil {
			return nil, err
		}
	}
	return d.getResource(r, req)
}
