package world

import (
	"math/rand/v2"
	"time"
)

// cronAct is one kind of thing that can happen in the history of a schedule.
type cronAct int

const (
	cronWork cronAct = iota
	cronDeliver
	cronTell
	cronRuns    // BatchJobs and their pods move
	cronAuthors // somebody edits, deletes, creates
	cronGarbage
	cronTime
	cronLand
	cronStart
	cronKill
	cronRelist
	cronClock // somebody sets the clock
	lastCronAct
)

// cronClimate is how rough the history of a schedule is.
type cronClimate struct {
	Climate
	// Shares are how often each thing happens.
	Shares [lastCronAct]int
	// Downtime is how long nobody leads when an operator has died, at most.
	Downtime time.Duration
	// Stride is how far time goes at once, at most, when it does not stop at
	// the next timer.
	Stride time.Duration
}

func drawCronClimate(rng *rand.Rand) cronClimate {
	some := func(choices ...int) int { return choices[rng.IntN(len(choices))] }
	c := cronClimate{Climate: drawClimate(rng)}
	c.Disorder = some(0, 20, 60)
	c.Steps = some(40, 80, 150, 300)
	c.Downtime = []time.Duration{0, time.Minute, 3 * time.Hour, 50 * time.Hour}[rng.IntN(4)]
	c.Stride = []time.Duration{5 * time.Second, time.Minute, time.Minute, time.Hour, time.Hour, 20 * time.Hour, 20 * time.Hour, 3000 * time.Hour}[rng.IntN(8)]
	c.Shares = [lastCronAct]int{
		cronWork: some(10, 30), cronDeliver: some(6, 20), cronTell: some(10, 30), cronRuns: some(4, 10, 20), cronAuthors: some(0, 1, 3),
		cronGarbage: 4, cronTime: some(4, 8, 16), cronLand: 2, cronStart: 5, cronKill: some(0, 0, 1, 2), cronRelist: some(0, 0, 2), cronClock: some(0, 0, 0, 1),
	}
	return c
}

// cronStorm is the weather of such a climate.
type cronStorm struct {
	faults  storm
	history *cronHistory
	climate cronClimate
	// idleUntil is when an operator is started again.
	idleUntil time.Time
}

// Write leaves whoever runs the BatchJobs in peace.
func (s *cronStorm) Write(op Op) (Fault, int) {
	if !op.Proc.program.OfCrons {
		return Fine, 0
	}
	return s.faults.Write(op)
}

// Read likewise.
func (s *cronStorm) Read(op Op) (Fault, int) {
	if !op.Proc.program.OfCrons {
		return Fine, 0
	}
	return s.faults.Read(op)
}

// Meanwhile lets anything happen but the work of operators and jumps of clocks.
func (s *cronStorm) Meanwhile() {
	if s.faults.depth > 1 || s.faults.rng.IntN(100) >= s.climate.Meanwhile {
		return
	}
	for range 1 + s.faults.rng.IntN(3) {
		s.step(func(a cronAct) bool {
			return a == cronWork || a == cronStart || a == cronKill || a == cronClock || a == cronTime && s.faults.rng.IntN(4) > 0
		})
	}
}

// CacheRead lets caches and handlers learn of things.
func (s *cronStorm) CacheRead() {
	if s.climate.Disorder == 0 || s.faults.rng.IntN(100) >= s.climate.Disorder {
		return
	}
	for range 1 + s.faults.rng.IntN(3) {
		s.step(func(a cronAct) bool { return a != cronDeliver && a != cronTell })
	}
}

// Reign starts a successor and lets it work for a while.
func (s *cronStorm) Reign() {
	s.faults.depth++
	defer func() { s.faults.depth-- }()
	s.begin()
	for range 5 + s.faults.rng.IntN(30) {
		s.step(func(a cronAct) bool { return a == cronKill || a == cronClock })
	}
}

func (s *cronStorm) begin() {
	store := s.history.Store
	crons, jobs := len(store.logs[cronKind]), len(store.logs[jobKind])
	if s.climate.OldLists && s.faults.rng.IntN(2) == 0 {
		crons, jobs = s.faults.rng.IntN(crons+1), s.faults.rng.IntN(jobs+1)
	}
	s.history.start(crons, jobs)
}

func (s *cronStorm) rage() {
	for step, idle := 0, 0; step < s.climate.Steps && idle < 12; step++ {
		idle++
		if s.step(func(cronAct) bool { return false }) {
			idle = 0
		}
	}
}

