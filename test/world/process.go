package world

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Controller is the code under test, in one process.
type Controller interface {
	Reconcile(context.Context, ctrl.Request) (ctrl.Result, error)
}

// PodWatcher is one of BatchJobs.
type PodWatcher interface {
	// SawPod hears of each pod event after the cache holds it, and says which
	// job is to be enqueued for it.
	SawPod(pod *corev1.Pod, gone bool) (owner types.NamespacedName, ours bool)
}

// JobWatcher is one of CronBatchJobs.
type JobWatcher interface {
	// SawJob is the same for BatchJobs.
	SawJob(job *v1alpha1.BatchJob, gone bool) (owner types.NamespacedName, ours bool)
}

// Process is one run of the operator's binary: all that a crash takes away.
type Process struct {
	ID      int
	world   *World
	program *Program
	ctl     Controller
	Queue   *Queue
	dead    bool
	// deposed: another process leads; what is in flight may still land.
	deposed bool
	caches  map[*kind]*Cache
	busy    bool
	// began is when the current reconcile did.
	began time.Time
	// seen is the newest version of each job that the current reconcile has
	// read or got as an answer.
	seen map[types.UID]int64
	// shown are the pods that it has found in a list or has asked for.
	shown map[types.UID]bool
}

// crash is the panic by which a process ends in the middle of its work.
type crash struct{ proc *Process }

// start begins a process whose first lists are as old as the given positions
// in the logs say.
func (w *World) start(owners, owned int) *Process {
	p := w.process(&w.program, owners, owned)
	w.procs = append(w.procs, p)
	return p
}

// process is a running one that does not lead.
func (w *World) process(program *Program, owners, owned int) *Process {
	w.serial++
	w.Troubles++
	p := &Process{ID: w.serial, world: w, program: program, Queue: NewQueue(w.Clock), caches: map[*kind]*Cache{}}
	of, made := program.kinds()
	p.cache(of, owners)
	p.cache(made, owned)
	p.ctl = program.Start(p)
	w.Story.Add("%s starts; its lists lag by %d events of %s and %d of %s", p, p.caches[of].Lag(), of.resource.Resource,
		p.caches[made].Lag(), made.resource.Resource)
	p.tell(of, len(p.caches[of].untold))
	p.tell(made, len(p.caches[made].untold))
	return p
}

// cache begins to watch a kind.
func (p *Process) cache(k *kind, pos int) {
	keep, trim := everything, p.program.TrimPod
	if k == podKind {
		keep = tracked
	} else {
		trim = nil
	}
	p.caches[k] = NewCache(p.world.Store, k, pos, keep, trim)
}

// Client and Live are what the controller of this process is built with.
func (p *Process) Client() client.Client { return &Client{proc: p} }

// Live reads the API server itself.
func (p *Process) Live() client.Reader { return &Live{proc: p} }

// Pods is the process's cache of pods, as far as that can tell of itself.
func (p *Process) Pods() *View { return &View{p, podKind} }

// Jobs is its cache of BatchJobs.
func (p *Process) Jobs() *View { return &View{p, jobKind} }

// View knows the version that one of a process's caches stands at.
type View struct {
	proc *Process
	kind *kind
}

// Version is empty while the cache has shown nothing.
func (v *View) Version() string {
	at := v.proc.caches[v.kind].version
	if at == 0 {
		return ""
	}
	return strconv.FormatInt(at, 10)
}

// Clock is the virtual one.
func (p *Process) Clock() *Clock { return p.world.Clock }

func (p *Process) String() string { return p.name() }
func (p *Process) name() string   { return fmt.Sprintf("operator-%d", p.ID) }

// saw remembers which version of what it works on the current reconcile stands
// on, and which pods it was shown.
func (p *Process) saw(o client.Object) {
	if kindOf(o) == podKind && p.shown != nil {
		p.shown[o.GetUID()] = true
	}
	if of, _ := p.program.kinds(); kindOf(o) != of || p.seen == nil {
		return
	}
	p.seen[o.GetUID()] = max(p.seen[o.GetUID()], rvOf(o))
}

// found is saw for a list.
func (p *Process) found(list client.ObjectList) {
	if pods, ok := list.(*corev1.PodList); ok && p.shown != nil {
		for i := range pods.Items {
			p.shown[pods.Items[i].UID] = true
		}
	}
}

// actor is the process at this moment, for a write that may land later.
func (p *Process) actor() Actor {
	return Actor{Name: p.name(), Proc: p, Seen: maps.Clone(p.seen)}
}

// tell calls the handlers for the oldest n events that they have not heard.
func (p *Process) tell(k *kind, n int) {
	c := p.caches[k]
	notes := c.untold[:n]
	c.untold = c.untold[n:]
	for _, note := range notes {
		if key, ours := p.heard(note); ours {
			p.Queue.Add(key)
		}
	}
}

// heard calls the handler for one event, which says what to look at.
func (p *Process) heard(n note) (types.NamespacedName, bool) {
	_, owned := p.program.kinds()
	switch o := n.object.(type) {
	case *corev1.Pod:
		return p.ctl.(PodWatcher).SawPod(o.DeepCopy(), n.gone)
	case *v1alpha1.BatchJob:
		if owned == jobKind {
			return p.ctl.(JobWatcher).SawJob(o.DeepCopy(), n.gone)
		}
	}
	return client.ObjectKeyFromObject(n.object), true
}

// die ends the process.
func (p *Process) die() {
	p.dead = true
	p.Queue.Close()
	p.world.Story.Add("%s dies", p)
	procs := p.world.procs[:0:0]
	for _, q := range p.world.procs {
		if q != p {
			procs = append(procs, q)
		}
	}
	p.world.procs = procs
}

// work takes one key from the queue and reconciles it.
func (p *Process) work(i int) {
	w := p.world
	key := p.Queue.Take(i)
	p.seen, p.shown, p.busy, p.began = map[types.UID]int64{}, map[types.UID]bool{}, true, w.Clock.now
	w.Reconciles++
	w.Story.Add("%s reconciles %s", p, key.Name)
	result, err, died := p.call(key)
	p.busy = false
	switch {
	case died:
		p.die()
	case err != nil:
		w.Story.Add("%s: error: %v", p, err)
		p.Queue.Retry(key)
	case result.RequeueAfter > 0:
		w.Story.Add("%s: again in %v", p, result.RequeueAfter.Round(time.Millisecond))
		p.Queue.Forget(key)
		p.Queue.AddAfter(key, result.RequeueAfter)
	default:
		w.Story.Add("%s: done", p)
		p.Queue.Forget(key)
	}
}

// workAll works on all that waits, on whatever the caches show.
func (p *Process) workAll() {
	for p.Queue.Len() > 0 {
		p.work(0)
	}
}

var (
	quietLog = logr.Discard()
	quiet    = logr.NewContext(context.Background(), quietLog)
)

// call runs the controller; a crash of this very process ends it early.
func (p *Process) call(key types.NamespacedName) (result ctrl.Result, err error, died bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case crash:
			if r.proc != p {
				panic(r)
			}
			died = true
		case violation:
			panic(r)
		default:
			p.world.fail("%s panics: %v\n%s", p, r, debug.Stack())
		}
	}()
	result, err = p.ctl.Reconcile(quiet, ctrl.Request{NamespacedName: key})
	return result, err, false
}
