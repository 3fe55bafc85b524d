package world

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Forkable is a controller of which the search can make a copy and read the
// mind.
type Forkable interface {
	Controller
	// Fork is a controller of another process that remembers the same.
	Fork(*Process) Controller
	// Memory is all that it remembers between two reconciles.
	Memory() string
}

// fork is a second world that stands where this one does and goes its own way
// from here. Stored objects never change, so the two share them; its story
// begins anew. No timer, no late write and nobody's chance may be under way:
// the search has its own.
func (w *World) fork() *World {
	n := *w
	n.Clock = &Clock{now: w.Clock.now}
	n.Story = NewStory(n.Clock)
	n.Weather = calm{}
	n.Store = &Store{clock: n.Clock, rv: w.Store.rv, uids: w.Store.uids, objects: maps.Clone(w.Store.objects), logs: maps.Clone(w.Store.logs), listed: maps.Clone(w.Store.listed)}
	for k, objects := range n.Store.objects {
		n.Store.objects[k] = maps.Clone(objects)
		n.Store.logs[k] = slices.Clip(n.Store.logs[k])
	}
	n.Nodes = &Nodes{store: n.Store, story: n.Story}
	n.User = &User{store: n.Store, story: n.Story}
	n.Garbage = &Collector{store: n.Store, story: n.Story}
	n.Truth = w.Truth.fork(&n)
	n.procs = nil
	for _, p := range w.procs {
		n.procs = append(n.procs, p.fork(&n))
	}
	return &n
}

func (t *Truth) fork(w *World) *Truth {
	n := &Truth{world: w, jobs: make(map[types.UID]*jobTruth, len(t.jobs)), pods: make(map[types.UID]*podTruth, len(t.pods))}
	for uid, j := range t.jobs {
		n.jobs[uid] = &jobTruth{now: j.now, versions: maps.Clone(j.versions), belated: j.belated}
	}
	for _, p := range t.order {
		c := *p
		n.pods[p.now.UID] = &c
		n.order = append(n.order, &c)
	}
	w.Store.Hooks = append(w.Store.Hooks, n.watch)
	return n
}

func (p *Process) fork(w *World) *Process {
	n := *p
	n.world = w
	n.seen, n.shown = nil, nil
	n.Queue = &Queue{clock: w.Clock, ready: slices.Clone(p.Queue.ready), failures: maps.Clone(p.Queue.failures)}
	n.caches = make(map[*kind]*Cache, len(p.caches))
	for k, c := range p.caches {
		d := *c
		d.store, d.view, d.untold = w.Store, maps.Clone(c.view), slices.Clone(c.untold)
		n.caches[k] = &d
	}
	n.ctl = p.ctl.(Forkable).Fork(&n)
	return &n
}
