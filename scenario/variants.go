package scenario

import (
	"reflect"
	"slices"
)

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
	DoStop         = "stop"
	DoWait         = "wait"
)

// Kinds of workloads, the values of Workload.Kind.
const (
	KindStamp = "stamp"
	KindIOLog = "iolog"
)

// variant lists the keys that one value of a deciding key brings with it.
type variant struct {
	name               string
	required, optional []string
	doc                string
}

// union is a table whose keys depend on one of them.
type union struct {
	decider  string
	common   []string
	variants []variant
}

var stepUnion = union{
	decider: "do",
	common:  []string{"name", "when", "at", "do"},
	variants: []variant{
		{DoPartition, []string{"between"}, []string{"oneway", "for"}, "cut the groups off each other"},
		{DoHeal, nil, []string{"between"}, "undo partition and link"},
		{DoLink, []string{"between"}, []string{"loss", "delay", "duplicate", "reorder", "for"},
			"make links between the groups bad"},
		{DoCrash, []string{"host"}, []string{"unsynced", "restart_after"}, "cut a host's power"},
		{DoRestart, []string{"host"}, nil, "boot a crashed host"},
		{DoPause, []string{"host"}, []string{"for"}, "stop a host without losing its memory"},
		{DoResume, []string{"host"}, nil, "let a paused host go on"},
		{DoDisk, []string{"host"}, []string{"slow", "full", "latent", "for"},
			"set the state of a host's disk"},
		{DoPrimary, []string{"resource", "host"}, []string{"force"}, "make a host primary"},
		{DoConnect, []string{"resource", "host"}, nil, "switch fetching on"},
		{DoDisconnect, []string{"resource", "host"}, nil, "switch fetching off"},
		{DoResumeReplay, []string{"resource", "host"}, nil, "switch replay on"},
		{DoPauseReplay, []string{"resource", "host"}, nil, "switch replay off"},
		{DoStop, []string{"workload"}, nil, "end a workload early"},
		{DoWait, nil, nil, "do nothing; a mark for fired() and must_fire"},
	},
}

var workloadUnion = union{
	decider: "kind",
	common:  []string{"name", "on", "kind"},
	variants: []variant{
		{KindStamp, []string{"ops"}, []string{"clients", "write", "sectors", "op_sectors", "think",
			"hot", "flush_every"}, "generated operations whose writes carry unique stamps"},
		{KindIOLog, []string{"file"}, []string{"ops"}, "the operations of a recorded trace"},
	},
}

// unionOf returns the union that t belongs to, or nil for a table whose keys are always the same.
func unionOf(t reflect.Type) *union {
	switch t {
	case reflect.TypeFor[Step]():
		return &stepUnion
	case reflect.TypeFor[Workload]():
		return &workloadUnion
	}
	return nil
}

func (u *union) find(name string) *variant {
	for i := range u.variants {
		if u.variants[i].name == name {
			return &u.variants[i]
		}
	}
	return nil
}

func (u *union) names() []string {
	var out []string
	for _, v := range u.variants {
		out = append(out, v.name)
	}
	return out
}

// keys lists what a table of variant v may hold.
func (u *union) keys(v *variant) []string {
	return slices.Concat(u.common, v.required, v.optional)
}

// Verbs returns the verbs of steps in the order of the reference.
func Verbs() []string { return stepUnion.names() }
