package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/mesh"
)

// maxRequestBody is far more than any request to the control plane has, in bytes.
const maxRequestBody = 64 << 10

// refusal is an error with the HTTP status for it, and perhaps with what the user can do.
type refusal struct {
	status int
	text   string
	hint   string
}

func (e *refusal) Error() string { return e.text }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

func (e *refusal) hinting(format string, args ...any) *refusal {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// allowGroup lets the members of a group use a socket.
func allowGroup(path, name string) error {
	if name == "" {
		return nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return fmt.Errorf("host.control_group: %w", err)
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return fmt.Errorf("host.control_group: %w", err)
	}
	if err := os.Chown(path, -1, id); err != nil {
		return fmt.Errorf("host.control_group: %w", err)
	}
	return os.Chmod(path, fs.FileMode(0o660))
}

// handler carries out one request; what it returns is the JSON body of the answer.
type handler func(req *http.Request) (any, error)

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxRequestBody)
	body, err := h(req)
	status := http.StatusOK
	if err != nil {
		f := Failure{Error: err.Error()}
		var r *refusal
		if errors.As(err, &r) {
			f.Hint = r.hint
		}
		status, body = statusOf(err), f
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever has gone does not need it
}

// statusOf is the HTTP status for an error: below 500 if it is the user's to mend, 409 if what was
// asked for cannot be done now.
func statusOf(err error) int {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r.status
	case errors.Is(err, errStopped):
		return http.StatusConflict
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// parse reads the body of a request. Unknown fields are errors: a misspelt one must not quietly
// mean the default. No body at all is the zero value.
func parse[T any](req *http.Request) (T, error) {
	var v T
	dec := json.NewDecoder(req.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(&v)
	if err == nil && dec.More() {
		err = errors.New("there is more than one value")
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return v, refuse(http.StatusRequestEntityTooLarge, "request: more than %d bytes", large.Limit)
	case err != nil && !errors.Is(err, io.EOF):
		return v, refuse(http.StatusBadRequest, "request: %v", err)
	}
	return v, nil
}

// serveControl lets operators and other daemons in.
func (d *Daemon) serveControl(ctx context.Context) {
	local, peers := http.NewServeMux(), http.NewServeMux()
	d.routes(local)
	d.peerRoutes(peers)
	base := func(net.Listener) context.Context { return ctx }
	for _, s := range []struct {
		listener net.Listener
		server   *http.Server
	}{
		{d.control, &http.Server{Handler: local, BaseContext: base, ReadHeaderTimeout: 10 * time.Second}},
		{d.mesh.Streams(), &http.Server{Handler: peers, BaseContext: base,
			ReadHeaderTimeout: 10 * time.Second, ConnContext: withPeer}},
	} {
		context.AfterFunc(ctx, func() { _ = s.server.Close() })
		d.serving.Go(func() {
			err := s.server.Serve(s.listener)
			if err != nil && !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
				d.log.Error("control plane has ended", "error", err)
			}
		})
	}
}

// routes are what an operator can ask for.
func (d *Daemon) routes(mux *http.ServeMux) {
	mux.Handle("GET /v1/host", handler(d.getHost))
	mux.Handle("POST /v1/wait", handler(d.postWaitHost))
	mux.Handle("POST /v1/reload", handler(d.postReload))
	mux.Handle("GET /v1/cluster/hosts", handler(d.getHosts))
	mux.Handle("GET /v1/cluster/resources", handler(d.getShared))
	mux.Handle("POST /v1/cluster/create", handler(d.postCreateCluster))
	mux.Handle("POST /v1/cluster/merge", handler(d.postMergeCluster))
	mux.Handle("GET /v1/resources", handler(d.getResources))
	mux.Handle("POST /v1/resources", handler(d.postCreate))
	mux.Handle("GET /v1/resources/{name}", d.with(d.getResource))
	mux.Handle("DELETE /v1/resources/{name}", d.with(d.deleteResource))
	mux.Handle("POST /v1/resources/{name}/join", handler(d.postJoin))
	mux.Handle("POST /v1/resources/{name}/leave", handler(d.leaveAny))
	mux.Handle("POST /v1/resources/{name}/witness", handler(d.postWitness))
	mux.Handle("POST /v1/resources/{name}/import", handler(d.postImport))
	mux.Handle("POST /v1/resources/{name}/release", d.with(d.postRelease))
	mux.Handle("POST /v1/resources/{name}/verb", d.with(d.postVerb))
	mux.Handle("POST /v1/resources/{name}/resize", d.with(d.postResize))
	mux.Handle("POST /v1/resources/{name}/ack", d.with(d.postAck))
	mux.Handle("POST /v1/resources/{name}/log-limit", d.with(d.postLogLimit))
	mux.Handle("POST /v1/resources/{name}/wait", d.with(d.postWait))
	mux.Handle("POST /v1/resources/{name}/guest", handler(d.postGuest))
	mux.Handle("DELETE /v1/resources/{name}/guest", handler(d.deleteGuest))
	mux.Handle("POST /v1/resources/{name}/attach", d.with(d.postAttach))
	mux.Handle("POST /v1/resources/{name}/detach", d.with(d.postDetach))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

func (d *Daemon) postReload(req *http.Request) (any, error) {
	v, err := parse[Reload](req)
	if err != nil {
		return nil, err
	}
	if v.DryRun {
		return d.wouldReload()
	}
	if err := d.reload(); err != nil {
		return nil, refuse(http.StatusConflict, "%v", err) // it is the file that has to be mended
	}
	return nil, nil
}

// peerRoutes are what other daemons can ask for.
func (d *Daemon) peerRoutes(mux *http.ServeMux) {
	mux.Handle("GET /v1/peer/cluster", handler(d.peerCluster))
	mux.Handle("GET /v1/peer/resources/{name}", d.with(d.peerDescribe))
	mux.Handle("POST /v1/peer/resources/{name}/guests", d.with(d.peerAddGuest))
	mux.Handle("POST /v1/peer/resources/{name}/members", d.with(d.peerAddMember))
	mux.Handle("DELETE /v1/peer/resources/{name}/members", d.with(d.peerRemoveMember))
	mux.Handle("DELETE /v1/peer/resources/{name}/import/{uuid}", d.with(d.peerDeleted))
}

// with finds the resource that a path names.
func (d *Daemon) with(f func(r *resource, req *http.Request) (any, error)) handler {
	return func(req *http.Request) (any, error) {
		name := req.PathValue("name")
		r := d.find(name)
		if err := d.brokenOf(name); r == nil && err != nil {
			return nil, brokenRefusal(name, err)
		}
		if r == nil {
			return nil, refuse(http.StatusNotFound, "%s has no replica of resource %q",
				d.config().Host.Name, name).hinting("`pitch vol view` lists what is here, "+
				"`pitch vol join %s` makes a replica", name)
		}
		return f(r, req)
	}
}

type peerKey struct{}

// withPeer notes whose stream it is.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if stream, ok := c.(*mesh.Stream); ok {
		return context.WithValue(ctx, peerKey{}, stream.Peer().ID)
	}
	return ctx
}

// peerOf is the host that asks.
func peerOf(req *http.Request) node.ID {
	id, _ := req.Context().Value(peerKey{}).(node.ID)
	return id
}

func hostText(c *Config, id node.ID) string {
	if id == 0 {
		return ""
	}
	if name := c.hostName(id); name != "" {
		return name
	}
	return fmt.Sprintf("host-%d", id)
}
