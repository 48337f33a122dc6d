package node

// Effect is one thing that a machine wants done. Which fields count depends on Op.
type Effect struct {
	Op    Op
	Dev   Dev
	Code  Code   // OpReply
	Class Class  // OpSend
	Tag   Tag    // comes back with the completion
	To    Addr   // OpSend
	Seg   uint64 // log effects: the segment; OpReply: the epoch that served the request
	Off   int64  // first sector of a volume, byte offset of a segment
	N     int64  // sectors or bytes to read; size to cut to
	// Cost is what the effect is charged for, in bytes of the declared size: at least
	// the bytes carried. OpTimer: how long from now, on the host's own clock.
	Cost int64

	data, size int32 // span of Effects.arena; or, of lent content, its number and -1
}

// Effects collects what one or more steps want done, in order. The zero value is ready. It is
// reused from step to step and does not allocate once it has grown.
type Effects struct {
	list  []Effect
	arena []byte
	lent  [][]byte
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	clear(e.lent) // lets go of what belongs to others
	e.list, e.arena, e.lent = e.list[:0], e.arena[:0], e.lent[:0]
}

// Len is the number of effects.
func (e *Effects) Len() int { return len(e.list) }

// At returns the i-th effect.
func (e *Effects) At(i int) *Effect { return &e.list[i] }

// Remove takes the i-th effect out: for a machine that wraps another one, and does itself what that
// one has asked for. What Data has returned for it stays valid. Effects behind it move up by one.
func (e *Effects) Remove(i int) { e.list = append(e.list[:i], e.list[i+1:]...) }

// Data is the content that f carries. It is valid until e is reset.
func (e *Effects) Data(f *Effect) []byte {
	if f.size < 0 {
		return e.lent[f.data]
	}
	return e.arena[f.data : f.data+f.size : f.data+f.size]
}

func (e *Effects) add(f Effect, head, body []byte) {
	f.data = int32(len(e.arena))
	f.size = int32(len(head) + len(body))
	e.arena = append(e.arena, head...)
	e.arena = append(e.arena, body...)
	e.list = append(e.list, f)
}

// Send sends head and body as one message. Class says what may overtake it where bandwidth is
// short. Extra is the number of bytes that it is charged beyond those carried (declared size of
// sectors minus what stands for them).
func (e *Effects) Send(to Addr, class Class, head, body []byte, extra int64) {
	n := int64(len(head) + len(body))
	e.add(Effect{Op: OpSend, To: to, Class: class, Cost: n + extra}, head, body)
}

// SetTimer asks for a KindTimer event with this tag, after ns from now. A timer that is already
// set under the tag is replaced.
func (e *Effects) SetTimer(tag Tag, after Time) {
	e.list = append(e.list, Effect{Op: OpTimer, Tag: tag, Cost: int64(after)})
}

// CancelTimer makes sure that no KindTimer event with this tag arrives any more.
func (e *Effects) CancelTimer(tag Tag) {
	e.list = append(e.list, Effect{Op: OpCancel, Tag: tag})
}

// Reply answers the user's request tag. Each request is answered at most once; one that is never
// answered has an unknown outcome. Epoch is the epoch under which it was served.
func (e *Effects) Reply(tag Tag, code Code, epoch uint64, data []byte) {
	e.add(Effect{Op: OpReply, Tag: tag, Code: code, Seg: epoch}, data, nil)
}

// ReplyLent is Reply without a copy of data, which must stay as it is until the effects of this
// step have been carried out. For much content only.
func (e *Effects) ReplyLent(tag Tag, code Code, epoch uint64, data []byte) {
	e.lend(Effect{Op: OpReply, Tag: tag, Code: code, Seg: epoch}, data)
}

func (e *Effects) lend(f Effect, data []byte) {
	f.data, f.size = int32(len(e.lent)), -1
	e.lent = append(e.lent, data)
	e.list = append(e.list, f)
}

// Read reads n sectors from sector on.
func (e *Effects) Read(dev Dev, tag Tag, sector, n int64) {
	e.list = append(e.list, Effect{Op: OpRead, Dev: dev, Tag: tag, Off: sector, N: n})
}

