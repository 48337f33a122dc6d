package node

import "fmt"

// Machine is one protocol participant: a replica of a resource, a referee, a client.
type Machine interface {
	// Step consumes one event at time now (the host's own clock) and appends to out what the
	// machine wants done. It must not block, and must not retain ev, ev.Data or out.
	Step(now Time, ev *Event, out *Effects)
}

// Kind says what an [Event] is.
type Kind uint8

// The kinds of events.
const (
	KindBoot    Kind = iota + 1 // the host has started; first event of every incarnation
	KindMessage                 // From sent Data
	KindTimer                   // the timer Tag is due
	KindDone                    // the disk request Tag has ended with Code
	KindRequest                 // a user of this host asks for Op; answer with Effects.Reply(Tag)
)

var kindNames = [...]string{"?", "boot", "message", "timer", "done", "request"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "?"
}

// Event is one thing that happened. Which fields count depends on Kind; the others are zero.
type Event struct {
	Kind Kind
	Op   Op     // KindDone: the effect that ended; KindRequest: what is asked for
	Dev  Dev    // KindDone
	Code Code   // KindDone: how it ended
	Tag  Tag    // KindTimer, KindDone, KindRequest
	From Addr   // KindMessage: the sender; KindBoot: the machine's own address
	Seg  uint64 // KindDone of a log request: the segment; KindRequest: flags
	Off  int64  // KindDone, KindRequest: first sector of a volume, byte offset of a segment
	N    int64  // KindDone, KindRequest: sectors or bytes; KindBoot: the incarnation, from 1
	Seed uint64 // KindBoot: seed of the machine's own random stream

	// Data is the body of a message, the content of a finished read (shorter than asked for at
	// the end of a segment), the content of a write request. It is valid during Step only.
	Data []byte
}

// String shows the event in traces: what it is, and the fields that count.
func (ev *Event) String() string {
	switch ev.Kind {
	case KindBoot:
		return fmt.Sprintf("boot %v, incarnation %d", ev.From, ev.N)
	case KindMessage:
		return fmt.Sprintf("message from %v, %d bytes", ev.From, len(ev.Data))
	case KindTimer:
		return fmt.Sprintf("timer %#x", uint64(ev.Tag))
	case KindDone:
		return fmt.Sprintf("done %v %#x dev %d seg %d off %d n %d: %v", ev.Op, uint64(ev.Tag), ev.Dev,
			ev.Seg, ev.Off, ev.N, ev.Code)
	case KindRequest:
		return fmt.Sprintf("request %v %#x off %d n %d", ev.Op, uint64(ev.Tag), ev.Off, ev.N)
	}
	return "?"
}

// FlagDurable is the flag of a request that is to be answered only when what it changes is
// durable, whatever a machine's own rule is.
const FlagDurable = 1

// Op says what an effect or a request is.
type Op uint8

// Effects on the outside, and I/O requests of users. Verbs of administration are numbered from
// OpVerb upwards; package replica names them.
const (
	OpNone      Op = iota
	OpSend         // message
	OpTimer        // set a timer
	OpCancel       // cancel a timer
	OpReply        // answer a user's request
	OpRead         // volume: read sectors; request: read sectors
	OpWrite        // volume: write sectors; request: write sectors
	OpSync         // volume: make finished writes durable; request: flush
	OpLogList      // log: list the segments
	OpLogAppend    // log: append to a segment
	OpLogRead      // log: read from a segment
	OpLogSync      // log: make finished appends to a segment durable
	OpLogTrunc     // log: cut a segment; durable when done
	OpLogDelete    // log: delete a segment; durable when done
	OpZero         // volume: make sectors zero; request: make sectors zero
	OpMap          // volume: which sectors hold data; request: the same
	OpResize       // volume: change the number of sectors; durable when done
	OpLogNote      // log: tell those who judge a run what the log will never hold
	OpVerb      Op = 64
)

var opNames = [...]string{"none", "send", "timer", "cancel", "reply", "read", "write", "sync",
	"log-list", "log-append", "log-read", "log-sync", "log-truncate", "log-delete", "zero", "map",
	"resize", "log-note"}

func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	if o >= OpVerb {
		return "verb"
	}
	return "?"
}
