package daemon

import (
	"fmt"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/replica"
)

// view puts a status into the words of marsadm, as far as they fit.
func (d *Daemon) view(r *resource, st replica.Status) View {
	cfg := d.config()
	v := View{Name: r.def.Name, UUID: r.def.UUID, Strategy: r.def.Strategy, Host: cfg.Host.Name,
		Size: st.Sectors * int64(r.def.Sector), Sector: int64(r.def.Sector), Role: st.Role.String(),
		Primary: hostText(cfg, st.Primary), Epoch: st.Epoch, Open: st.Open, End: st.End,
		Durable: st.Durable, Applied: st.Applied, Committed: st.Committed,
		Behind: max(0, st.Committed-st.End), Unapplied: max(0, st.End-st.Applied),
		Inconsistent: st.Inconsistent, ToCopy: st.ToCopy * int64(r.def.Sector), LogFrom: st.LogFrom,
		FetchOn: st.FetchOn, ReplayOn: st.ReplayOn, SyncOn: st.SyncOn, Orphan: st.Orphan,
		CatchesUp: st.CatchesUp,
		Ack:       st.Ack, LogLimit: st.LogLimit, SyncWaits: st.SyncWaits,
		PrimaryUnreachable: st.Primary != 0 && !d.reaches(st.Primary), Attached: d.deviceOf(r.def.Name),
		ReadOnly: r.def.ReadOnly,
		UpToDate: st.UpToDate, SplitBrain: st.SplitBrain, CutOff: st.CutOff, Defect: st.Defect,
		Lease: time.Duration(r.def.Lease).Seconds(), Leased: st.Leased, Witness: r.def.Witness}
	if w := r.def.witness(cfg); w.Host != 0 {
		v.WitnessConnected = d.reaches(w.Host)
	}
	v.SyncPercent = syncPercent(&v)
	for i, m := range r.metrics {
		v.Devices = append(v.Devices, DeviceView{r.parts[i], meterView(&m.Reads),
			meterView(&m.Writes), meterView(&m.Syncs)})
	}
	v.Members = memberNames(cfg, st)
	if st.Lost != (replica.Loss{}) {
		v.Lost = &LossView{st.Lost.Ops, st.Lost.Bytes, float64(st.Lost.Age) / 1e9}
	}
	for _, t := range r.unit.Troubles() {
		v.Troubles = append(v.Troubles, TroubleView{t.Text, t.Times, t.Last})
	}
	v.Disk, v.Repl, v.Flags = diskState(&v, st), replState(&v, st), flags(&v, st)
	return v
}

// reaches says whether a host is this one, or connected.
func (d *Daemon) reaches(host node.ID) bool {
	if host == node.ID(d.config().Host.ID) {
		return true
	}
	for _, p := range d.mesh.Stats() {
		if p.ID == host {
			return p.Connected
		}
	}
	return false
}

// syncPercent is how much of a volume is not left to be copied. What is left never counts as nothing.
func syncPercent(v *View) float64 {
	if v.ToCopy <= 0 || v.Size <= 0 {
		return 100
	}
	return min(99.9, 100*float64(v.Size-min(v.ToCopy, v.Size))/float64(v.Size))
}

// memberNames are the hosts with a replica, for people.
func memberNames(cfg *Config, st replica.Status) (names []string) {
	for _, m := range st.Members {
		names = append(names, hostText(cfg, m.Host))
	}
	return names
}

func meterView(m *disk.Meter) MeterView {
	return MeterView{m.Count(), m.Bytes(), m.Errors(), m.Quantile(0.5).Seconds(),
		m.Quantile(0.99).Seconds()}
}

