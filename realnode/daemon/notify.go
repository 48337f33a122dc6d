package daemon

import (
	"errors"
	"fmt"
	"net"

	"github.com/container-football/pitch/realnode/engine"
)

// sendNotification speaks the protocol of sd_notify. No socket means that nobody listens.
func sendNotification(socket, state string) error {
	if socket == "" {
		return nil
	}
	if socket[0] == '@' { // in the abstract namespace
		socket = "\x00" + socket[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	_, err = c.Write([]byte(state))
	return errors.Join(err, c.Close())
}

// monotonicUsec is what systemd wants to know with a reload.
func monotonicUsec() string {
	ns, err := engine.Monotonic()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("MONOTONIC_USEC=%d", ns/1000)
}
