package scenario

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Names of the checks that [expect] may list.
const (
	checkLinearizable = "linearizable"
	checkPrefix       = "prefix"
	checkDurable      = "durable"
	checkRPO          = "rpo"
	checkLineage      = "lineage"
	checkConverges    = "converges"
	checkOnePrimary   = "one-primary"
	checkService      = "service" // made whenever [expect] bounds it
	checkSyncLimit    = "sync-limit"
	checkFenced       = "fenced"
)

// final is what one replica holds at the end.
type final struct {
	id     node.ID
	name   string
	status replica.Status
	known  bool
	branch branch
	gone   bool     // what it holds was given up, or it is no member: only its branch counts
	ids    []uint64 // of the volume
}

// judge applies the checks to what the run has shown.
func (r *runner) judge() error {
	r.res.History = r.history
	for i := range r.resources {
		if err := r.judgeResource(i); err != nil {
			return err
		}
	}
	r.judgeService()
	r.judgeCopies()
	r.conclude()
	return nil
}

// judgeService holds what users have felt against the bounds of [expect].
func (r *runner) judgeService() {
	e := &r.file.Expect
	if e.MaxUnknown == Unbounded && e.MaxStall == 0 {
		return
	}
	longest := int64(0)
	for i := range r.history {
		if op := &r.history[i]; !op.Unknown {
			longest = max(longest, op.Return-op.Call)
		}
	}
	switch {
	case e.MaxUnknown != Unbounded && r.res.Counts.Unknown > e.MaxUnknown:
		r.violated(checkService, "%d operations ended without an answer or with an error, at most %d may",
			r.res.Counts.Unknown, e.MaxUnknown)
	case e.MaxStall > 0 && longest > int64(e.MaxStall):
		r.violated(checkService, "an operation took %v, at most %v is allowed", node.Time(longest),
			e.MaxStall)
	default:
		r.add(check.Result{Check: checkService, Verdict: check.OK,
			Note: fmt.Sprintf("the longest operation took %v", node.Time(longest))})
	}
}

func (r *runner) wants(name string) bool {
	c := r.file.Expect.Checks
	return len(c) == 0 || slices.Contains(c, name)
}

func (r *runner) add(res check.Result) { r.res.Checks = append(r.res.Checks, res) }

func (r *runner) violated(name, format string, args ...any) {
	r.add(check.Result{Check: name, Verdict: check.Violated,
		Violation: &check.Violation{Summary: fmt.Sprintf(format, args...)}})
}

func (r *runner) judgeResource(i int) error {
	rs := &r.resources[i]
	h := r.history.Only(rs.res.Name)
	finals, err := r.finals(i)
	if err != nil {
		return err
	}
	primary := -1
	if id := r.primaryOf(rs); id != 0 {
		primary = slices.IndexFunc(finals, func(f final) bool { return f.id == id })
	}
	if primary < 0 {
		r.violated(checkConverges, "resource %s has no primary at the end: %s", rs.res.Name,
			r.roles(finals))
		return nil
	}
	p := &finals[primary]
	all, finals, err := r.withGivenUp(i, finals, p)
	if err != nil {
		return err
	}
	old := diverged(all, p)
	h = r.servers(rs, h, p, all)
	if other := apartFrom(all, p, old); other != nil {
		// What these two lost of one another's history cannot be told from the primary's log.
		note := fmt.Sprintf("%s and %s have left the history of %s on different branches; runs with "+
			"one branch cut off can be judged", old.name, other.name, p.name)
		for _, name := range []string{checkLinearizable, checkRPO} {
			if r.wants(name) {
				r.add(check.Result{Check: name, Verdict: check.Unknown, Note: note})
			}
		}
	} else {
		r.judgeClients(rs, h, p, old)
	}
	r.judgeReplicas(i, finals, p)
	return nil
}

