package world

import (
	"fmt"
	"slices"
)

// step is the last move of the shortest way to a state.
type step struct {
	from  int32
	move  int32
	depth int
}

// paths are the shortest ways to all states, each by its last move.
func (x *Exhaustive) paths() []step {
	out := make([][]edge, len(x.calm))
	for _, e := range x.edges {
		out[e.from] = append(out[e.from], e)
	}
	ways := make([]step, len(x.calm))
	known := make([]bool, len(x.calm))
	known[0] = true
	for queue := []int32{0}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for _, e := range out[n] {
			if !known[e.to] {
				known[e.to] = true
				ways[e.to] = step{from: n, move: e.move, depth: ways[n].depth + 1}
				queue = append(queue, e.to)
			}
		}
	}
	return ways
}

// way are the moves that lead to a state.
func (x *Exhaustive) way(ways []step, n int32) []string {
	out := make([]string, 0, ways[n].depth)
	for ; n != 0; n = ways[n].from {
		out = append(out, x.moves[ways[n].move])
	}
	slices.Reverse(out)
	return out
}

// Worst is the flaw that the shortest story leads to.
func (x *Exhaustive) Worst() (text string, moves []string, found bool) {
	ways := x.paths()
	for _, f := range x.broken {
		way := x.way(ways, f.state)
		if f.move != "" {
			way = append(way, f.move)
		}
		if !found || len(way) < len(moves) {
			text, moves, found = f.text, way, true
		}
	}
	return text, moves, found
}

// Report is the line that says how large the world was.
func (x *Exhaustive) Report() string {
	depth := 0
	for _, w := range x.paths() {
		depth = max(depth, w.depth)
	}
	verdict := "none breaks an invariant"
	if n := len(x.broken); n > 0 {
		verdict = fmt.Sprintf("%d ways break an invariant", n)
	}
	return fmt.Sprintf("exhaustive: %s: %d states, %d transitions, depth %d, %s", x.small.Name, len(x.calm), len(x.edges), depth, verdict)
}
