package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
)

// stepState is a step in the course of a run. A verb of administration begins when its condition
// holds and has fired when the replica says that it is done; if it is refused it is tried again.
type stepState struct {
	step   *Step
	asks   bool // its condition is about the state of a replica
	begun  bool
	fired  bool
	tag    node.Tag // of the request under way; 0 none
	asked  node.ID  // who has it
	retry  node.Time
	answer string // why it was refused last
	lost   bool   // it was asked for, and may have been done, but the answer was lost
}

// retryVerb is how long to wait before a refused verb is tried again.
const retryVerb = 50 * node.Millisecond

var unsyncedModes = []struct {
	name string
	mode node.Unsynced
}{{"lose-some", node.LoseSome}, {"lose-all", node.LoseAll}, {"keep", node.Keep}}

// UnsyncedMode returns the mode with this name, lose-some if there is none.
func UnsyncedMode(name string) node.Unsynced {
	for _, m := range unsyncedModes {
		if m.name == name {
			return m.mode
		}
	}
	return node.LoseSome
}

func (r *runner) stepsDone() bool {
	return !slices.ContainsFunc(r.steps, func(s stepState) bool { return !s.fired }) ||
		r.loadsDone() && !r.stepsPossible()
}

// stepsPossible says whether a step may still fire: one that has begun, that waits for a time, or
// whose condition is about something that goes on after the last operation. Random faults do not
// count: they were drawn without knowing what else would happen, and the run need not wait.
func (r *runner) stepsPossible() bool {
	if len(r.timers) > 0 {
		return true
	}
	for i := range r.steps {
		s := &r.steps[i]
		if s.fired || IsRandom(s.step) {
			continue
		}
		if s.begun || s.step.When.IsZero() {
			return true
		}
		for _, t := range s.step.When.Terms {
			if t.Fn == FnAcked {
				if ok, _ := t.eval(env{r}); !ok {
					goto next // no more operations will come
				}
			}
		}
		return true
	next:
	}
	return false
}

func (r *runner) whyStuck() string {
	var what []string
	for _, w := range r.loads {
		if !w.done() {
			what = append(what, fmt.Sprintf("workload %s has %d of %d operations done", w.load.Name,
				w.finished, w.total))
		}
	}
	for i := range r.steps {
		if s := &r.steps[i]; !s.fired {
			text := fmt.Sprintf("step %d (%s) has not fired", i+1, s.step.Do)
			if s.answer != "" {
				text += ": " + s.answer
			}
			what = append(what, text)
		}
	}
	return fmt.Sprintf("the time limit of %v was reached: %s", node.Time(r.file.TimeLimit),
		strings.Join(what, "; "))
}