// servers returns a history in which operations of hosts without a replica are those of the primaries
// that have served them, by the epoch. Those without an answer belong to no host: they may take effect
// whatever becomes of the one that they were asked on.
func (r *runner) servers(rs *resourceState, h check.History, p *final, all []final) check.History {
	if len(rs.res.Remote) == 0 {
		return h
	}
	origin := make(map[uint64]string)
	for _, f := range append(slices.Clone(all), *p) { // where two branches know an epoch, the primary's counts
		for _, e := range f.branch.epochs {
			origin[e.number] = r.file.HostName(e.origin)
		}
	}
	out := slices.Clone(h)
	for i := range out {
		op := &out[i]
		switch {
		case !slices.Contains(rs.res.Remote, op.Host):
		case op.Unknown:
			op.Host = ""
		default:
			op.Host = origin[op.Epoch]
		}
	}
	return out
}

// finals reads the disks of all replicas of a resource.
func (r *runner) finals(i int) ([]final, error) {
	rs := &r.resources[i]
	var out []final
	s := strategies[rs.res.Strategy]
	dumps := make([]node.Dump, len(rs.members))
	rs.past = s.past()
	for m, id := range rs.members {
		d, err := r.world.Dump(id, uint32(i))
		if err != nil {
			return nil, fmt.Errorf("reading the disks of %s: %w", r.file.HostName(id), err)
		}
		dumps[m] = d
		rs.past.Add(d.Logs[s.log])
		if len(d.Dropped) > 0 {
			rs.past.Add(d.Dropped[s.log])
		}
	}
	for k := range rs.given {
		rs.past.Add(rs.given[k].dump.Logs[s.log])
	}
	for m, id := range rs.members {
		d := dumps[m]
		b, err := r.branchOf(i, d)
		if err != nil {
			return nil, fmt.Errorf("the disks of %s: %w", r.file.HostName(id), err)
		}
		if r.opt.Samples {
			r.res.Logs = append(r.res.Logs, ReplicaLog{Host: r.file.HostName(id),
				Resource: rs.res.Name, Files: d.Logs[0]})
		}
		out = append(out, final{id: id, name: r.file.HostName(id), known: rs.status[m].known,
			status: rs.status[m].current, branch: b,
			ids: b.image(d, rs.geo.Carry)})
	}
	return out, nil
}

// withGivenUp parts the replicas that are members in the end from all that may hold a branch: also
// who is no member, and what a replica held before a step made it begin anew.
func (r *runner) withGivenUp(i int, finals []final, p *final) (all, members []final, err error) {
	rs := &r.resources[i]
	for k := range rs.given {
		g := &rs.given[k]
		b, err := r.branchOf(i, g.dump)
		if err != nil {
			return nil, nil, fmt.Errorf("what %s has given up: %w", r.file.HostName(g.host), err)
		}
		all = append(all, final{id: g.host, name: r.file.HostName(g.host), branch: b, gone: true})
	}
	for _, f := range finals {
		f.gone = !isMember(&p.status, f.id)
		if !f.gone {
			members = append(members, f)
		}
		all = append(all, f)
	}
	return all, members, nil
}

// branchOf reads the history of one replica, from its beginning.
func (r *runner) branchOf(i int, d node.Dump) (branch, error) {
	rs := &r.resources[i]
	s := strategies[rs.res.Strategy]
	whole, err := rs.past.Whole(d.Logs)
	if err != nil {
		return branch{}, err
	}
	d.Logs = slices.Clone(d.Logs)
	d.Logs[s.log] = whole
	return s.branch(d, rs.geo.Carry)
}

// image returns the ids in the sectors of a volume. If its log says that it grows, but that has not
// come to the volume yet, it holds nothing there.
func (b *branch) image(d node.Dump, carry uint32) []uint64 {
	ids := readStamps(d.Volumes[0], carry, 0)
	return append(ids, make([]uint64, max(0, b.sectors-int64(len(ids))))...)
}

func (r *runner) roles(finals []final) string {
	var parts []string
	for i := range finals {
		f := &finals[i]
		text := "unknown"
		if f.known {
			text = fmt.Sprintf("%v, epoch %d, log %d of %d", f.status.Role, f.status.Epoch,
				f.status.AppliedSeq, f.status.EndSeq)
			if f.status.SplitBrain {
				text += ", split brain"
			}
		}
		parts = append(parts, f.name+" is "+text)
	}
	return strings.Join(parts, "; ")
}

