package mars

import (
	"fmt"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Config describes one replica. It is the same on all members but for Joins.
type Config struct {
	// Members are all replicas when this one is made; the first is the primary when the resource
	// is new. Later changes are in the replica's own state, and count more.
	Members []node.Addr
	// Geometry is that of the volume when this replica is made. Later sizes are in its own state.
	Geometry node.Geometry
	// Resource tells this resource from all others, 0 if there are none. What replicas say of who
	// replicates counts among those of one resource only.
	Resource uint64
	// Joins is set if the resource exists already: then this replica never creates it, even as the
	// first of Members.
	Joins       bool
	Ack         Ack
	Buffer      int64 // bytes of log that may wait for writeback; then writers wait. 64 MiB
	FetchWindow int64 // bytes of log on their way to one secondary. 1 MiB
	Segment     int64 // bytes of a segment of the log, then the next one is begun. 1 GiB
	// LogLimit is how much log is kept for members that are behind, in bytes. Who needs more is left
	// behind (replica.Status.Orphan) and catches up with content. The same happens when the log's disk is
	// full. 0: as much as they need, as long as there is space.
	LogLimit int64
	// Throttle is from which part of LogLimit on, in percent, writers are slowed down: see throttle.go.
	// 0: not at all.
	Throttle int
	// Compress is how the bodies of writes are packed that this replica logs as primary, if that makes them
	// smaller. Nothing is where sectors are carried in part only: that part says nothing of the whole.
	Compress squeeze.Codec
	// Emergency has the primary go on without a log that has no room, if all that may be deleted of it
	// has been: see replica.Status. Else writers wait until there is room. With AckRemote and AckQuorum
	// they wait in any case.
	Emergency bool
	CopyChunk int64 // bytes that a copy asks for at a time, up to 4 MiB. 1 MiB
	FetchOff  bool  // the fetch switch of a new secondary
	ReplayOff bool  // the replay switch of a new secondary
	// Persist is how long it is at least from one sync of the volume to the next. What was applied
	// since is replayed after a crash. 0: at each tick.
	Persist node.Time
	Tick    node.Time // period of retries; it is longer while there is nothing to do. 50 ms
	Guard   node.Time // how long a restarted primary listens for a newer one. 500 ms
	// HandoverLag is how much log may be missing at the new primary, in bytes, when the old one
	// stops serving. More makes a handover begin earlier and its downtime longer. 1 MiB
	HandoverLag     int64
	HandoverTimeout node.Time // then `primary` is given up. 30 s

	// Lease, if it is not 0, keeps two primaries from acknowledging at once, whatever the network does: a
	// primary answers users only while a majority of the voters has promised to grant nobody else for so
	// long. It is how long `primary --force` waits at least when the old primary cannot be reached, and how
	// long nobody serves after all voters have booted. It should be many times the round trip between
	// hosts; all voters have the same. 0: no leases; forced failovers may split.
	Lease node.Time
	// Witness is a voter without data, made with [NewWitness]; none if its host is 0. It is no member.
	// A pair needs one, or the loss of either stops it.
	Witness node.Addr
	// DriftPPM is how much faster or slower than true any voter's clock may run, in parts per million,
	// up to 100000. A lease is shorter by twice that for its holder. 1000
	DriftPPM int64
}

func (c *Config) setDefaults() {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.Buffer, 64<<20)
	def(&c.FetchWindow, 1<<20)
	c.FetchWindow = max(c.FetchWindow, 2*(maxBody+headerSize)) // at least one frame must fit
	def(&c.HandoverLag, 1<<20)
	def(&c.Segment, 1<<30)
	def(&c.CopyChunk, 1<<20)
	c.CopyChunk = min(c.CopyChunk, maxChunk)
	def((*int64)(&c.Tick), int64(50*node.Millisecond))
	def((*int64)(&c.Guard), int64(500*node.Millisecond))
	def((*int64)(&c.HandoverTimeout), int64(30*node.Second))
	def(&c.DriftPPM, defaultDrift)
	c.DriftPPM = min(c.DriftPPM, maxDrift)
}

// Devices of a replica.
const (
	devVolume node.Dev = 0
	devLog    node.Dev = 0
	devMeta   node.Dev = 1
	devStage  node.Dev = 2
)

// Tags: what a completion or timer belongs to, in the upper half; which one, in the lower.
const (
	tagTick node.Tag = iota << 32
	tagBoot
	tagMetaAppend
	tagMetaSync
	tagMetaDelete
	tagLogAppend
	tagLogSync
	tagLogRepair
	tagApplyRead
	tagApplyWrite
	tagVolumeSync
	tagUserRead
	tagServe
	tagVerify
	tagLoss
	tagResize
	tagUserMap
	tagCopyLook
	tagCopyWrite
	tagCopyServe
	tagLogDelete
	tagLogNote
	tagLease
	tagThrottle
	tagStageAppend
	tagStageSync
	tagStageRead
	tagStageWrite
	tagStageDelete

	tagClass node.Tag = 0xffffffff << 32
)