// diskState is the word for what the disk holds.
func diskState(v *View, st replica.Status) string {
	switch st.Role {
	case replica.RoleBooting:
		return "Detached"
	case replica.RoleDefective:
		return "DefectiveLog"
	case replica.RoleLeft:
		return "NotJoined"
	case replica.RoleRemote, replica.RoleWitness:
		return "NoReplica"
	case replica.RoleClosed:
		return "UpToDate"
	case replica.RoleRecovering:
		return fmt.Sprintf("Recovery[%d]", v.Unapplied)
	case replica.RolePrimary:
		if st.Emergency {
			return "EmergencyMode"
		}
		if v.Unapplied > 0 {
			return fmt.Sprintf("WriteBack[%d]", v.Unapplied)
		}
		return "UpToDate"
	}
	switch {
	case st.Inconsistent:
		return "InConsistent"
	case st.UpToDate:
		return "UpToDate"
	case st.Orphan:
		return "Orphan"
	case st.CutOff:
		return "OutDated[S]" // the history has split: it is not what the primary has
	case v.Behind > 0 && v.Unapplied > 0:
		return "OutDated[FR]"
	case v.Unapplied > 0:
		return "OutDated[R]"
	}
	return "OutDated[F]"
}

// replState is the word for what replication does.
func replState(v *View, st replica.Status) string {
	switch {
	case st.Role == replica.RoleBooting:
		return "NotStarted"
	case st.Role == replica.RoleDefective:
		return "UnResponsive"
	case st.Role == replica.RoleLeft:
		return "NotJoined"
	case st.Role == replica.RoleRemote:
		return remoteState(v, st)
	case st.Role == replica.RoleWitness:
		return "Voting"
	case st.Role == replica.RoleRecovering:
		return "NotYetPrimary"
	case st.Emergency:
		return "EmergencyMode"
	case st.Fenced:
		return "Fenced"
	case st.Role == replica.RolePrimary:
		return "Replicating"
	case st.CutOff:
		return "SplitBrain"
	case v.Primary == "":
		return "NoPrimaryDesignated"
	case st.Inconsistent && !st.SyncOn:
		return "PausedSync"
	case !st.FetchOn:
		return "PausedFetch"
	case st.SyncWaits:
		return "WaitingSync"
	case st.Inconsistent && st.ToCopy > 0:
		return "Syncing"
	case !st.ReplayOn:
		return "PausedReplay"
	case v.PrimaryUnreachable:
		return "PrimaryUnreachable"
	case st.CatchesUp:
		return "CatchingUp"
	case st.Orphan:
		return "Orphan"
	}
	return "Replaying"
}

// remoteState is the word for the use of a volume without a replica.
func remoteState(v *View, st replica.Status) string {
	switch {
	case st.Defect != "":
		return "TakenAway"
	case v.Primary != "":
		return "Remote"
	case v.Open > 0:
		return "SeekingPrimary"
	}
	return "NotInUse"
}

// flags are six letters: device, consistent, attached, sync, fetch, replay.
func flags(v *View, st replica.Status) string {
	b := []byte("-CA-FR")
	if st.Role == replica.RolePrimary {
		b[0] = 'D'
		if v.Open == 0 {
			b[0] = 'd'
		}
		return string(b[:3]) + "---"
	}
	if st.Role == replica.RoleRemote {
		if v.Open > 0 {
			return "D-----"
		}
		return "d-----"
	}
	if st.Role == replica.RoleDefective || st.Role == replica.RoleBooting ||
		st.Role == replica.RoleLeft || st.Role == replica.RoleWitness {
		return "------"
	}
	b[3] = 'S'
	if st.Inconsistent {
		b[1], b[3] = 'c', 's'
		if !st.SyncOn {
			b[3] = '-'
		}
	}
	b[4] = letter('F', v.Behind > 0 || !st.UpToDate && (v.Unapplied == 0 || !st.FetchOn), st.FetchOn)
	b[5] = letter('R', v.Unapplied > 0, st.ReplayOn)
	return string(b)
}

// letter is the letter of something that is done, the small one if it is still to be done, and none if that is
// switched off.
func letter(done byte, left, on bool) byte {
	switch {
	case !left:
		return done
	case on:
		return done + 'a' - 'A'
	}
	return '-'
}
