package daemon

import (
	"time"

	"github.com/container-football/pitch/internal/units"
)

// The control plane is JSON over HTTP on a Unix socket, so that curl can do what `pitch vol` does,
// and so that it can be forwarded over SSH. Paths begin with /v1. Other daemons reach the part
// below /v1/peer over the mesh.

// Dry is part of each request that changes something. With it nothing is changed: what can be
// checked is checked, and the answer is a [Planned].
type Dry struct {
	DryRun bool `json:"dry_run,omitempty"`
}

// Planned is a sentence about what would be done, and about what cannot be known before.
type Planned struct {
	Would string `json:"would"`
}

// Create asks for a new resource whose first primary is the host that is asked.
type Create struct {
	Dry
	Name      string      `json:"name"`
	Size      units.Bytes `json:"size"`
	Sector    units.Bytes `json:"sector,omitempty"`
	Strategy  string      `json:"strategy,omitempty"`
	Ack       string      `json:"ack,omitempty"`
	Buffer    units.Bytes `json:"buffer,omitempty"`
	Checksums *bool       `json:"checksums,omitempty"`
	Segment   units.Bytes `json:"segment,omitempty"`   // 0: the strategy's own
	LogLimit  units.Bytes `json:"log_limit,omitempty"` // 0: none
	Throttle  int         `json:"throttle,omitempty"`  // percent of LogLimit; 0: none
	// CompressLog is how writes are packed in the log: none, s2 or zstd; empty: none.
	CompressLog string `json:"compress_log,omitempty"`
	// NoEmergency has writers wait while the log has no room.
	NoEmergency bool `json:"no_emergency,omitempty"`
	// Lease is how long a primary may serve without a majority of the voters; 0: for ever. Witness is a host
	// that votes without a replica, once it has been asked to; empty: none.
	Lease   units.Duration `json:"lease,omitempty"`
	Witness string         `json:"witness,omitempty"`
}

// Join asks the host to become a member of a resource.
type Join struct {
	Dry
	From string `json:"from,omitempty"` // a member; default: every peer is asked
}

// Witness asks the host to vote on the leases of a resource, without having a replica.
type Witness struct {
	Dry
	From string `json:"from,omitempty"` // a member; default: every peer is asked
}

// Import asks to use a volume on the host without having a replica.
type Import struct {
	Dry
	From string `json:"from,omitempty"` // a member; default: every peer is asked
	// Force takes the volume away from the host without a replica that uses it now. It is for a volume that
	// has been imported, too.
	Force    bool `json:"force,omitempty"`
	ReadOnly bool `json:"read_only,omitempty"` // beside others
}

// Imported is what is known of a volume that was imported.
type Imported struct {
	Host     string `json:"host"`
	Primary  string `json:"primary"` // empty: none, or not known
	Size     int64  `json:"size"`    // bytes
	ReadOnly bool   `json:"read_only"`
	// Guests are the other hosts without a replica that use the volume now.
	Guests []GuestView `json:"guests,omitempty"`
}

// Release asks for the end of an import.
type Release struct {
	Dry
	Force bool `json:"force,omitempty"` // users get errors
}

// Leave asks a host to end its membership, or that of a host that is gone.
type Leave struct {
	Dry
	Host  string `json:"host,omitempty"`  // default: the host that is asked
	Force bool   `json:"force,omitempty"` // without asking the primary
}

// Verb asks the replica on this host for something. Verb is a name of package replica; up and down
// are all switches at once.
type Verb struct {
	Dry
	Verb string `json:"verb"`
	Full bool   `json:"full,omitempty"` // invalidate: compare everything
	// IgnoreLease is for primary --force: the host serves though no majority grants it a lease.
	IgnoreLease bool `json:"ignore_lease,omitempty"`
}

// Resize asks for a larger volume.
type Resize struct {
	Dry
	Size units.Bytes `json:"size"`
}

// SetAck asks for another setting of acknowledgement, by its name.
type SetAck struct {
	Dry
	Ack string `json:"ack"`
}

// LogLimit asks for another limit of the log; 0 for none.
type LogLimit struct {
	Dry
	Limit units.Bytes `json:"limit"`
}

// Delete asks for the end of a resource.
type Delete struct{ Dry }

// Attach asks for the block device of a volume.
type Attach struct{ Dry }

// Detach asks for the end of that.
type Detach struct{ Dry }

// Reload asks to take up the changed configuration.
type Reload struct{ Dry }

// Wait asks for a state to be reached, that of a volume or, without one, that of the host.
type Wait struct {
	For string `json:"for"`
}

