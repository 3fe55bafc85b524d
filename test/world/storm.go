package world

import (
	"slices"
	"time"
)

// step does one thing that is possible and not excluded; false if nothing came
// of it.
func (s *storm) step(excluded func(act) bool) bool {
	total := 0
	var weights [lastAct]int
	for a := range lastAct {
		if !excluded(a) && s.possible(a) {
			weights[a] = s.climate.Weights[a]
			total += weights[a]
		}
	}
	if total == 0 {
		return false
	}
	n := s.rng.IntN(total)
	for a := range lastAct {
		if n -= weights[a]; n < 0 {
			return s.do(a)
		}
	}
	return false
}

// possible: there is something of that kind to do.
func (s *storm) possible(a act) bool {
	p := s.world.live()
	switch a {
	case actStart:
		return p == nil
	case actTime, actNodes, actUser, actGarbage:
		return true
	case actLand:
		return len(s.world.late) > 0
	default:
		return p != nil && p.can(a)
	}
}

// can: the process has something of that kind to do.
func (p *Process) can(a act) bool {
	jobs, pods := p.caches[jobKind], p.caches[podKind]
	switch a {
	case actWork:
		return p.Queue.Len() > 0 && !p.busy
	case actDeliverJobs:
		return jobs.Lag() > 0
	case actDeliverPods:
		return pods.Lag() > 0
	case actTellJobs:
		return len(jobs.untold) > 0
	case actTellPods:
		return len(pods.untold) > 0
	case actRelist:
		return jobs.Lag() > 0 || pods.Lag() > 0
	default:
		return !p.busy
	}
}

func (s *storm) do(a act) bool {
	w := s.world
	p := w.live()
	switch a {
	case actWork:
		p.work(s.rng.IntN(p.Queue.Len()))
	case actDeliverJobs:
		s.deliver(p, jobKind)
	case actDeliverPods:
		s.deliver(p, podKind)
	case actTellJobs:
		p.tell(jobKind, 1+s.rng.IntN(len(p.caches[jobKind].untold)))
	case actTellPods:
		p.tell(podKind, 1+s.rng.IntN(len(p.caches[podKind].untold)))
	case actNodes:
		return w.Nodes.Step()
	case actUser:
		acted := w.User.Step()
		if acted {
			w.Troubles++
		}
		return acted
	case actGarbage:
		return w.Garbage.Step()
	case actTime:
		_, waiting := w.Clock.Next()
		s.pass()
		return waiting
	case actLand:
		w.land()
	case actStart:
		s.begin()
	case actKill:
		p.die()
	case actRelist, lastAct:
		k := []*kind{jobKind, podKind}[s.rng.IntN(2)]
		w.Story.Add("%s lists %s anew", p, k.resource.Resource)
		s.relist(p.caches[k])
	}
	return true
}

func (s *storm) relist(c *Cache) {
	if s.climate.Disorder == 0 {
		c.Relist(nil)
		return
	}
	c.Relist(func(notes []note) {
		s.rng.Shuffle(len(notes), func(i, j int) { notes[i], notes[j] = notes[j], notes[i] })
	})
}

func (s *storm) deliver(p *Process, k *kind) {
	n := 1 + s.rng.IntN(p.caches[k].Lag())
	s.world.Story.Add("%s learns of %d events of %s", p, n, k.resource.Resource)
	p.caches[k].Deliver(n)
}

// pass lets time pass: a moment, to the next timer, or longer.
func (s *storm) pass() {
	d := time.Duration(s.rng.IntN(1000)) * time.Millisecond
	switch s.rng.IntN(8) {
	case 0, 1, 2:
		if next, ok := s.world.Clock.Next(); ok {
			d = next
		}
	case 3:
		d = time.Duration(s.rng.IntN(30000)) * time.Millisecond
	}
	s.world.Clock.Advance(d)
}

// maxSettling bounds how many things may have to happen after a storm.
const maxSettling = 4000

// lastRetry is after how much time everything that failed in the storm has been
// tried again.
const lastRetry = 65 * time.Second

// settle ends the storm: no faults any more, every event is delivered, what
// failed is tried again; then the pods end, and time passes, until nothing is
// left to happen. It fails if that does not come.
func (w *World) settle() {
	w.Weather = calm{}
	w.Story.Add("the storm ends")
	for len(w.late) > 0 {
		w.land()
	}
	w.User.relent()
	w.until(func() bool { return w.quietStep() || w.passTime(lastRetry) })
	for uid, j := range w.Truth.jobs {
		w.Truth.obeyed(j, w.Truth.of(uid))
	}
	if !w.until(w.calmStep) {
		w.fail("the world does not settle: something goes on for ever")
	}
}

// until goes on until nothing is left to happen; false if that does not come.
func (w *World) until(step func() bool) bool {
	version, since := w.Store.rv, w.Clock.now
	for range maxSettling {
		if w.Store.rv != version {
			version, since = w.Store.rv, w.Clock.now
		}
		if !step() || w.Clock.Since(since) > onlyLooking && w.Truth.watched() {
			return true
		}
	}
	return false
}

// onlyLooking is after how much time without a change an operator that has cause
// to look again and again does nothing else.
const onlyLooking = 10 * time.Minute

// watched: there is such a cause. A pod that is held and being deleted already
// does not change when its namespace goes, so that no event tells of that.
func (t *Truth) watched() bool {
	return slices.ContainsFunc(t.order, func(p *podTruth) bool {
		j := t.jobs[p.job]
		return !p.gone && held(p.now) && p.now.DeletionTimestamp != nil && j != nil && j.now != nil && perIndex(j.now)
	})
}

// calmStep does the next thing in the order of a quiet cluster: what is known
// is worked on first, pods move next, then time passes.
func (w *World) calmStep() bool {
	return w.quietStep() || w.Nodes.Step() || w.passTime(forever)
}

// quietStep is a calmStep in which pods and the clock stand still.
func (w *World) quietStep() bool {
	p := w.live()
	of, made := w.program.kinds()
	if p == nil {
		w.start(len(w.Store.logs[of]), len(w.Store.logs[made]))
		return true
	}
	for _, k := range []*kind{of, made} {
		if c := p.caches[k]; c.Lag() > 0 || len(c.untold) > 0 {
			c.Deliver(c.Lag())
			p.tell(k, len(c.untold))
			return true
		}
	}
	if p.Queue.Len() > 0 {
		p.work(0)
		return true
	}
	return w.Garbage.Step()
}

const forever = time.Duration(1 << 62)

// passTime goes on to the next timer, if it goes off within d.
func (w *World) passTime(d time.Duration) bool {
	next, ok := w.Clock.Next()
	if !ok || next > d {
		return false
	}
	w.Clock.Advance(next)
	return true
}