// Write writes the sectors in data, Carry bytes each, from sector on.
func (e *Effects) Write(dev Dev, tag Tag, sector int64, data []byte) {
	e.add(Effect{Op: OpWrite, Dev: dev, Tag: tag, Off: sector}, data, nil)
}

// WriteLent is Write without a copy of data: see ReplyLent.
func (e *Effects) WriteLent(dev Dev, tag Tag, sector int64, data []byte) {
	e.lend(Effect{Op: OpWrite, Dev: dev, Tag: tag, Off: sector}, data)
}

// Sync makes durable what was written by all Writes whose completion has arrived.
func (e *Effects) Sync(dev Dev, tag Tag) {
	e.list = append(e.list, Effect{Op: OpSync, Dev: dev, Tag: tag})
}

// Zero makes n sectors from sector on read as zeros and lets go of the space they take. Like a
// write it is durable only after a Sync.
func (e *Effects) Zero(dev Dev, tag Tag, sector, n int64) {
	e.list = append(e.list, Effect{Op: OpZero, Dev: dev, Tag: tag, Off: sector, N: n})
}

// Map asks which of the n sectors from sector on may hold anything but zeros. Data of the
// completion holds them in the form that [DecodeRuns] reads.
func (e *Effects) Map(dev Dev, tag Tag, sector, n int64) {
	e.list = append(e.list, Effect{Op: OpMap, Dev: dev, Tag: tag, Off: sector, N: n})
}

// Resize gives the volume n sectors. New ones read as zeros. It is durable when it completes.
func (e *Effects) Resize(dev Dev, tag Tag, n int64) {
	e.list = append(e.list, Effect{Op: OpResize, Dev: dev, Tag: tag, N: n})
}

// LogList asks which segments exist. Data of the completion holds them in ascending order, in
// the form that [DecodeSegments] reads.
func (e *Effects) LogList(dev Dev, tag Tag) {
	e.list = append(e.list, Effect{Op: OpLogList, Dev: dev, Tag: tag})
}

// LogAppend appends data at offset off of segment seg, which must be the segment's size; a
// segment that does not exist is made. Extra is charged beyond len(data), as in Send.
func (e *Effects) LogAppend(dev Dev, tag Tag, seg uint64, off int64, data []byte, extra int64) {
	e.add(Effect{Op: OpLogAppend, Dev: dev, Tag: tag, Seg: seg, Off: off,
		Cost: int64(len(data)) + extra}, data, nil)
}

// LogRead reads up to n bytes. The completion has fewer at the end of the segment, and Invalid
// for a segment that does not exist.
func (e *Effects) LogRead(dev Dev, tag Tag, seg uint64, off, n int64) {
	e.list = append(e.list, Effect{Op: OpLogRead, Dev: dev, Tag: tag, Seg: seg, Off: off, N: n})
}

// LogSync makes durable what was appended to seg by all LogAppends whose completion has arrived.
func (e *Effects) LogSync(dev Dev, tag Tag, seg uint64) {
	e.list = append(e.list, Effect{Op: OpLogSync, Dev: dev, Tag: tag, Seg: seg})
}

// LogTruncate cuts seg to size bytes. It is durable when it completes.
func (e *Effects) LogTruncate(dev Dev, tag Tag, seg uint64, size int64) {
	e.list = append(e.list, Effect{Op: OpLogTrunc, Dev: dev, Tag: tag, Seg: seg, N: size})
}

// LogNote tells those who judge a run of content of seg that this log will never hold, because there
// was no room: see Dump.Dropped. It changes nothing.
func (e *Effects) LogNote(dev Dev, tag Tag, seg uint64, data []byte) {
	e.add(Effect{Op: OpLogNote, Dev: dev, Tag: tag, Seg: seg}, data, nil)
}

// LogDelete deletes seg. It is durable when it completes.
func (e *Effects) LogDelete(dev Dev, tag Tag, seg uint64) {
	e.list = append(e.list, Effect{Op: OpLogDelete, Dev: dev, Tag: tag, Seg: seg})
}