// Failure is the body of an answer that is not 200.
type Failure struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// View is what a host knows of one of its replicas.
type View struct {
	Name     string   `json:"name"`
	UUID     string   `json:"uuid"`
	Strategy string   `json:"strategy"`
	Host     string   `json:"host"`
	Members  []string `json:"members"`
	Size     int64    `json:"size"`   // bytes
	Sector   int64    `json:"sector"` // bytes
	// Disk, Repl and Flags are the state words of marsadm.
	Disk  string `json:"disk"`
	Repl  string `json:"replication"`
	Flags string `json:"flags"`
	// Role of this replica, and the host that is, or is to be, primary; empty if none.
	Role    string `json:"role"`
	Primary string `json:"primary"`
	Epoch   uint64 `json:"epoch"`
	Open    int64  `json:"open"`
	// Ack says when writes are acknowledged, as the strategy calls it, and LogLimit how much log is kept
	// for members that are behind, in bytes; 0: as much as they need.
	Ack      string `json:"ack"`
	LogLimit int64  `json:"log_limit"`
	// Lease is how long a primary may serve without a majority of the voters, in seconds; 0: for ever. Leased: this
	// replica holds one; of a witness, it has promised one to the primary. Witness is who votes without a replica,
	// and WitnessConnected whether it can be reached from here.
	Lease            float64 `json:"lease,omitempty"`
	Leased           bool    `json:"leased,omitempty"`
	Witness          string  `json:"witness,omitempty"`
	WitnessConnected bool    `json:"witness_connected,omitempty"`

	// Positions in the log, bytes.
	End       int64 `json:"end"`
	Durable   int64 `json:"durable"`
	Applied   int64 `json:"applied"`
	Committed int64 `json:"committed"`
	// Behind is how much log this replica has not fetched, Unapplied how much it has not applied.
	Behind    int64 `json:"behind"`
	Unapplied int64 `json:"unapplied"`
	// LogFrom is where the log begins that is still there.
	LogFrom int64 `json:"log_from"`

	// Inconsistent is set while the volume is copied from the primary's; ToCopy is what is left, in bytes,
	// and SyncPercent how much of the volume is not left.
	Inconsistent bool    `json:"inconsistent"`
	ToCopy       int64   `json:"to_copy"`
	SyncPercent  float64 `json:"sync_percent"`

	// Whether fetching, replay and copying are switched on.
	FetchOn  bool `json:"fetch_on"`
	ReplayOn bool `json:"replay_on"`
	SyncOn   bool `json:"sync_on"`
	// SyncWaits is set while the volume is to be copied, and others on this host are first.
	SyncWaits bool `json:"sync_waits,omitempty"`

	// Orphan is set if nobody has the log any more that follows the one here.
	Orphan bool `json:"orphan"`
	// CatchesUp is set while an orphan copies what has changed, beside a volume that stays consistent.
	CatchesUp bool `json:"catches_up"`
	// PrimaryUnreachable is set if another host is primary, and is not connected.
	PrimaryUnreachable bool `json:"primary_unreachable"`
	// Attached is the block device of the volume on this host; empty if there is none.
	Attached string `json:"attached,omitempty"`

	// Device is the host where the volume is in use, as far as this host knows: the primary, or one
	// without a replica. Empty: nobody holds it.
	Device string `json:"device,omitempty"`
	// Guests are the hosts without a replica that use the volume. The primary knows them all, other members
	// who may change it.
	Guests []GuestView `json:"guests,omitempty"`
	// ReadOnly is set for a volume without a replica here that is only read.
	ReadOnly bool `json:"read_only,omitempty"`

	UpToDate   bool      `json:"up_to_date"`
	SplitBrain bool      `json:"split_brain"`
	CutOff     bool      `json:"cut_off"`
	Lost       *LossView `json:"lost,omitempty"`
	Defect     string    `json:"defect,omitempty"`
	// Devices are the volume and the logs of the replica, each with what it is made of.
	Devices []DeviceView `json:"devices,omitempty"`
	// Troubles are the last failures of devices since the daemon has started.
	Troubles []TroubleView `json:"troubles,omitempty"`
}

// GuestView is a host that uses a volume without having a replica.
type GuestView struct {
	Host     string `json:"host"`
	ReadOnly bool   `json:"read_only,omitempty"`
	// Silent is set if nothing was heard of it for so long that another host may take its place.
	Silent bool `json:"silent,omitempty"`
}

// DeviceView is what a device has done since the daemon has started.
type DeviceView struct {
	Device string    `json:"device"`
	Reads  MeterView `json:"reads"`
	Writes MeterView `json:"writes"`
	Syncs  MeterView `json:"syncs"`
}

// MeterView counts requests. Half of them took less than Median seconds, 99 % less than P99.
type MeterView struct {
	Count  uint64  `json:"count"`
	Bytes  uint64  `json:"bytes"`
	Errors uint64  `json:"errors"`
	Median float64 `json:"median_seconds"`
	P99    float64 `json:"p99_seconds"`
}

// TroubleView is what a device has failed with last.
type TroubleView struct {
	Error string    `json:"error"`
	Times uint64    `json:"times"`
	Last  time.Time `json:"last"`
}

// LossView is what a forced failover has cost.
type LossView struct {
	Writes  uint64  `json:"writes"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// HostView is what a daemon says about itself.
type HostView struct {
	Name        string `json:"name"`
	ID          int    `json:"id"`
	Cluster     string `json:"cluster"`
	Version     string `json:"version"`
	Incarnation int64  `json:"incarnation"`
	Resources   int    `json:"resources"`
	// SyncLimit is how many volumes may be copied at a time, 0 for all; so many are, and so many wait.
	SyncLimit int        `json:"sync_limit"`
	Copying   int        `json:"copying"`
	Waiting   int        `json:"waiting"`
	Peers     []PeerView `json:"peers"`
}

// Apart are the names of the peers that are not connected.
func (v *HostView) Apart() (names []string) {
	for _, p := range v.Peers {
		if !p.Connected {
			names = append(names, p.Name)
		}
	}
	return names
}

// PeerView is what a daemon knows of another one.
type PeerView struct {
	Name      string  `json:"name"`
	ID        int     `json:"id"`
	Address   string  `json:"address"`
	Connected bool    `json:"connected"`
	RTT       float64 `json:"rtt_seconds"`
	Out       uint64  `json:"bytes_out"`
	In        uint64  `json:"bytes_in"`
	Lost      uint64  `json:"messages_lost"`
	Error     string  `json:"error,omitempty"`
}
