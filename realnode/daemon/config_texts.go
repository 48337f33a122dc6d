package daemon

// configDescriptions teach the configuration file, one entry a key.
var configDescriptions = map[string]string{
	"schema":  "version of this format",
	"cluster": "name of the cluster; hosts of another one are refused",

	"host":               "who this host is",
	"host.name":          "name of this host; with TLS, the one in its certificate",
	"host.id":            "number of this host, its own in the whole cluster and for ever",
	"host.data":          "folder of all resources; relative to this file",
	"host.listen":        "TCP address for other hosts",
	"host.control":       "Unix socket of `pitch vol`; default: control.sock in data",
	"host.control_group": "group whose members may use the socket; default: root, or whoever runs the daemon, alone",

	"tls":          "how hosts know each other",
	"tls.dir":      "folder that `pitch ca issue` has made for this host",
	"tls.insecure": "plain TCP without any proof of who is there; on loopback alone",

	"nbd":        "how volumes are exported",
	"nbd.socket": "Unix socket of the NBD server; default: nbd.sock in data",
	"nbd.listen": "TCP address of the NBD server; default: none",
	"nbd.tls":    "whether clients over TCP must show a certificate of this cluster",

	"log":        "what is reported on standard error",
	"log.level":  "the least important that is reported",
	"log.format": "auto is journal where systemd reads it, else text",

	"sync":       "how volumes are copied: by new members, and after `invalidate`",
	"sync.limit": "how many volumes of this host may be copied at a time, the others wait for their turns; 0: all",

	"peer":            "another host of the cluster",
	"peer.name":       "its name",
	"peer.id":         "its number",
	"peer.address":    "TCP address where it listens",
	"peer.rate":       "the most that is sent there; default: without bound",
	"peer.compress":   "compression of what is sent there",
	"peer.congestion": "congestion control of TCP, such as cubic; default: that of the system",

	"testing":                 "makes this daemon worse than it is; for fault injection alone",
	"testing.unsynced":        "what a kill does to data that was not synced",
	"testing.seed":            "of all random choices; 0: drawn at the first start",
	"testing.epoch":           "moment zero of the clock, ns of CLOCK_MONOTONIC",
	"testing.clock_offset":    "how far the clock is ahead",
	"testing.clock_drift_ppm": "how much faster the clock runs, in parts per million",
	"testing.page_cache":      "logs go through the page cache",
}