// sameUpTo is how many records two branches share.
func sameUpTo(a, b []check.Record) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// diverged returns the replica whose branch holds most that the primary's does not, or nil if
// every branch is a prefix of the primary's.
func diverged(finals []final, p *final) *final {
	var old *final
	most := 0
	for i := range finals {
		f := &finals[i]
		extra := len(f.branch.records) - sameUpTo(f.branch.records, p.branch.records)
		if extra > most {
			old, most = f, extra
		}
	}
	return old
}

// apartFrom returns a replica that has left the primary's branch, and is on another one than old,
// or nil.
func apartFrom(finals []final, p, old *final) *final {
	for i := range finals {
		f := &finals[i]
		log := f.branch.records
		if len(log) > sameUpTo(log, p.branch.records) && len(log) > sameUpTo(log, old.branch.records) {
			return f
		}
	}
	return nil
}

func (r *runner) judgeClients(rs *resourceState, h check.History, p, old *final) {
	lin := check.LinOptions{Deadline: r.deadlineOf}
	var fo check.Failover
	served, branches := h, h // what clients saw; what can be told apart into branches
	if old != nil {
		fo = check.Failover{OldLog: old.branch.records, NewLog: p.branch.records,
			OldEpoch: old.branch.epochs[len(old.branch.epochs)-1].number}
		served = r.apart(h, old, p, fo.OldEpoch)
		sides := r.sidesOf(h, old, p)
		fo.OnlyNew = sides.onlyNew
		branches = r.apart(sides.markStale(r.markDeposed(h, p)), old, p, fo.OldEpoch)
		fo.Deposed = isDeposed
	} else if rs.forced {
		branches = slices.DeleteFunc(r.markDeposed(h, p), func(op check.Op) bool {
			return !op.Unknown && isDeposed(&op)
		})
	}
	if r.wants(checkLinearizable) {
		if old != nil {
			r.add(check.LinearizableAcross(branches, fo, lin))
		} else {
			r.add(check.Linearizable(branches, lin))
		}
	}
	if r.wants(checkDurable) && old == nil {
		r.add(check.Durable(h, p.branch.records))
	}
	max := r.file.Expect.MaxLost
	if r.wants(checkRPO) || r.wants(checkDurable) && old != nil {
		r.judgeLoss(rs, h, p, old, max)
	}
	if r.wants(checkOnePrimary) {
		r.add(check.OnePrimary(r.tenures(rs, served, rs.res.Lease > 0 || !rs.forced)))
	}
	// Nothing but leases promises this of a forced failover. Without them it has to be asked for.
	if slices.Contains(r.file.Expect.Checks, checkFenced) {
		res := check.OnePrimary(r.tenures(rs, served, true))
		res.Check = checkFenced
		r.add(res)
	}
}

// markDeposed returns a history in which the operations that a deposed primary has answered have
// epoch 0: their epoch is none of the surviving branch.
func (r *runner) markDeposed(h check.History, p *final) check.History {
	type tenure struct {
		epoch uint64
		host  string
	}
	ours := map[tenure]bool{}
	for _, e := range p.branch.epochs {
		ours[tenure{e.number, r.file.HostName(e.origin)}] = true
	}
	out := slices.Clone(h)
	for i := range out {
		if op := &out[i]; !op.Unknown && !ours[tenure{op.Epoch, op.Host}] {
			op.Epoch = 0
		}
	}
	return out
}

func isDeposed(op *check.Op) bool { return op.Epoch == 0 }

// apart returns a history in which the epochs of the surviving branch are above all of the old
// one. Usually they are; but an old primary that came back before it heard of the failover has
// opened epochs of its own, under the same numbers.
func (r *runner) apart(h check.History, old, p *final, last uint64) check.History {
	var out check.History
	for _, e := range p.branch.epochs {
		if e.number > last || slices.Contains(old.branch.epochs, e) {
			continue
		}
		if out == nil {
			out = slices.Clone(h)
		}
		for i := range out {
			if h[i].Epoch == e.number && h[i].Host == r.file.HostName(e.origin) {
				out[i].Epoch += last
			}
		}
	}
	if out == nil {
		return h
	}
	for i := range out { // what was above stays above
		if h[i].Epoch > last {
			out[i].Epoch += last
		}
	}
	return out
}