// Machine is one replica. Make it with [New].
type Machine struct {
	cfg  Config
	self node.Addr
	now  node.Time     // of the current step
	out  *node.Effects // of the current step

	role  replica.Role
	ver   version // who is designated primary
	told  version // what of that is durable: only this is told to others
	state state   // what is, or is to be, on the meta device
	boot  *boot   // while booting

	incarnation uint64 // from 1, counted at each boot

	stepping bool      // see untaint
	past     []Segment // what the boot that follows takes over of the lineage then
	stream   stream
	packer   packer
	durable  mark // synced on the own log
	applied  mark // written to the volume

	logger  logger
	applier applier
	meta    metaStore
	io      ioState
	fetch   fetchState
	change  change // of role, while one is under way
	ticks   uint64
	calm    int  // ticks without anything to do
	slow    bool // so many that the next one comes late

	group     group // who replicates
	toldGroup group // what of that is durable: only this is told to others
	peers     []peer

	sectors   int64 // of the volume, at the applied position
	resize    resizer
	resizedAt int64 // where the newest frame of a resize that was made here ends

	copy       copier
	turn       int64 // may it go on: replica.SyncFree, SyncHeld or SyncGiven
	stager     stager
	catchUp    catchUp
	copies     []copyRead // what others copy from here
	liveCopies int
	copyBuf    []byte
	copied     int64  // sectors whose content has come for copies of the own volume
	fetchFrom  uint64 // nothing is fetched before this state is durable
	restarting bool   // this replica begins anew as soon as nothing is under way
	deleting   bool   // the oldest segment is being deleted
	emergency  emergency

	lease leaseState

	verbs    []verb     // changes of membership and size under way
	opened   int64      // who holds the volume open here
	changes  uint64     // see replica.Status
	seen     vitals     // at the end of the step before
	watchers []node.Tag // who waits for the next change
}

// peer is what a replica knows of another one.
type peer struct {
	addr     node.Addr
	heard    bool // has answered what this incarnation asked
	cut      bool // its history has left the designated branch
	known    bool // its log up to next is a prefix of ours
	next     int64
	credit   int64
	durable  int64
	applied  int64
	synced   int64  // on its volume, to stay
	oldest   int64  // where its log begins
	end      int64  // and ends
	gen      uint64 // of the state that said so
	silent   uint64 // ticks since it was heard
	base     uint64 // the segment at whose beginning it is to begin; 0: it has a log
	reading  bool   // a LogRead for it is under way
	checking mark   // what is compared with our log on disk
}

// New makes a replica that has not booted yet.
func New(cfg Config) *Machine {
	cfg.setDefaults()
	m := &Machine{cfg: cfg}
	m.group = group{resource: cfg.Resource, members: cfg.Members}
	m.toldGroup = m.group
	m.stream.geo, m.sectors = cfg.Geometry, int64(cfg.Geometry.Sectors)
	if cfg.Geometry.Carry == cfg.Geometry.SectorSize {
		m.stream.packer = &m.packer
		m.packer.codec = cfg.Compress
	}
	m.io.index = make(map[int64]int64)
	m.lease.voter.length = cfg.Lease
	return m
}

var _ node.Machine = (*Machine)(nil)

// Step implements node.Machine.
func (m *Machine) Step(now node.Time, ev *node.Event, out *node.Effects) {
	m.now, m.out = now, out
	switch ev.Kind {
	case node.KindBoot:
		m.onBoot(ev)
	case node.KindTimer:
		switch ev.Tag {
		case tagThrottle:
			m.throttleEnds()
		case tagLease:
			m.lease.armed = false // the end of the step asks again
		default:
			m.onTick()
		}
	case node.KindDone:
		m.onDone(ev)
	case node.KindRequest:
		m.onRequest(ev)
	case node.KindMessage:
		m.onMessage(ev)
	}
	if m.copy.staged.on {
		m.stageKick()
	}
	if m.restarting {
		m.restart()
	}
	m.endTurn()
	if m.cfg.Lease > 0 {
		m.leaseStep()
	}
	m.noteChange()
	m.wake()
	m.out = nil
}

