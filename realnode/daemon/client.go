package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// Client talks to the control plane of a daemon.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient is for the daemon whose control socket lies at a path.
func NewClient(socket string) *Client {
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}}
}

// Refused is an answer of a daemon that is not what was asked for.
type Refused struct {
	Status  int // of HTTP
	Failure Failure
}

func (e *Refused) Error() string { return e.Failure.Error }

// ErrNoDaemon is returned where nobody listens.
var ErrNoDaemon = errors.New("no daemon listens there")

// Do asks for something. In and out may be nil.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	body := io.Reader(http.NoBody)
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://pitch"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refused(resp.Status, resp.StatusCode, resp.Body)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (c *Client) explain(err error) error {
	err = cause(err)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w", c.socket, ErrNoDaemon)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: only its owner and host.control_group may use it: %w", c.socket,
			fs.ErrPermission)
	}
	return fmt.Errorf("%s: %w", c.socket, err)
}

// ResourcePath is where a resource is, in the control plane.
func ResourcePath(name string, more ...string) string { return pathBelow("/v1", name, more) }

func pathBelow(top, name string, more []string) string {
	return strings.Join(append([]string{top, "resources", url.PathEscape(name)}, more...), "/")
}

// refused reads the answer of a daemon that is not what was asked for.
func refused(status string, code int, body io.Reader) *Refused {
	r := &Refused{Status: code}
	if json.NewDecoder(body).Decode(&r.Failure) != nil || r.Failure.Error == "" {
		r.Failure.Error = status
	}
	return r
}

// cause is what the HTTP client has failed with, without its own words.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