// deadlineOf is by when a write without an answer must have taken effect: when the host that had
// it crashed. After that it could only have been in the log already.
func (r *runner) deadlineOf(op *check.Op) int64 {
	if id := r.file.HostID(op.Host); id != 0 {
		for _, at := range r.host(id).crashes {
			if int64(at) >= op.Call {
				return int64(at)
			}
		}
	}
	return math.MaxInt64
}

// judgeLoss measures what a forced failover has lost, and holds against it what the old primary
// says.
func (r *runner) judgeLoss(rs *resourceState, h check.History, p, old *final, max MaxLost) {
	if !rs.forced && old == nil {
		if len(r.file.Expect.Checks) > 0 && r.wants(checkRPO) {
			r.add(check.Result{Check: checkRPO, Verdict: check.OK, Note: "no forced failover"})
		}
		return
	}
	oldLog := p.branch.records
	if old != nil {
		oldLog = old.branch.records
	}
	bounds := check.RPOBounds{MaxOps: int(max.Ops), MaxBytes: int64(max.Bytes),
		MaxAge:      time.Duration(max.Seconds * float64(time.Second)),
		SectorBytes: int64(rs.geo.SectorSize), Failover: int64(rs.gaveUp)}
	if max.Seconds < 0 {
		bounds.MaxAge = -1
	}
	res, rep := check.RPO(h, oldLog, p.branch.records, bounds)
	r.add(res)
	loss := Loss{Resource: rs.res.Name, Ops: rep.LostOps, Records: len(rep.Lost),
		Bytes: rep.LostBytes, For: rep.LostFor}
	if old != nil && !old.gone {
		loss.Reported = old.status.Lost
		want := lossOf(old, rep.Fork, rs.geo)
		if old.status.Lost != want {
			r.violated(checkRPO, "%s reports %d lost writes of %d bytes over %v, but its log holds "+
				"%d writes of %d bytes over %v beyond the fork", old.name, old.status.Lost.Ops,
				old.status.Lost.Bytes, old.status.Lost.Age, want.Ops, want.Bytes, want.Age)
		}
	}
	r.res.Losses = append(r.res.Losses, loss)
}

// lossOf counts what a branch holds from record fork on.
func lossOf(f *final, fork int, g node.Geometry) replica.Loss {
	var l replica.Loss
	for i := fork; i < len(f.branch.records); i++ {
		if !f.branch.parts[i] {
			l.Ops++
		}
		if f.branch.records[i].ID != 0 {
			l.Bytes += g.Bytes(int64(f.branch.records[i].N))
		}
		l.Age = f.branch.stamps[i] - f.branch.stamps[fork]
	}
	return l
}

// tenures are the times during which hosts were seen to serve, by the world's own time. They are
// compared whatever their epochs, or only those of one epoch: after a forced failover without leases the
// old primary may serve on where the new one cannot be heard; under one epoch nobody else may.
func (r *runner) tenures(rs *resourceState, h check.History, across bool) []check.Tenure {
	ops := slices.Clone(h)
	slices.SortStableFunc(ops, func(a, b check.Op) int { return cmp.Compare(a.Return, b.Return) })
	var out []check.Tenure
	for i := range ops {
		op := &ops[i]
		if op.Unknown || op.Host == "" {
			continue
		}
		epoch := op.Epoch
		k := len(out) - 1
		for k >= 0 && (out[k].Host != op.Host || out[k].Epoch != epoch) {
			k--
		}
		if k >= 0 {
			out[k].To = op.Return
			continue
		}
		out = append(out, check.Tenure{Resource: rs.res.Name, Epoch: epoch, Host: op.Host,
			From: op.Return, To: op.Return})
	}
	if across {
		for i := range out {
			out[i].Epoch = 0
		}
	}
	return out
}

func (r *runner) judgeReplicas(i int, finals []final, p *final) {
	left := r.unlogged(i)
	if r.wants(checkPrefix) {
		r.judgePrefix(i, finals, left)
	}
	if r.wants(checkLineage) {
		r.judgeLineage(finals, p, left)
	}
	if r.wants(checkConverges) {
		r.judgeConvergence(finals, p)
	}
}

