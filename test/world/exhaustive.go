package world

import (
	"fmt"
	"slices"
	"strings"
)

// Exhaustive is the search of everything that can happen in a small world:
// depth first, each state once. Where the random histories try large worlds
// here and there, this one leaves no way untried in small ones.
type Exhaustive struct {
	small   *Small
	program Program
	keyer   *keyer
	states  map[key]int32
	// calm is where each state goes in calm weather; itself if it has settled.
	calm  []int32
	edges []edge
	names map[string]int32
	moves []string
	// broken are the moves that broke an invariant, and how.
	broken  []flaw
	settled int
}

// edge is a transition.
type edge struct{ from, to, move int32 }

// flaw is a state, or a move from it, that breaks an invariant.
type flaw struct {
	state int32
	move  string
	text  string
}

// enoughFlaws ends a search: the shortest story among them is told.
const enoughFlaws = 200

// Search tries everything.
func (s *Small) Search(p Program) *Exhaustive {
	x := &Exhaustive{small: s, program: p, keyer: newKeyer(), states: map[key]int32{}, names: map[string]int32{}}
	x.visit(s.begin(p))
	x.livelocks()
	return x
}

// visit goes on from a state that it has not seen before; it returns its number.
func (x *Exhaustive) visit(b *branch) int32 {
	k := x.keyer.of(b)
	if n, ok := x.states[k]; ok {
		return n
	}
	n := int32(len(x.states))
	x.states[k] = n
	x.calm = append(x.calm, n)
	moves := b.moves()
	if text := b.standing(moves); text != "" {
		x.broken = append(x.broken, flaw{state: n, text: text})
		return n
	}
	if len(moves) == 0 || !moves[0].calm {
		x.settled++
	}
	for i, m := range moves {
		if m.name == workName {
			x.work(n, b, &script{}, i == 0)
			continue
		}
		next := b.fork()
		x.step(n, m.name, next, func() { m.do(next) }, i == 0 && m.calm)
	}
	return n
}

// work tries a reconcile with a script, then each that adds a thing to it.
func (x *Exhaustive) work(from int32, b *branch, s *script, calm bool) {
	next := b.fork()
	x.step(from, s.name(), next, func() { next.work(s) }, calm)
	for _, twists := range s.further(next.left) {
		x.work(from, b, &script{twists: twists}, false)
	}
}

// step makes one move and goes on from where it leads.
func (x *Exhaustive) step(from int32, name string, next *branch, do func(), calm bool) {
	if len(x.broken) >= enoughFlaws {
		return
	}
	if text := violated(do); text != "" {
		x.broken = append(x.broken, flaw{state: from, move: name, text: text})
		return
	}
	to := x.visit(next)
	if calm {
		x.calm[from] = to
	}
	x.edges = append(x.edges, edge{from, to, x.number(name)})
}

func (x *Exhaustive) number(move string) int32 {
	n, ok := x.names[move]
	if !ok {
		n = int32(len(x.moves))
		x.names[move] = n
		x.moves = append(x.moves, move)
	}
	return n
}

// violated is which invariant it breaks; empty if none.
func violated(do func()) (text string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			text = v.text
		default:
			panic(v)
		}
	}()
	do()
	return ""
}

// standing judges a state as it is. Where operators have nothing left to do,
// what runs is what the job asks for; where nobody has, the job has ended or
// waits as it was told to, nothing is left behind, and neither another look nor
// a new process makes any write.
func (b *branch) standing(moves []move) string {
	var calm []move
	for _, m := range moves {
		if m.calm {
			calm = append(calm, m)
		}
	}
	w := b.world
	if slices.ContainsFunc(calm, func(m move) bool { return !strings.HasPrefix(m.name, "pod") }) {
		return ""
	}
	return violated(func() {
		for uid, j := range w.Truth.jobs {
			w.Truth.obeyed(j, w.Truth.of(uid))
			if len(calm) == 0 {
				w.judgeJob(j, w.Truth.of(uid))
			}
		}
		if len(calm) > 0 {
			return
		}
		for _, again := range []func(*branch){
			func(b *branch) { b.world.live().Queue.Add(b.key()) },
			func(b *branch) { b.died(); b.start(0) },
			func(b *branch) { b.died(); b.start(-1) },
		} {
			b.idle(again)
		}
	})
}

// idle: after what has happened, nobody writes.
func (b *branch) idle(again func(*branch)) {
	next := b.fork()
	before := next.world.Writes
	again(next)
	for range maxSettling {
		moves := next.moves()
		if len(moves) == 0 || !moves[0].calm {
			break
		}
		moves[0].do(next)
	}
	if next.world.Writes != before {
		b.world.fail("everything has settled, and the operator still makes %d writes\n%s", next.world.Writes-before, next.world.Story)
	}
}

// livelocks looks for states from which, in calm weather, the world goes round
// for ever.
func (x *Exhaustive) livelocks() {
	if len(x.broken) > 0 {
		return
	}
	const unknown, here, fine = 0, 1, 2
	marks := make([]int8, len(x.calm))
	for i := range x.calm {
		var way []int32
		n := int32(i)
		for marks[n] == unknown {
			marks[n] = here
			way = append(way, n)
			n = x.calm[n]
		}
		if marks[n] == here && x.calm[n] != n {
			x.broken = append(x.broken, flaw{state: n, text: "in calm weather this state comes again and again"})
		}
		for _, m := range way {
			marks[m] = fine
		}
	}
}

// Tell plays a story from its beginning: the moves by their names. It tells how
// it broke an invariant.
func (s *Small) Tell(p Program, moves []string) (w *World, broken string) {
	b := s.begin(p)
	for _, name := range moves {
		m := b.named(name)
		if m.do == nil {
			return b.world, "there is no move " + name + " now"
		}
		b.world.Story.Add("-- %s", name)
		if text := violated(func() { m.do(b) }); text != "" {
			return b.world, text
		}
	}
	return b.world, b.standing(b.moves())
}

// named finds a move by its name.
func (b *branch) named(name string) move {
	if script, ok := parseScript(name); ok && b.world.live() != nil && b.world.live().Queue.Len() > 0 {
		return move{name: name, do: func(b *branch) { b.work(script) }}
	}
	for _, m := range b.moves() {
		if m.name == name {
			return m
		}
	}
	return move{}
}

// ReplayPath is the command that tells a story again.
func ReplayPath(s *Small, moves []string) string {
	return fmt.Sprintf("STINT_PATH='%s:%s' go test ./test/world -run TestExhaustive -v", s.Name, strings.Join(moves, " "))
}