// step does one thing that is possible and not excluded; false if nothing came
// of it.
func (s *cronStorm) step(excluded func(cronAct) bool) bool {
	total := 0
	var weights [lastCronAct]int
	for a := range lastCronAct {
		if s.possible(a) && !excluded(a) {
			weights[a] = s.climate.Shares[a]
			total += weights[a]
		}
	}
	if total == 0 {
		return false
	}
	n := s.faults.rng.IntN(total)
	for a := range lastCronAct {
		if n -= weights[a]; n < 0 {
			return s.do(a)
		}
	}
	return false
}

func (s *cronStorm) possible(a cronAct) bool {
	p := s.history.live()
	switch a {
	case cronStart:
		return p == nil && !s.history.Clock.now.Before(s.idleUntil)
	case cronRuns, cronAuthors, cronGarbage, cronTime, cronClock:
		return true
	case cronLand:
		return len(s.history.late) > 0
	case cronWork, cronDeliver, cronTell, cronKill, cronRelist, lastCronAct:
	}
	if p == nil {
		return false
	}
	crons, jobs := p.caches[cronKind], p.caches[jobKind]
	switch a {
	case cronWork:
		return p.Queue.Len() > 0 && !p.busy
	case cronDeliver, cronRelist:
		return crons.Lag()+jobs.Lag() > 0
	case cronTell:
		return len(crons.untold)+len(jobs.untold) > 0
	default:
		return !p.busy
	}
}

func (s *cronStorm) do(a cronAct) bool {
	h, rng := s.history, s.faults.rng
	p := h.live()
	switch a {
	case cronWork:
		p.work(rng.IntN(p.Queue.Len()))
	case cronDeliver, cronTell, cronRelist:
		s.news(a, p)
	case cronRuns:
		return h.runner.work() || h.runner.Step()
	case cronAuthors:
		if !h.author.Step() {
			return false
		}
		h.Troubles++
	case cronGarbage:
		return h.Garbage.Step()
	case cronTime:
		s.pass()
	case cronLand:
		h.land()
	case cronStart:
		s.begin()
	case cronKill:
		s.kill(p)
	case cronClock, lastCronAct:
		s.setClock()
	}
	return true
}

// news brings one of the caches, or its handlers, further.
func (s *cronStorm) news(a cronAct, p *Process) {
	rng := s.faults.rng
	k := []*kind{cronKind, jobKind}[rng.IntN(2)]
	c := p.caches[k]
	pending := c.Lag()
	if a == cronTell {
		pending = len(c.untold)
	}
	if pending == 0 {
		k = map[*kind]*kind{cronKind: jobKind, jobKind: cronKind}[k]
		c = p.caches[k]
		pending = c.Lag()
		if a == cronTell {
			pending = len(c.untold)
		}
	}
	switch a {
	case cronDeliver:
		n := 1 + rng.IntN(pending)
		s.history.Story.Add("%s learns of %d events of %s", p, n, k.resource.Resource)
		c.Deliver(n)
	case cronTell:
		p.tell(k, 1+rng.IntN(pending))
	default:
		s.history.Story.Add("%s lists %s anew", p, k.resource.Resource)
		var shuffle func([]note)
		if s.climate.Disorder > 0 {
			shuffle = func(n []note) { rng.Shuffle(len(n), func(i, j int) { n[i], n[j] = n[j], n[i] }) }
		}
		c.Relist(shuffle)
	}
}

func (s *cronStorm) kill(p *Process) {
	p.die()
	if s.climate.Downtime > 0 {
		s.idleUntil = s.history.Clock.now.Add(time.Duration(s.faults.rng.Int64N(int64(s.climate.Downtime))))
	}
}

// pass lets time pass: to the next timer, a moment, or a stride.
func (s *cronStorm) pass() {
	h, rng := s.history, s.faults.rng
	d := time.Duration(rng.IntN(3000)) * time.Millisecond
	switch rng.IntN(8) {
	case 0, 1, 2, 3:
		if next, ok := h.Clock.Next(); ok && next < 20*365*24*time.Hour {
			d = next
		}
	case 4, 5:
		d = time.Duration(rng.Int64N(int64(s.climate.Stride)))
	}
	h.Clock.Advance(d)
}

// setClock moves the time of day by some minutes or hours.
func (s *cronStorm) setClock() {
	d := time.Duration(s.faults.rng.IntN(2*7200)-7200) * time.Second
	s.history.Clock.Jump(d)
	s.history.Story.Add("somebody sets the clock by %v", d)
	s.history.truth.jumped(d)
	s.history.Troubles++
}
