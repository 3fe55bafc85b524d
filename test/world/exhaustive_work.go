package world

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A reconcile is one move for each thing that can happen in its course. It is
// not resumed in its middle but told anew from its beginning with a script:
// what happens at which of its points. Points are its requests, and its reads
// of the cache.
//
// Two reductions. Somebody else's move before the first request is not tried:
// the process sees nothing of it before that request, so it could as well have
// come before the reconcile. And news come after reads of the cache only (what
// was read is then older than what the handlers have heard): requests neither
// touch a cache nor what handlers note, so news before or after one are the
// same, save before the first read, where they could have come earlier.

// script is what happens in one reconcile, point by point, and, once it has
// run, which points there were.
type script struct {
	calm
	branch *branch
	twists []twist
	points []point
	busy   bool
}

// twist is one thing that happens at one point.
type twist struct {
	at int
	// fault of that write, or the name of a move that comes before it.
	fault Fault
	race  string
}

// point is where something could have happened.
type point struct {
	request, write bool
	races          []string
}

var faultCodes = map[Fault]string{CrashBefore: "before", CrashAfter: "after", LostAnswer: "lost"}

// name is the move's name: work/2+pod1-fails/3-after is a reconcile at whose
// second point a pod fails and whose third is a write after which it crashes.
func (s *script) name() string {
	var out strings.Builder
	out.WriteString(workName)
	for _, t := range s.twists {
		if t.race != "" {
			fmt.Fprintf(&out, "/%d+%s", t.at, t.race)
			continue
		}
		fmt.Fprintf(&out, "/%d-%s", t.at, faultCodes[t.fault])
	}
	return out.String()
}

// parseScript reads a name.
func parseScript(name string) (*script, bool) {
	parts := strings.Split(name, "/")
	if parts[0] != workName {
		return nil, false
	}
	s := &script{}
	for _, part := range parts[1:] {
		i := strings.IndexAny(part, "+-")
		if i < 0 {
			return nil, false
		}
		at, err := strconv.Atoi(part[:i])
		if err != nil {
			return nil, false
		}
		t := twist{at: at}
		if part[i] == '+' {
			t.race = part[i+1:]
		}
		for f, code := range faultCodes {
			if part[i] == '-' && code == part[i+1:] {
				t.fault = f
			}
		}
		s.twists = append(s.twists, t)
	}
	return s, true
}

// Meanwhile is before each request.
func (s *script) Meanwhile() { s.point(true) }

// Read of the API server always gets its answer.
func (s *script) Read(Op) (Fault, int) { return Fine, 0 }

// Write is what becomes of a write.
func (s *script) Write(Op) (Fault, int) {
	at := len(s.points)
	s.points[at-1].write = true
	for _, t := range s.twists {
		if t.at == at && t.race == "" {
			return t.fault, 0
		}
	}
	return Fine, 0
}

// CacheRead is after each read of the cache.
func (s *script) CacheRead() { s.point(false) }

func (s *script) point(request bool) {
	if s.busy {
		return
	}
	s.busy = true
	defer func() { s.busy = false }()
	at := len(s.points) + 1
	for _, t := range s.twists {
		if t.at == at && t.race != "" {
			s.branch.left.races--
			s.branch.race(t.race)
		}
	}
	met := point{request: request}
	if s.branch.left.races > 0 {
		outside := request && slices.ContainsFunc(s.points, func(p point) bool { return p.request })
		for _, m := range s.branch.moves() {
			if m.outside && outside || m.news && !request {
				met.races = append(met.races, m.name)
			}
		}
	}
	s.points = append(s.points, met)
}

// race does one named move in the middle of a reconcile.
func (b *branch) race(name string) {
	for _, m := range b.moves() {
		if m.name == name {
			m.do(b)
			return
		}
	}
	panic("no move " + name + " here")
}

// work reconciles once, after a script.
func (b *branch) work(s *script) {
	w := b.world
	p := w.live()
	key := p.Queue.Take(0)
	s.branch = b
	w.Weather = s
	p.seen, p.shown, p.busy = map[types.UID]int64{}, map[types.UID]bool{}, true
	w.Reconciles++
	w.Story.Add("%s reconciles %s", p, key.Name)
	result, err, died := p.call(key)
	p.busy, p.seen, p.shown = false, nil, nil
	w.Weather = calm{}
	for _, t := range s.twists {
		switch t.fault {
		case CrashBefore, CrashAfter:
			b.left.crashes--
		case LostAnswer:
			b.left.lost--
		default:
		}
	}
	switch {
	case died:
		b.died()
	case err != nil:
		n := p.Queue.failures[key]
		p.Queue.failures[key] = n + 1
		w.Story.Add("%s: error: %v", p, err)
		b.wakeIn(min(5*time.Millisecond<<min(n, 20), time.Minute))
	case result.RequeueAfter > 0:
		w.Story.Add("%s: again in %v", p, result.RequeueAfter.Round(time.Millisecond))
		p.Queue.Forget(key)
		b.wakeIn(result.RequeueAfter)
	default:
		p.Queue.Forget(key)
	}
}

func (b *branch) wakeIn(d time.Duration) {
	if at := b.world.Clock.now.Add(d); b.wake.IsZero() || at.Before(b.wake) {
		b.wake = at
	}
}

// further are the scripts that differ from one that has run in one more thing,
// later than all that it had.
func (s *script) further(l left) [][]twist {
	var out [][]twist
	last := twist{}
	if n := len(s.twists); n > 0 {
		last = s.twists[n-1]
	}
	if last.fault == CrashBefore || last.fault == CrashAfter {
		return nil
	}
	add := func(t twist) { out = append(out, append(slices.Clip(s.twists), t)) }
	for i, p := range s.points {
		at := i + 1
		if at < last.at || at == last.at && last.race == "" {
			continue
		}
		if p.write && l.crashes > 0 {
			add(twist{at: at, fault: CrashBefore})
			add(twist{at: at, fault: CrashAfter})
		}
		if p.write && l.lost > 0 {
			add(twist{at: at, fault: LostAnswer})
		}
		if at == last.at {
			continue
		}
		for _, race := range p.races {
			add(twist{at: at, race: race})
		}
	}
	return out
}
