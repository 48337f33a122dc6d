package mars

import (
	"math/big"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

func TestPromisesOfAVoter(t *testing.T) {
	const length = 100
	type ask struct {
		at     node.Time
		to     node.ID
		ver    version
		length node.Time
		why    leaseAnswer
		got    node.Time
	}
	one, two := version{2, 1}, version{4, 2}
	for _, story := range []struct {
		name string
		asks []ask
	}{
		{"nothing until all that it may have promised before is over",
			[]ask{{1099, 1, one, length, leaseBooted, 0}, {1100, 1, one, length, leaseGranted, length}}},
		{"nobody else before the end", []ask{{1100, 1, one, length, leaseGranted, length},
			{1199, 2, one, length, leasePromised, 0}, {1200, 2, one, length, leaseGranted, length}}},
		{"not under a newer version either", []ask{{1100, 1, one, length, leaseGranted, length},
			{1150, 2, two, length, leasePromised, 0}}},
		{"the same one again", []ask{{1100, 1, one, length, leaseGranted, length},
			{1150, 1, one, length, leaseGranted, length}, {1249, 2, one, length, leasePromised, 0},
			{1250, 2, one, length, leaseGranted, length}}},
		{"a shorter one does not end a longer one", []ask{{1100, 1, one, length, leaseGranted, length},
			{1110, 1, one, 10, leaseGranted, 10}, {1199, 2, one, length, leasePromised, 0}}},
		{"no more than it waits for after a boot", []ask{{1100, 1, one, 1000, leaseGranted, length},
			{1200, 2, one, length, leaseGranted, length}}},
		{"who has closed gives it back", []ask{{1100, 1, one, length, leaseGranted, length},
			{1101, 2, version{3, 1}, length, leaseGranted, length}}},
		{"another one who has closed does not", []ask{{1100, 3, one, length, leaseGranted, length},
			{1101, 2, version{3, 1}, length, leasePromised, 0}}},
		{"what was promised after the close stands", []ask{
			{1100, 1, version{3, 1}, length, leaseGranted, length},
			{1101, 2, version{3, 1}, length, leasePromised, 0}}},
	} {
		v := voter{length: length}
		v.boot(1000)
		for i, a := range story.asks {
			if why, got := v.promise(a.at, a.to, a.ver, a.length); why != a.why || got != a.got {
				t.Errorf("%s: ask %d is answered %d, %v; expected %d, %v", story.name, i, why, got, a.why,
					a.got)
			}
		}
	}
}

// While the slowest clock shows a lease less its margin, the fastest shows no more than the lease.
func TestMarginCoversTheDrift(t *testing.T) {
	for _, length := range []node.Time{1, 2, 999, 1_000_001, node.Second, 3600 * node.Second} {
		for _, ppm := range []int64{1, 100, defaultDrift, 50_000, maxDrift} {
			holder := length - leaseMargin(length, ppm)
			slow := new(big.Int).Mul(big.NewInt(int64(holder)), big.NewInt(1e6+ppm))
			fast := new(big.Int).Mul(big.NewInt(int64(length)), big.NewInt(1e6-ppm))
			if slow.Cmp(fast) > 0 {
				t.Errorf("%v with %d ppm: the holder counts %v", length, ppm, holder)
			}
			if holder < length-length*2*node.Time(ppm)/1_000_000-1 {
				t.Errorf("%v with %d ppm: the holder counts %v alone", length, ppm, holder)
			}
		}
	}
}

var witness = node.Addr{Host: 9}

// withLease is a pair with a witness.
func withLease() Config {
	cfg := pair(small)
	cfg.Lease, cfg.Witness = node.Second, witness
	return cfg
}

// leaseTick lets the timer of the lease come due at a time.
func (d *Desk) leaseTick(at node.Time) {
	d.now = at
	d.Step(&node.Event{Kind: node.KindTimer, Tag: tagLease})
	d.Run()
}

// asks returns what this replica asks for a lease.
func (d *Desk) asks(t testing.TB) message {
	t.Helper()
	list := d.said(msgLease)
	if len(list) == 0 {
		t.Fatal("it asks nobody")
	}
	return list[len(list)-1]
}

// grants lets a voter grant what was asked for.
func (d *Desk) grants(from node.ID, ask message) {
	d.tell(from, message{kind: msgLeased, ver: ask.ver, nonce: ask.nonce, credit: ask.credit,
		mark: mark{chain: ask.chain}}, nil)
}

// leasedPrimary is host 1, which holds the lease that it has asked for at its present time.
func leasedPrimary(t testing.TB) *Desk {
	t.Helper()
	d := NewDesk(t, 1, withLease())
	d.Boot()
	d.Ticks(25)
	if s := d.Status(); s.Role != replica.RoleRecovering || !s.Fenced {
		t.Fatalf("without a lease: %+v", s)
	}
	d.leaseTick(d.now)
	d.grants(9, d.asks(t))
	d.Ticks(1)
	if s := d.Status(); s.Role != replica.RolePrimary || s.Epoch != 1 || !s.Fenced || s.Leased {
		t.Fatalf("with a lease of the epoch before: %+v", s)
	}
	d.grants(9, d.asks(t))
	if s := d.Status(); !s.Leased || s.Fenced {
		t.Fatalf("with a lease: %+v", s)
	}
	return d
}

func eight(v byte) []byte { return []byte{v, v, v, v, v, v, v, v} }

func TestUsersWaitForTheLease(t *testing.T) {
	d := leasedPrimary(t)
	d.write(t, 0, 1, 1)
	d.now += 2 * node.Second
	d.request(1, node.OpWrite, 1, 1, eight(2))
	d.request(2, node.OpRead, 0, 1, nil)
	d.request(3, node.OpSync, 0, 0, nil)
	d.request(4, node.OpZero, 3, 1, nil)
	d.request(5, node.OpMap, 0, 64, nil)
	d.Run()
	end := d.Machine.stream.at
	for tag := node.Tag(1); tag <= 5; tag++ {
		if d.answered(tag) {
			t.Errorf("request %d was answered: %v", tag, d.Answers[tag].Code)
		}
	}
	if s := d.Status(); !s.Fenced || s.Role != replica.RolePrimary {
		t.Errorf("%+v", s)
	}
	d.leaseTick(d.now)
	d.grants(2, d.asks(t))
	for tag := node.Tag(1); tag <= 5; tag++ {
		if o := d.Answers[tag]; !d.answered(tag) || o.Code != node.OK || o.Epoch != 1 {
			t.Errorf("request %d: answered %v, %v", tag, d.answered(tag), o.Code)
		}
	}
	if d.Machine.stream.at.pos <= end.pos {
		t.Error("what waited is not in the log")
	}
	if o := d.Answers[2]; string(o.Data) != string(eight(1)) {
		t.Errorf("a read that waited gives %x", o.Data)
	}
}

// A lease counts from when it was asked for, less the margin, however late the answer comes.
func TestLeaseCountsFromTheAsk(t *testing.T) {
	for _, late := range []node.Time{0, node.Millisecond, 700 * node.Millisecond} {
		d := leasedPrimary(t)
		d.leaseTick(d.now + 100*node.Millisecond)
		asked, ask := d.now, d.asks(t)
		d.now += late
		d.grants(9, ask) // two of three: what this replica has promised itself does not matter
		d.grants(2, ask)
		end := asked + node.Second - leaseMargin(node.Second, defaultDrift)
		d.now = end - 1
		if o, ok := d.Ask(node.OpRead, 0, 1, nil); !ok || o.Code != node.OK {
			t.Errorf("%v late, just before the end: answered %v", late, ok)
		}
		d.now = end
		if _, ok := d.Ask(node.OpRead, 0, 1, nil); ok {
			t.Errorf("%v late: it serves beyond %v", late, end)
		}
	}
}

func TestAnswersThatDoNotCount(t *testing.T) {
	for name, spoil := range map[string]func(*message) node.ID{
		"a refusal":               func(m *message) node.ID { m.flags, m.credit = uint8(leasePromised), 0; return 9 },
		"of a former incarnation": func(m *message) node.ID { m.chain -= 1 << 32; return 9 },
		"under an older version":  func(m *message) node.ID { m.ver = version{1, 1}; return 9 },
		"from nobody":             func(*message) node.ID { return 7 },
		"asked for long before":   func(m *message) node.ID { m.nonce = uint64(int64(0)); return 9 },
	} {
		d := leasedPrimary(t)
		d.leaseTick(d.now + 5*node.Second)
		ask := d.asks(t)
		from := spoil(&ask)
		d.tell(from, message{kind: msgLeased, ver: ask.ver, nonce: ask.nonce, credit: ask.credit,
			flags: ask.flags &^ flagHeld, mark: mark{chain: ask.chain}}, nil)
		if s := d.Status(); s.Leased {
			t.Errorf("%s counts", name)
		}
	}
}

func TestNewerPrimaryEndsWhatWaits(t *testing.T) {
	d := leasedPrimary(t)
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devLog }
	d.request(1, node.OpWrite, 0, 1, eight(1))
	d.Run()
	d.now += 2 * node.Second
	d.request(2, node.OpWrite, 1, 1, eight(2))
	d.release()
	d.request(3, node.OpRead, 5, 1, nil)
	d.Run()
	for tag := node.Tag(1); tag <= 3; tag++ {
		if d.answered(tag) {
			t.Fatalf("request %d was answered without a lease", tag)
		}
	}
	// The witness tells of it, too.
	d.tell(9, message{kind: msgLeased, ver: version{4, 2}, flags: uint8(leaseOlder)}, nil)
	for tag, want := range map[node.Tag]node.Code{1: node.Unknown, 2: node.NotPrimary, 3: node.NotPrimary} {
		if o := d.Answers[tag]; !d.answered(tag) || o.Code != want {
			t.Errorf("request %d: answered %v, %v, expected %v", tag, d.answered(tag), o.Code, want)
		}
	}
	if s := d.Status(); s.Role != replica.RoleSecondary || s.Fenced {
		t.Errorf("%+v", s)
	}
}

