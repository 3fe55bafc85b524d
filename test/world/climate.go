package world

import (
	"math/rand/v2"
)

// Climate is how rough one history is. Each history draws its own, so that
// some are all crashes and some have a single one in the worst place.
type Climate struct {
	// Per thousand requests.
	Refusals, Timeouts, Late, Crashes, Depositions, ReadFaults int
	// Meanwhile is how many percent of the requests give others time to act.
	Meanwhile int
	// Disorder is after how many percent of the reads of a cache news come, and
	// lets a list be taken over bit by bit, in any order.
	Disorder int
	// OldLists lets a new process begin with lists from the past.
	OldLists bool
	// Weights are how often each thing happens.
	Weights [lastAct]int
	// Steps is how long the storm lasts.
	Steps int
}

// act is one kind of thing that can happen.
type act int

const (
	actWork act = iota
	actDeliverJobs
	actDeliverPods
	actTellJobs
	actTellPods
	actNodes
	actUser
	actGarbage
	actTime
	actLand
	actStart
	actKill
	actRelist
	lastAct
)

// drawClimate draws one. Rare events are absent from most histories and
// frequent in some.
func drawClimate(rng *rand.Rand) Climate {
	some := func(choices ...int) int { return choices[rng.IntN(len(choices))] }
	c := Climate{
		Refusals: some(0, 0, 30, 150), Timeouts: some(0, 0, 30, 150), Late: some(0, 0, 0, 10, 60),
		Crashes: some(0, 0, 30, 150), Depositions: some(0, 0, 0, 10, 60), ReadFaults: some(0, 0, 50, 200),
		Meanwhile: some(0, 10, 50, 100), OldLists: rng.IntN(3) == 0,
		Steps: some(60, 150, 300, 500),
	}
	c.Weights = [lastAct]int{
		actWork: some(5, 20), actDeliverJobs: some(2, 8, 20), actDeliverPods: some(2, 8, 20), actTellJobs: some(5, 20), actTellPods: some(5, 20),
		actNodes: some(2, 6, 15), actUser: some(1, 2, 4), actGarbage: 3, actTime: some(1, 3), actLand: 2, actStart: 5,
		actKill: some(0, 0, 1), actRelist: some(0, 0, 2),
	}
	return c
}

// storm is the weather of a climate.
type storm struct {
	world   *World
	rng     *rand.Rand
	climate Climate
	depth   int
}

func (s *storm) Write(op Op) (Fault, int) {
	n := s.rng.IntN(1000)
	c := &s.climate
	for _, f := range []struct {
		share int
		fault Fault
		other Fault
	}{
		{c.Refusals, Refused, Refused},
		{c.Timeouts, LostRequest, LostAnswer},
		{c.Late, LandsLater, LandsLater},
		{c.Crashes, CrashBefore, CrashAfter},
		{c.Depositions, Deposed, Deposed},
	} {
		if n -= f.share; n >= 0 {
			continue
		}
		if f.fault == Deposed && (s.depth > 0 || op.Proc.deposed) {
			return Fine, 0
		}
		if s.rng.IntN(2) == 0 {
			return f.other, s.rng.IntN(len(refusals))
		}
		return f.fault, s.rng.IntN(len(refusals))
	}
	return Fine, 0
}

func (s *storm) Read(Op) (Fault, int) {
	if s.rng.IntN(1000) >= s.climate.ReadFaults {
		return Fine, 0
	}
	if s.rng.IntN(2) == 0 {
		return LostAnswer, 0
	}
	return Refused, 2 + s.rng.IntN(len(refusals)-2)
}

// Meanwhile lets anything happen but the work of operators.
func (s *storm) Meanwhile() {
	if s.depth > 1 || s.rng.IntN(100) >= s.climate.Meanwhile {
		return
	}
	for range 1 + s.rng.IntN(3) {
		s.step(func(a act) bool { return a == actWork || a == actStart || a == actKill })
	}
}

// CacheRead lets caches and handlers learn of things.
func (s *storm) CacheRead() {
	if s.climate.Disorder == 0 || s.rng.IntN(100) >= s.climate.Disorder {
		return
	}
	for range 1 + s.rng.IntN(3) {
		s.step(func(a act) bool { return a < actDeliverJobs || a > actTellPods })
	}
}

// Reign starts a successor and lets it work for a while.
func (s *storm) Reign() {
	s.depth++
	defer func() { s.depth-- }()
	s.begin()
	for range 5 + s.rng.IntN(40) {
		s.step(func(a act) bool { return a == actKill })
	}
}

// begin starts a process.
func (s *storm) begin() {
	store := s.world.Store
	jobs, pods := len(store.logs[jobKind]), len(store.logs[podKind])
	if s.climate.OldLists && s.rng.IntN(2) == 0 {
		jobs, pods = s.rng.IntN(jobs+1), s.rng.IntN(pods+1)
	}
	s.world.start(jobs, pods)
}
