package world

// Parallel does things that a process does side by side: one after the other, as
// the world has one goroutine, but in any order.
func (p *Process) Parallel(n int, do func(i int)) {
	if p.world.rng == nil {
		for i := range n {
			do(i)
		}
		return
	}
	for _, i := range p.world.rng.Perm(n) {
		do(i)
	}
}