// follower is host 2 with ten records of epoch 1, long after its boot.
func follower(t testing.TB) *Desk {
	t.Helper()
	d := secondary(t)
	disks := d.Logs
	volume := d.Volume
	d = NewDesk(t, 2, withLease())
	d.Logs, d.Volume, d.now = disks, volume, node.Second
	d.Boot()
	d.now += 2 * node.Second
	return d
}

func TestForceWaitsForAMajority(t *testing.T) {
	d := follower(t)
	d.request(1, replica.OpPrimaryForce, 0, 0, nil)
	d.Ticks(10)
	ask := d.asks(t)
	if s := d.Status(); d.answered(1) || s.Role != replica.RoleSecondary || s.Epoch != 1 {
		t.Fatalf("without a majority: %+v", s)
	}
	if ask.seq != 1 || ask.ver != (version{2, 1}) || ask.durable != 800 {
		t.Fatalf("it asks %+v", ask)
	}
	d.tell(9, message{kind: msgLeased, ver: ask.ver, flags: uint8(leasePromised), nonce: ask.nonce,
		mark: mark{seq: 1, chain: ask.chain}}, nil)
	d.leaseTick(d.now + 31*node.Second)
	d.Ticks(1)
	want := "no lease: 1 of 3 voters grant it, a majority is needed; host 1 does not answer, host 9 has " +
		"promised it to host 1"
	if o := d.Answers[1]; o.Code != node.TimedOut || string(o.Data) != want {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
	d.request(2, replica.OpPrimaryForce, 0, 0, nil)
	d.Ticks(1)
	d.grants(9, d.asks(t))
	d.Run()
	if o := d.Answers[2]; o.Code != node.OK || len(o.Data) > 0 {
		t.Fatalf("with a majority: %v %s", o.Code, o.Data)
	}
	if s := d.Status(); s.Role != replica.RolePrimary || s.Epoch != 2 || !s.Fenced {
		t.Fatalf("%+v", s)
	}
}

// Who leaves the lease to another one does not count its own vote any more.
func TestVoteThatIsGivenAwayDoesNotCount(t *testing.T) {
	d := follower(t)
	d.request(1, replica.OpPrimaryForce, 0, 0, nil)
	d.Ticks(10)
	ask := d.asks(t)
	d.tell(1, message{kind: msgLease, ver: ask.ver, credit: int64(node.Second), nonce: 77, durable: 800,
		mark: mark{seq: 1, chain: 5<<32 | 1}}, nil)
	if got := d.said(msgLeased); len(got) != 1 || leaseAnswer(got[0].flags) != leaseGranted {
		t.Fatalf("to the designated primary it says %+v", got)
	}
	d.grants(9, ask)
	d.Ticks(1)
	if s := d.Status(); s.Role != replica.RoleSecondary || s.Epoch != 1 || d.answered(1) {
		t.Fatalf("with one vote of three: %+v", s)
	}
}

// A witness votes under a version that it will remember.
func TestWitnessVotesWhenTheVersionIsDurable(t *testing.T) {
	w := NewWitness(withLease())
	sends := func(now node.Time, ev node.Event) (n int) {
		var out node.Effects
		w.Step(now, &ev, &out)
		for i := range out.Len() {
			if out.At(i).Op == node.OpSend {
				n++
			}
		}
		return n
	}
	sends(0, node.Event{Kind: node.KindBoot, From: witness, N: 1})
	sends(0, node.Event{Kind: node.KindDone, Op: node.OpLogList, Tag: tagBoot})
	ask := message{kind: msgLease, ver: version{4, 1}, credit: int64(node.Second), nonce: 77}
	var head [messageSize]byte
	ask.encode(&head)
	for _, step := range []struct {
		name  string
		event node.Event
		sends int
	}{
		{"asked", node.Event{Kind: node.KindMessage, From: node.Addr{Host: 1}, Data: head[:]}, 0},
		{"written", node.Event{Kind: node.KindDone, Op: node.OpLogAppend, Tag: tagMetaAppend}, 0},
		{"synced", node.Event{Kind: node.KindDone, Op: node.OpLogSync, Tag: tagMetaSync}, 1},
	} {
		if n := sends(2*node.Second, step.event); n != step.sends {
			t.Errorf("%s: %d answers, expected %d", step.name, n, step.sends)
		}
	}
}

// In an emergency somebody may decide to do without, and is told what that means.
func TestForceWithoutALease(t *testing.T) {
	d := follower(t)
	d.request(1, replica.OpPrimaryForce, 0, 1, nil)
	d.Run()
	if o := d.Answers[1]; o.Code != node.OK || !strings.Contains(string(o.Data), "without a lease") {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
	d.write(t, 0, 1, 1)
	d.now += 5 * node.Second
	d.write(t, 0, 1, 2)
	// Once it gets one, it needs one.
	d.leaseTick(d.now)
	d.grants(9, d.asks(t))
	if s := d.Status(); !s.Leased {
		t.Fatalf("%+v", s)
	}
	d.now += 5 * node.Second
	d.request(50, node.OpRead, 0, 1, nil)
	d.Run()
	if d.answered(50) {
		t.Error("it serves without a lease for ever")
	}
	if o, _ := d.Ask(replica.OpPrimaryForce, 0, 1, nil); o.Code != node.OK || len(o.Data) == 0 {
		t.Errorf("%v %s", o.Code, o.Data)
	}
	if o, ok := d.Ask(node.OpRead, 0, 1, nil); !ok || o.Code != node.OK {
		t.Error("it was told to serve without a lease")
	}
}

func TestRecoveringPrimaryServesWithoutALeaseIfTold(t *testing.T) {
	d := NewDesk(t, 1, withLease())
	d.Boot()
	d.Ticks(30)
	if o, _ := d.Ask(replica.OpPrimaryForce, 0, 0, nil); o.Code != node.Refused {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
	d.request(1, replica.OpPrimaryForce, 0, 1, nil)
	d.Run()
	d.Ticks(1)
	if o := d.Answers[1]; o.Code != node.OK || len(o.Data) == 0 {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
	d.write(t, 0, 1, 1)
}

// What a member answers to who asks for a lease.
func TestMemberGrantsOnlyWhatItMay(t *testing.T) {
	ask := message{kind: msgLease, ver: version{2, 1}, credit: int64(node.Second), nonce: 77, durable: 800,
		mark: mark{seq: 1, chain: 5<<32 | 1}}
	for _, story := range []struct {
		name  string
		from  node.ID
		spoil func(m *message)
		want  leaseAnswer
	}{
		{"as it should be", 1, func(*message) {}, leaseGranted},
		{"less of the log", 1, func(m *message) { m.durable = 799 }, leaseLacks},
		{"less, but it has held one", 1, func(m *message) { m.durable, m.flags = 0, flagHeld }, leaseGranted},
		{"an older epoch", 1, func(m *message) { m.seq = 0 }, leaseLacks},
		{"a newer epoch that begins before our end", 1, func(m *message) { m.seq, m.pos = 2, 799 }, leaseLacks},
		{"the same epoch of another one", 1,
			func(m *message) { m.chain, m.pos, m.durable = 5<<32|2, 799, 900 }, leaseLacks},
		{"a newer epoch", 1, func(m *message) { m.seq, m.pos, m.durable = 2, 800, 900 }, leaseGranted},
	} {
		d := follower(t)
		m := ask
		story.spoil(&m)
		d.Sent = nil
		d.tell(story.from, m, nil)
		got := d.said(msgLeased)
		if len(got) != 1 || leaseAnswer(got[0].flags) != story.want || got[0].nonce != 77 || got[0].chain != m.chain {
			t.Errorf("%s: %+v, expected answer %d", story.name, got, story.want)
		}
	}
	// A version that is new here has to be durable before it is voted under.
	d := follower(t)
	d.Sent = nil
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devMeta }
	m := ask
	m.ver = version{4, 1}
	d.tell(1, m, nil)
	if n := len(d.said(msgLeased)); n > 0 {
		t.Error("a vote comes before the version is durable")
	}
	d.release()
	if got := d.said(msgLeased); len(got) != 1 || leaseAnswer(got[0].flags) != leaseGranted || got[0].ver != m.ver {
		t.Errorf("%+v", got)
	}
	// A replica without leases votes for nobody.
	d = secondary(t)
	d.Sent = nil
	d.tell(1, ask, nil)
	if n := len(d.said(msgLeased)); n > 0 {
		t.Error("it grants what it does not know of")
	}
}

func TestGroupChangesOneAtATime(t *testing.T) {
	d := leasedPrimary(t)
	add := func(id node.ID) node.Observation {
		o, _ := d.Ask(replica.OpAddMember, 0, 0, replica.AppendAddr(nil, node.Addr{Host: id}))
		return o
	}
	if o := add(3); o.Code != node.OK {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
	if o := add(4); o.Code != node.Refused {
		t.Fatalf("a second change before a majority knows the first: %v %s", o.Code, o.Data)
	}
	d.leaseTick(d.now)
	ask := d.asks(t)
	g := d.Machine.toldGroup
	for _, from := range []node.ID{9, 3} {
		d.tell(from, message{kind: msgLeased, ver: ask.ver, nonce: ask.nonce, credit: ask.credit,
			mark: mark{chain: ask.chain}}, g.encode())
	}
	if o := add(4); o.Code != node.OK {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
}

func TestWithoutLeasesNobodyIsAsked(t *testing.T) {
	d := primary(t, pair(small))
	d.Ticks(100)
	if n := len(d.said(msgLease)); n > 0 || d.Machine.lease.armed {
		t.Error("it asks for a lease")
	}
	if s := d.Status(); s.Leased || s.Fenced {
		t.Errorf("%+v", s)
	}
}