func (m *Machine) onDone(ev *node.Event) {
	switch ev.Tag & tagClass {
	case tagBoot:
		m.bootStep(ev)
	case tagMetaAppend:
		m.metaAppended(ev)
	case tagMetaSync:
		m.metaSynced(ev)
	case tagLogNote: // nothing waits for it
	case tagMetaDelete: // nothing waits for it; if it failed, it is tried again after a boot
	case tagLogAppend:
		m.logAppended(ev)
	case tagLogSync:
		m.logSynced(ev)
	case tagLogRepair:
		m.logRepaired(ev)
	case tagApplyRead:
		m.applyRead(ev)
	case tagApplyWrite:
		m.applyWritten(ev)
	case tagVolumeSync, tagStageSync:
		m.volumeSynced(ev)
	case tagUserRead:
		m.userRead(ev)
	case tagServe:
		m.serveRead(ev)
	case tagVerify:
		m.verifyRead(ev)
	case tagLoss:
		m.lossRead(ev)
	case tagResize:
		m.resizeEnd(ev.Code)
	case tagUserMap:
		m.userMap(ev)
	case tagCopyLook:
		m.looked(ev)
	case tagCopyWrite:
		m.copyWritten(ev)
	case tagCopyServe:
		m.copyServed(ev)
	case tagLogDelete:
		m.logDeleted(ev)
	case tagStageAppend:
		m.stageAppended(ev)
	case tagStageRead:
		m.stageRead(ev)
	case tagStageWrite:
		m.stageWritten(ev)
	case tagStageDelete:
		m.stageDeleted(ev)
	}
}

func (m *Machine) onRequest(ev *node.Event) {
	switch ev.Op {
	case node.OpWrite:
		m.onWrite(ev)
	case node.OpRead:
		m.onRead(ev)
	case node.OpSync:
		m.onFlush(ev)
	case node.OpZero:
		m.onZero(ev)
	case node.OpMap:
		m.onMap(ev)
	default:
		m.onVerb(ev)
	}
}

func (m *Machine) onTick() {
	m.out.SetTimer(tagTick, m.period())
	m.ticks++
	if m.role == replica.RoleBooting || m.role == replica.RoleDefective {
		return
	}
	m.metaKick()
	m.emergencyTick()
	m.logKick()
	m.applyKick()
	m.resizeKick()
	m.persistApplied()
	m.fetchTick()
	m.copyTick()
	m.catchUpTick()
	m.deleteKick()
	m.changeTick()
	if (m.slow || m.ticks%10 == 0) && m.role != replica.RoleLeft {
		for i := range m.peers {
			m.hello(&m.peers[i], 0, 0)
		}
	}
}

func (m *Machine) onMessage(ev *node.Event) {
	msg, body, err := decodeMessage(ev.Data)
	if err != nil || m.role == replica.RoleBooting || m.role == replica.RoleDefective {
		return // whoever sent it will try again
	}
	g, ok := groupOf(&msg, body, m.cfg.Resource)
	if !ok {
		return
	}
	if m.group.older(g) {
		m.heardGroup(g)
	}
	if msg.kind == msgLease || msg.kind == msgLeased {
		m.onLease(ev.From, &msg, g)
		return
	}
	p := m.peer(ev.From)
	if p == nil {
		m.tellGroup(ev.From, g)
		return
	}
	p.applied, p.silent = max(p.applied, msg.applied), 0
	if m.ver.older(msg.ver) {
		m.learn(msg.ver)
	}
	if m.role == replica.RoleLeft && msg.kind != msgHello {
		m.tellGroup(ev.From, g)
		return
	}
	if msg.ver.older(m.ver) && msg.kind != msgHello {
		m.hello(p, 0, 0)
		return
	}
	if msg.ver == m.ver && msg.gen >= p.gen {
		p.gen, p.synced, p.oldest, p.end = msg.gen, msg.synced, msg.oldest, msg.durable
	}
	switch msg.kind {
	case msgHello:
		m.onHello(p, &msg)
	case msgFetch:
		m.onFetch(p, &msg)
	case msgData:
		m.onData(p, &msg, body)
	case msgSplit:
		m.onSplit(p, body)
	case msgBehind:
		m.onBehind(p)
	case msgBase:
		m.onBase(p, &msg, body)
	case msgCatchUp:
		m.onCatchUp(p, &msg, body)
	case msgSince:
		m.onSince(p, &msg, body)
	case msgMap, msgCopy:
		m.onCopyAsked(p, &msg, body)
	case msgMapped:
		m.onMapped(p, &msg, body)
	case msgCopied:
		m.onCopied(p, &msg, body)
	case msgAsk, msgGrant, msgRevoke, msgRevoked, msgInUse:
		m.onHandover(p, &msg)
	}
}

func (m *Machine) peer(a node.Addr) *peer {
	for i := range m.peers {
		if m.peers[i].addr == a {
			return &m.peers[i]
		}
	}
	return nil
}

func (m *Machine) peerOf(id node.ID) *peer {
	for i := range m.peers {
		if m.peers[i].addr.Host == id {
			return &m.peers[i]
		}
	}
	return nil
}