// judgePrefix holds the volumes against the logs: at rest each must be exactly what its own log
// leaves behind, at a crash what lies between the persisted position and the end of the log.
func (r *runner) judgePrefix(i int, finals []final, left map[cell]bool) {
	worst := check.Result{Check: checkPrefix, Verdict: check.OK}
	note := func(res check.Result, name, when string) {
		if check.Worst(res.Verdict, worst.Verdict) != worst.Verdict {
			res.Check = checkPrefix
			res.Note = strings.TrimSpace(name + " " + when + ". " + res.Note)
			worst = res
		}
	}
	for k := range finals {
		f := &finals[k]
		if f.branch.copying {
			continue // nothing is promised
		}
		n := len(f.branch.records)
		atLeast := n
		if f.known && (f.status.AppliedSeq < uint64(n)) {
			atLeast = int(f.status.AppliedSeq)
		}
		ids := asLogged(f.ids, f.branch.records, n, left)
		note(check.PrefixStrict(f.branch.records, ids, check.PrefixOptions{MinRecords: atLeast}),
			f.name, "at the end")
	}
	carry := r.resources[i].geo.Carry
	for k := range r.images {
		im := &r.images[k]
		if im.resource != i {
			continue
		}
		b, err := r.branchOf(i, im.dump)
		name := r.file.HostName(im.host)
		when := fmt.Sprintf("at its crash at %v", im.at)
		if err != nil {
			note(check.Result{Verdict: check.Unknown, Note: err.Error()}, name, when)
			continue
		}
		if b.copying {
			continue
		}
		if b.applied > len(b.records) {
			note(check.Result{Verdict: check.Violated, Violation: &check.Violation{Summary: fmt.Sprintf(
				"the volume is said to hold %d records, but the log has %d", b.applied,
				len(b.records))}}, name, when)
			continue
		}
		ids := asLogged(b.image(im.dump, carry), b.records, b.applied, left)
		note(check.PrefixWindow(b.records, ids, b.applied,
			len(b.records)), name, when)
	}
	r.add(worst)
}

// judgeLineage builds the tree of epochs from all branches. An epoch is known by its number, its
// origin and where it begins: in a split brain two hosts may open the same number.
func (r *runner) judgeLineage(finals []final, p *final, left map[cell]bool) {
	var tree []check.Epoch
	var replicas []check.Replica
	known := map[epoch]uint64{}
	for i := range finals {
		f := &finals[i]
		parent := uint64(0)
		for k, e := range f.branch.epochs {
			end := len(f.branch.records)
			if k+1 < len(f.branch.epochs) {
				end = f.branch.epochs[k+1].first
			}
			log := f.branch.records[min(e.first, end):end]
			id := known[e]
			if id == 0 {
				id = uint64(len(tree) + 1)
				known[e] = id
				tree = append(tree, check.Epoch{Number: id, Parent: parent, Fork: e.first,
					Origin: r.file.HostName(e.origin), Log: log})
			} else if t := &tree[id-1]; len(log) > len(t.Log) {
				t.Log = log // another replica has seen more of this epoch
			}
			parent = id
		}
		image := asLogged(f.ids, f.branch.records, len(f.branch.records), left)
		if !f.known || !f.status.UpToDate {
			image = nil // judged by prefix, against its own log
		}
		replicas = append(replicas, check.Replica{Name: f.name, Epoch: parent,
			InSync: f.known && f.status.UpToDate, Image: image})
	}
	r.add(check.Lineage(tree, replicas))
	for i := range finals {
		f := &finals[i]
		extra := len(f.branch.records) - sameUpTo(f.branch.records, p.branch.records)
		switch {
		case extra > 0 && !f.status.CutOff:
			r.violated(checkLineage, "%s holds %d records that the primary %s does not have, but "+
				"does not report a split brain", f.name, extra, p.name)
		case extra > 0 && !p.status.SplitBrain:
			r.violated(checkLineage, "%s has left the branch of the primary %s, which does not "+
				"report a split brain", f.name, p.name)
		case extra == 0 && f.status.CutOff && diverged(finals, p) == nil && !parted(finals, f, p):
			r.violated(checkLineage, "%s reports a split brain, but its log is a prefix of that of "+
				"the primary %s", f.name, p.name)
		}
	}
}