func (r *runner) fireSteps(now node.Time) error {
	for i := range r.steps {
		s := &r.steps[i]
		switch {
		case s.fired || s.begun && (s.tag != 0 || now < s.retry):
			continue
		case s.begun: // a refused verb, once more
		case s.step.When.IsZero():
			if now < node.Time(s.step.At) {
				continue
			}
		case !r.begun:
			continue // before the start every host is down
		default:
			if ok, err := s.step.When.Eval(env{r}); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		s.begun = true
		if err := r.fire(i); err != nil {
			return fmt.Errorf("step %d, line %d: %w", i+1, s.step.Line, err)
		}
	}
	return nil
}

func (r *runner) fire(i int) error {
	st := &r.steps[i]
	s := st.step
	if verb, ok := verbs[s.Do]; ok {
		return r.fireVerb(i, verb)
	}
	st.fired = true
	id := r.file.HostID(s.Host)
	switch s.Do {
	case DoPartition:
		r.fired(i, s.Do, s.Name, "partition %s%s", groups(s.Between, s.OneWay), lasting(s.For))
		r.undoAfter(s, func(h *hostState, to node.ID) { h.cut[to] = false })
		return r.between(s.Between, s.OneWay, func(h *hostState, to node.ID) { h.cut[to] = true })
	case DoLink:
		r.fired(i, s.Do, s.Name, "link %s: loss %g, delay %v, duplicate %g, reorder %g%s",
			groups(s.Between, false), s.Loss, node.Time(s.Delay), s.Duplicate, s.Reorder, lasting(s.For))
		r.undoAfter(s, func(h *hostState, to node.ID) { h.links[to] = faults.Link{} })
		l := faults.Link{Loss: s.Loss, Duplicate: s.Duplicate, Reorder: s.Reorder,
			Delay: node.Time(s.Delay)}
		return r.between(s.Between, false, func(h *hostState, to node.ID) { h.links[to] = l })
	case DoHeal:
		return r.heal(i, s)
	case DoCrash:
		return r.crash(i, s)
	case DoRestart:
		if h := r.host(id); h.phase == down {
			return r.restart(h, i, s.Name)
		}
		st.later(r.world.Now(), "the host is not down")
	case DoPause:
		return r.pause(i, s)
	case DoResume:
		return r.resume(r.host(id), i, s.Name)
	case DoDisk:
		h := r.host(id)
		h.disk = faults.Disk{Full: s.Full, Latent: s.Latent}
		if s.Slow > 1 {
			h.disk.Slow = s.Slow
		}
		r.fired(i, s.Do, s.Name, "disk of %s: slow %g, full %t, latent errors %g%s", s.Host,
			s.Slow, s.Full, s.Latent, lasting(s.For))
		if s.For > 0 {
			r.after(s.For, func() error { h.disk = faults.Disk{}; return r.control(h) })
		}
		return r.control(h)
	case DoStop:
		r.workload(s.Workload).stopped = true
		r.fired(i, s.Do, s.Name, "stop %s", s.Workload)
	case DoWait:
		r.fired(i, s.Do, s.Name, "mark %s", s.Name)
	default:
		return fmt.Errorf("the runner does not know the verb %q", s.Do)
	}
	return nil
}

// later leaves a step to be tried again: what it is about is not there now.
func (st *stepState) later(now node.Time, why string) {
	st.fired, st.retry, st.answer = false, now+retryVerb, why
}

// lasting is how a step with a limited time is told.
func lasting(d Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(" for %v", node.Time(d))
}

// undoAfter ends what a step has set between hosts when its time is over.
func (r *runner) undoAfter(s *Step, undo func(h *hostState, to node.ID)) {
	if s.For > 0 {
		r.after(s.For, func() error {
			return r.between(s.Between, s.Do == DoPartition && s.OneWay, undo)
		})
	}
}

func groups(between [][]string, oneWay bool) string {
	var parts []string
	for _, g := range between {
		parts = append(parts, strings.Join(g, ","))
	}
	if oneWay {
		return strings.Join(parts, " -> ")
	}
	return strings.Join(parts, " | ")
}

// between does set for every ordered pair of hosts in different groups; one way: only from the
// first group to the second.
func (r *runner) between(gs [][]string, oneWay bool, set func(h *hostState, to node.ID)) error {
	for a := range gs {
		for b := range gs {
			if a == b || oneWay && (a != 0 || b != 1) {
				continue
			}
			for _, from := range gs[a] {
				for _, to := range gs[b] {
					set(r.host(r.file.HostID(from)), r.file.HostID(to))
				}
			}
		}
	}
	return r.controlAll()
}

func (r *runner) controlAll() error {
	for i := range r.hosts {
		if err := r.control(&r.hosts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) heal(i int, s *Step) error {
	r.fired(i, s.Do, s.Name, "%s", strings.TrimSpace("heal "+groups(s.Between, false)))
	whole := func(h *hostState, to node.ID) { h.cut[to], h.links[to] = false, faults.Link{} }
	if len(s.Between) > 0 {
		return r.between(s.Between, false, whole)
	}
	for h := range r.hosts {
		for to := range r.hosts[h].cut {
			whole(&r.hosts[h], node.ID(to))
		}
	}
	return r.controlAll()
}

func (r *runner) crash(i int, s *Step) error {
	h := r.host(r.file.HostID(s.Host))
	if h.phase != up {
		r.steps[i].later(r.world.Now(), "the host is not up")
		return nil
	}
	r.fired(i, s.Do, s.Name, "crash %s, unsynced data: %s", s.Host, s.Unsynced)
	h.phase = dying
	if s.RestartAfter > 0 {
		r.after(s.RestartAfter, func() error { return r.restartLater(h) })
	}
	return r.world.Crash(h.id, UnsyncedMode(s.Unsynced))
}

// restartLater restarts a host that is down, or as soon as it is. One that somebody has started
// meanwhile is left alone.
func (r *runner) restartLater(h *hostState) error {
	switch h.phase {
	case down:
		return r.restart(h, -1, "")
	case dying:
		r.after(Duration(node.Millisecond), func() error { return r.restartLater(h) })
	}
	return nil
}

func (r *runner) restart(h *hostState, step int, name string) error {
	r.fired(step, DoRestart, name, "restart %s", r.file.HostName(h.id))
	h.phase = starting
	return r.world.Start(h.id)
}

func (r *runner) pause(i int, s *Step) error {
	h := r.host(r.file.HostID(s.Host))
	if h.phase != up || h.paused {
		r.steps[i].later(r.world.Now(), "the host is not running")
		return nil
	}
	r.fired(i, s.Do, s.Name, "pause %s%s", s.Host, lasting(s.For))
	h.paused = true
	h.pauses++
	if pause := h.pauses; s.For > 0 {
		r.after(s.For, func() error {
			if !h.paused || h.pauses != pause {
				return nil
			}
			return r.resume(h, -1, "")
		})
	}
	return r.world.Pause(h.id)
}

func (r *runner) resume(h *hostState, step int, name string) error {
	r.fired(step, DoResume, name, "resume %s", r.file.HostName(h.id))
	h.paused = false
	if h.phase != up {
		return nil
	}
	return r.world.Resume(h.id)
}

func (r *runner) resource(name string) (int, *resourceState) {
	for i := range r.resources {
		if r.resources[i].res.Name == name {
			return i, &r.resources[i]
		}
	}
	panic("scenario: no resource " + name) // names were checked when the file was read
}

func (r *runner) workload(name string) *workload {
	for _, w := range r.loads {
		if w.load.Name == name {
			return w
		}
	}
	panic("scenario: no workload " + name) // as above
}