// send fills in what all messages say and sends msg.
func (m *Machine) send(p *peer, msg *message, body []byte, extra int64) {
	msg.ver = m.told
	msg.durable, msg.durableSeq, msg.applied = m.durable.pos, m.durable.seq, m.applied.pos
	msg.synced, msg.oldest, msg.gen = m.state.applied.pos, m.logFrom(), m.meta.saved
	if m.role == replica.RolePrimary {
		msg.floor = m.needed()
	}
	var head [messageSize]byte
	msg.encode(&head)
	class := node.ClassControl
	switch msg.kind {
	case msgData:
		class = node.ClassLog
	case msgCopied, msgMapped:
		class = node.ClassSync
	}
	m.out.Send(p.addr, class, head[:], body, extra)
}

func (m *Machine) hello(p *peer, flags uint8, nonce uint64) {
	if m.fetch.cut {
		flags |= flagCut
	}
	if p.known && m.serving() {
		flags |= flagKnown
	}
	if m.role == replica.RoleClosed && m.state.granted == p.addr.Host && m.change.kind == changeNone {
		flags |= flagOffer
	}
	m.send(p, &message{kind: msgHello, flags: flags, nonce: nonce}, m.groupBody(), 0)
}

// inquire asks a peer what it knows. The answer carries the incarnation that has asked: what was
// said to a former one may be out of date.
func (m *Machine) inquire(p *peer) { m.hello(p, flagReply, m.incarnation) }

func (m *Machine) onHello(p *peer, msg *message) {
	if msg.flags&flagReply != 0 {
		m.hello(p, 0, msg.nonce)
		if m.role == replica.RoleRecovering && !p.heard {
			m.inquire(p) // it is up now
		}
	} else if msg.nonce == m.incarnation {
		p.heard = true
	}
	if msg.ver != m.ver {
		return
	}
	p.cut = msg.flags&flagCut != 0
	if m.ver.host == p.addr.Host {
		m.heardCommitted(msg)
		m.fetch.verified = m.fetch.verified || msg.flags&flagKnown != 0
		if msg.flags&flagOffer != 0 {
			m.onOffer()
		}
	}
	m.progress()
}

// Status is what OpStatus reports.
func (m *Machine) Status() replica.Status {
	s := replica.Status{Role: m.role, Primary: m.ver.host, Epoch: m.ver.epoch(),
		SplitBrain: m.splitBrain(), CutOff: m.fetch.cut, FetchOn: m.state.fetchOn,
		ReplayOn: m.state.replayOn,
		End:      m.stream.at.pos, EndSeq: m.stream.at.seq, Durable: m.durable.pos,
		DurableSeq: m.durable.seq, Applied: m.applied.pos, AppliedSeq: m.applied.seq,
		Synced:    m.state.applied.pos,
		Committed: m.fetch.committed, CommittedSeq: m.fetch.committedSeq, Lost: m.fetch.lost,
		Changes: m.changes, Sectors: m.sectors, Open: m.opened, Members: m.group.members, Group: m.group.name(),
		SyncOn: !m.state.syncOff, Inconsistent: m.copy.on && !m.copy.staged.on,
		Orphan: m.fetch.orphan || m.copy.staged.on, CatchesUp: m.copy.staged.on,
		Ack: m.ack().String(), LogFrom: m.logFrom(), ToCopy: m.copy.pending.sectors(), Copied: m.copied,
		LogLimit: m.logLimit(), SyncWaits: m.waits(), SyncTurn: m.turn == replica.SyncGiven,
		Emergency: m.emergency.on,
		Leased:    m.cfg.Lease > 0 && m.wantsLease() && m.leased(), Fenced: m.unserved()}
	if m.ver.closed() {
		s.Primary = 0
	}
	switch m.role {
	case replica.RoleDefective:
		s.Defect = m.change.defect
	case replica.RolePrimary:
		s.Committed, s.CommittedSeq = m.durable.pos, m.durable.seq
		s.UpToDate = true
	case replica.RoleSecondary:
		s.UpToDate = !m.fetch.cut && !m.copy.on && m.fetch.heard && m.applied.pos == m.stream.at.pos &&
			m.applied.pos >= m.fetch.committed
	}
	return s
}

// String shows the replica in traces.
func (m *Machine) String() string {
	s := fmt.Sprintf("mars %v epoch %d primary %d log %d/%d/%d", m.role, m.ver.epoch(),
		m.ver.host, m.applied.pos, m.durable.pos, m.stream.at.pos)
	if m.copy.on {
		s += fmt.Sprintf(", to copy %d", m.copy.pending.sectors())
	}
	if m.fetch.orphan {
		s += ", orphan"
	}
	if m.unserved() {
		s += ", no lease"
	}
	if m.copy.staged.on {
		s += m.copy.staged.String()
	}
	return s
}
