package scenario

import "github.com/container-football/pitch/internal/strict"

// Verbs of steps, the values of Step.Do.
const (
	DoPartition    = "partition"
	DoHeal         = "heal"
	DoLink         = "link"
	DoCrash        = "crash"
	DoRestart      = "restart"
	DoPause        = "pause"
	DoResume       = "resume"
	DoDisk         = "disk"
	DoPrimary      = "primary"
	DoConnect      = "connect"
	DoDisconnect   = "disconnect"
	DoResumeReplay = "resume-replay"
	DoPauseReplay  = "pause-replay"
	DoInvalidate   = "invalidate"
	DoPauseSync    = "pause-sync"
	DoResumeSync   = "resume-sync"
	DoLogRotate    = "log-rotate"
	DoSecondary    = "secondary"
	DoResize       = "resize"
	DoSetAck       = "set-ack"
	DoLogLimit     = "log-limit"
	DoJoin         = "join"
	DoLeave        = "leave"
	DoOpen         = "open"
	DoClose        = "close"
	DoStop         = "stop"
	DoWait         = "wait"
)

// Kinds of workloads, the values of Workload.Kind.
const (
	KindStamp = "stamp"
	KindIOLog = "iolog"
)

var stepUnion = strict.Union{
	Decider: "do",
	Common:  []string{"name", "when", "at", "do", "only"},
	OneOf:   []string{"when", "at"},
	Variants: []strict.Variant{
		{Name: DoPartition, Required: []string{"between"}, Optional: []string{"oneway", "for"},
			Doc: "cut the groups off each other"},
		{Name: DoHeal, Optional: []string{"between"}, Doc: "undo partition and link"},
		{Name: DoLink, Required: []string{"between"},
			Optional: []string{"loss", "delay", "duplicate", "reorder", "for"},
			Doc:      "make links between the groups bad"},
		{Name: DoCrash, Required: []string{"host"}, Optional: []string{"unsynced", "restart_after"},
			Doc: "cut a host's power"},
		{Name: DoRestart, Required: []string{"host"}, Doc: "boot a crashed host"},
		{Name: DoPause, Required: []string{"host"}, Optional: []string{"for"},
			Doc: "stop a host without losing its memory"},
		{Name: DoResume, Required: []string{"host"}, Doc: "let a paused host go on"},
		{Name: DoDisk, Required: []string{"host"},
			Optional: []string{"slow", "full", "latent", "for"},
			Doc:      "set the state of a host's disk"},
		{Name: DoPrimary, Required: []string{"resource", "host"}, Optional: []string{"force", "ignore_lease"},
			Doc: "make a host primary"},
		{Name: DoConnect, Required: []string{"resource", "host"}, Doc: "switch fetching on"},
		{Name: DoDisconnect, Required: []string{"resource", "host"}, Doc: "switch fetching off"},
		{Name: DoResumeReplay, Required: []string{"resource", "host"}, Doc: "switch replay on"},
		{Name: DoPauseReplay, Required: []string{"resource", "host"}, Doc: "switch replay off"},
		{Name: DoInvalidate, Required: []string{"resource", "host"}, Optional: []string{"full"},
			Doc: "give up what a secondary holds, for what the primary holds"},
		{Name: DoPauseSync, Required: []string{"resource", "host"}, Doc: "switch copying off"},
		{Name: DoResumeSync, Required: []string{"resource", "host"}, Doc: "switch copying on"},
		{Name: DoLogRotate, Required: []string{"resource", "host"},
			Doc: "begin a new segment of the log"},
		{Name: DoSecondary, Required: []string{"resource", "host"},
			Doc: "let a primary close without a successor"},
		{Name: DoResize, Required: []string{"resource", "size"}, Doc: "give the volume more room"},
		{Name: DoSetAck, Required: []string{"resource", "ack"},
			Doc: "change when writes are acknowledged"},
		{Name: DoLogLimit, Required: []string{"resource"}, Optional: []string{"limit"},
			Doc: "change how much log is kept for members that are behind"},
		{Name: DoJoin, Required: []string{"resource", "host"}, Doc: "make a host a member"},
		{Name: DoLeave, Required: []string{"resource", "host"},
			Doc: "make a host a member no longer"},
		{Name: DoOpen, Required: []string{"resource", "host"}, Optional: []string{"force"},
			Doc: "let a user hold the volume open on a host"},
		{Name: DoClose, Required: []string{"resource", "host"}, Doc: "let that user go"},
		{Name: DoStop, Required: []string{"workload"}, Doc: "end a workload early"},
		{Name: DoWait, Doc: "do nothing; a mark for fired() and must_fire"},
	},
}

var workloadUnion = strict.Union{
	Decider: "kind",
	Common:  []string{"name", "on", "kind", "host", "only"},
	Variants: []strict.Variant{
		{Name: KindStamp, Required: []string{"ops"}, Optional: []string{"clients", "write",
			"sectors", "op_sectors", "think", "hot", "flush_every"},
			Doc: "generated operations whose writes carry unique stamps"},
		{Name: KindIOLog, Required: []string{"file"}, Optional: []string{"ops"},
			Doc: "the operations of a recorded trace"},
	},
}

// Verbs returns the verbs of steps in the order of the reference.
func Verbs() []string { return stepUnion.Names() }