// parted says whether a replica's lineage has left the primary's; of the primary itself, whether
// any other one's has.
func parted(finals []final, f, p *final) bool {
	return slices.ContainsFunc(finals, func(o final) bool {
		return (f == p || o.id == f.id) && forkedEpochs(&o, p)
	})
}

// forkedEpochs says whether two lineages part though no record differs: an epoch was opened, or a segment
// was begun behind the end of its epoch in the other one, and nothing was written in it.
func forkedEpochs(a, b *final) bool {
	n := min(len(a.branch.epochs), len(b.branch.epochs))
	return !slices.Equal(a.branch.epochs[:n], b.branch.epochs[:n]) ||
		len(a.branch.epochs) > len(b.branch.epochs) ||
		slices.ContainsFunc(a.branch.rotations, func(e epoch) bool { return b.branch.ended(e) })
}

// ended says whether an epoch had ended in b where another lineage has begun one more segment of it.
func (b *branch) ended(e epoch) bool {
	return !slices.Contains(b.rotations, e) && slices.ContainsFunc(b.epochs, func(o epoch) bool {
		return o.number > e.number && o.first <= e.first
	})
}

func (r *runner) judgeConvergence(finals []final, p *final) {
	var others []check.Image
	for i := range finals {
		f := &finals[i]
		switch {
		case f == p || f.known && f.status.CutOff:
		case f.known && !f.status.FetchOn && f.status.DurableSeq < p.status.DurableSeq:
			continue // it cannot know, and says that it has all it knows of
		case !f.known || !f.status.UpToDate:
			if f.known && (!f.status.FetchOn || !f.status.ReplayOn ||
				f.status.Inconsistent && !f.status.SyncOn) {
				continue // it was switched off, and stays behind on purpose
			}
			r.violated(checkConverges, "%s has not come to rest within %v: %s", f.name, r.file.Quiet,
				r.roles(finals))
			return
		default:
			others = append(others, check.Image{Name: f.name, IDs: f.ids})
		}
	}
	r.add(check.Converges(check.Image{Name: p.name, IDs: p.ids}, others...))
}

// conclude turns checks and expectations into the outcome.
func (r *runner) conclude() {
	res := r.res
	res.Verdict = check.OK
	for i := range res.Checks {
		res.Verdict = check.Worst(res.Verdict, res.Checks[i].Verdict)
	}
	want := r.file.Expect.Verdict
	switch {
	case res.Verdict == check.Violated && want == "ok":
		res.Outcome = Violated
		for i := range res.Checks {
			if c := &res.Checks[i]; c.Verdict == check.Violated {
				res.Reason = c.Check + ": " + c.Violation.Summary
				break
			}
		}
	case res.Verdict == check.Unknown:
		res.Outcome = Unknown
		for i := range res.Checks {
			if c := &res.Checks[i]; c.Verdict == check.Unknown {
				res.Reason = c.Check + " could not decide: " + c.Note
				break
			}
		}
	case res.Verdict == check.OK && want == "violated":
		res.Outcome = Violated
		res.Reason = "a violation was expected, but every check holds"
	case res.Reason != "":
		res.Outcome = Unknown // the time limit
	default:
		if missing := r.missing(); missing != "" {
			res.Outcome, res.Reason = Vacuous, missing
		}
	}
}

// missing names what had to happen and did not.
func (r *runner) missing() string {
	if r.res.Counts.Acked == 0 && len(r.loads) > 0 {
		return "no operation was acknowledged"
	}
	for _, name := range r.file.Expect.MustFire {
		found := slices.ContainsFunc(r.res.Fired, func(f Fired) bool {
			return f.Verb == name || f.Name == name
		})
		if found {
			continue
		}
		for i := range r.steps {
			s := &r.steps[i]
			if (s.step.Name == name || s.step.Do == name) && s.answer != "" {
				return fmt.Sprintf("%s did not happen: %s", name, s.answer)
			}
		}
		return fmt.Sprintf("%s did not happen", name)
	}
	return ""
}
