package world

import (
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Small is a world of which everything that can happen is tried. All numbers
// are for one history, and each may happen at every moment.
type Small struct {
	Name string
	Spec func(*v1alpha1.BatchJobSpec)
	// Edits are what the user does to the spec, in this order.
	Edits []func(*v1alpha1.BatchJobSpec)
	// Leaves: the user deletes the job.
	Leaves metav1.DeletionPropagation
	// Crashes end the process before or after any of its writes, or between two
	// reconciles. The next one starts with new lists, or with lists that lack the
	// last Old events of either kind; a negative Old is all of them.
	Crashes, Old int
	// Lost answers: the write is durable, its client gets a timeout.
	Lost int
	// Races: somebody acts in the middle of a reconcile.
	Races int
	// Slow: time passes until the operator looks again, though it has work or
	// there is news for it. Otherwise it takes no time.
	Slow int
	// Fails and Deletions: how many pods may fail, and be deleted by hand.
	Fails, Deletions int
	// Deaf: handlers hear of an event later than readers see it.
	Deaf bool
	// Large worlds are left to a full run.
	Large bool
}

// left is what may still happen.
type left struct {
	crashes, lost, races, slow, fails, deletions, edits int
	leaves                                              bool
}

// branch is one way that a small world can go, at one moment.
type branch struct {
	small *Small
	world *World
	left  left
	// wake is when the queue gets the job again; zero if it does not. As in
	// client-go, of two waits for one key the shorter counts.
	wake time.Time
	// prints are those of the logs, by kind; see keyer.
	prints map[string][]imprint
}

// begin is the world when the user has created the job.
func (s *Small) begin(p Program) *branch {
	b := &branch{small: s, world: New(p), prints: map[string][]imprint{}, left: left{crashes: s.Crashes, lost: s.Lost, races: s.Races,
		slow: s.Slow, fails: s.Fails, deletions: s.Deletions, edits: len(s.Edits), leaves: s.Leaves != ""}}
	j := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "job"}}
	j.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "busybox"}},
		TerminationGracePeriodSeconds: new(int64(1)),
	}
	j.Spec.Backoff = &v1alpha1.Backoff{InitialDelay: &metav1.Duration{Duration: time.Second}, MaxDelay: &metav1.Duration{Duration: maxDelay}}
	s.Spec(&j.Spec)
	b.world.User.Create(j)
	return b
}

func (b *branch) fork() *branch {
	n := *b
	n.world, n.prints = b.world.fork(), maps.Clone(b.prints)
	return &n
}

// move is one thing that can happen now. Its name, in this world, says which.
type move struct {
	name string
	// calm moves are the course of a quiet cluster, in their order; the world
	// has settled where there is none.
	calm bool
	// outside: it is not the process that acts. news: a cache or its handlers
	// hear of an event.
	outside, news bool
	do            func(*branch)
}

// moves are all that can happen now but the faults in a reconcile. Calm ones
// come first, in the order of World.calmStep.
func (b *branch) moves() []move {
	var out []move
	calmly := func(name string, outside bool, do func(*branch)) {
		out = append(out, move{name: name, calm: true, outside: outside, do: do})
	}
	p := b.world.live()
	if p == nil {
		calmly("start", false, func(b *branch) { b.start(0) })
	} else {
		out = append(out, deliveries(p)...)
		if p.Queue.Len() > 0 {
			calmly(workName, false, func(b *branch) { b.work(&script{}) })
		}
	}
	if b.garbage() {
		calmly("gc", true, func(b *branch) { b.world.Garbage.Step() })
	}
	ready := len(out)
	b.podSteps(calmly)
	switch {
	case b.wake.IsZero():
	case ready == 0:
		calmly("time", false, (*branch).sleep)
	case b.left.slow > 0:
		out = append(out, move{name: "time", do: func(b *branch) { b.left.slow--; b.sleep() }})
	}
	return append(out, b.troubles()...)
}

const workName = "work"

func deliveries(p *Process) []move {
	var out []move
	for _, k := range []*kind{jobKind, podKind} {
		c := p.caches[k]
		if c.Lag() > 0 {
			out = append(out, move{name: "see-" + k.resource.Resource, calm: true, news: true, do: func(b *branch) { b.deliver(k) }})
		}
		if len(c.untold) > 0 {
			out = append(out, move{name: "hear-" + k.resource.Resource, calm: true, news: true, do: func(b *branch) { b.world.live().tell(k, 1) }})
		}
	}
	return out
}

// deliver brings one event to the process.
func (b *branch) deliver(k *kind) {
	p := b.world.live()
	b.world.Story.Add("%s learns of an event of %s", p, k.resource.Resource)
	p.caches[k].Deliver(1)
	if !b.small.Deaf {
		p.tell(k, len(p.caches[k].untold))
	}
}

func (b *branch) start(old int) {
	s := b.world.Store
	jobs, pods := len(s.logs[jobKind]), len(s.logs[podKind])
	b.world.start(jobs-b.lag(old, jobs), pods-b.lag(old, pods))
}

// lag is how many of n events a list of that age lacks.
func (*branch) lag(old, n int) int {
	if old < 0 {
		return n
	}
	return min(old, n)
}

// soon is a wait that takes no time here. The API's instants are whole seconds;
// the milliseconds after which a failed reconcile is tried again would only
// make the same states differ in their fractions.
const soon = 100 * time.Millisecond

// sleep lets time pass until the queue gets the job again.
func (b *branch) sleep() {
	if d := b.wake.Sub(b.world.Clock.now); d > soon {
		b.world.Clock.Advance(d)
	}
	b.wake = time.Time{}
	b.world.live().Queue.Add(b.key())
}

func (b *branch) key() client.ObjectKey { return client.ObjectKey{Namespace: "default", Name: "job"} }

// job is the stored job; nil if it is gone.
func (b *branch) job() *v1alpha1.BatchJob {
	j, _ := b.world.Store.objects[jobKind][b.key()].(*v1alpha1.BatchJob)
	return j
}

// garbage: the garbage collector would find something to do.
func (b *branch) garbage() bool {
	if j := b.job(); j != nil && j.DeletionTimestamp == nil {
		return false
	}
	return b.world.fork().Garbage.Step()
}

// podSteps are what the nodes can do with each pod. Binding, starting and
// becoming ready are one step, and so are the end of a killed pod and the
// kubelet's word for it: nobody decides anything in between.
func (b *branch) podSteps(add func(string, bool, func(*branch))) {
	for i, t := range b.world.Truth.order {
		if t.gone {
			continue
		}
		p, name := t.now, fmt.Sprintf("pod%d-", i+1)
		step := func(what string, do func(*branch, *corev1.Pod)) {
			add(name+what, true, func(b *branch) { do(b, b.world.Truth.order[i].now) })
		}
		switch {
		case p.DeletionTimestamp != nil:
			if !podEnded(p) || *p.DeletionGracePeriodSeconds > 0 {
				step("is-killed", (*branch).kill)
			}
		case podEnded(p):
		case p.Status.Phase == corev1.PodPending:
			step("runs", (*branch).run)
		default:
			step("succeeds", func(b *branch, p *corev1.Pod) {
				b.world.Nodes.set(p, "succeeds", func(p *corev1.Pod) { b.world.Nodes.end(p, corev1.PodSucceeded, 0) })
			})
			if b.left.fails > 0 {
				step("fails", (*branch).fail)
			}
		}
	}
}

func (b *branch) run(p *corev1.Pod) {
	next := p.DeepCopy()
	next.Spec.NodeName = "node"
	running(next)
	b.world.Nodes.condition(next, corev1.PodReady, corev1.ConditionTrue, "")
	b.world.Store.commit(podKind, kubelet, p, next)
	b.world.Story.Add("pod %s runs", p.Name)
}

// fail is the end of a pod that never restarts, or the restart of its container.
func (b *branch) fail(p *corev1.Pod) {
	b.left.fails--
	if p.Spec.RestartPolicy == corev1.RestartPolicyOnFailure {
		b.world.Nodes.set(p, "restarts its container", b.world.Nodes.restart)
		return
	}
	b.world.Nodes.set(p, "fails", func(p *corev1.Pod) { b.world.Nodes.end(p, corev1.PodFailed, 1) })
}

func (b *branch) kill(p *corev1.Pod) {
	if !podEnded(p) {
		b.world.Nodes.set(p, "is killed", func(p *corev1.Pod) { b.world.Nodes.end(p, corev1.PodFailed, 143) })
	}
	b.world.Nodes.removeNow(p)
}

// troubles are what nobody needs: they may come, and the world settles without
// them.
func (b *branch) troubles() []move {
	var out []move
	add := func(name string, outside bool, do func(*branch)) {
		out = append(out, move{name: name, outside: outside, do: do})
	}
	p, j := b.world.live(), b.job()
	switch {
	case p == nil && b.small.Old != 0:
		add("start-old", false, func(b *branch) { b.start(b.small.Old) })
	case p != nil && b.left.crashes > 0:
		add("crash", false, func(b *branch) { b.left.crashes--; b.died() })
	}
	if j != nil && j.DeletionTimestamp == nil {
		if b.left.edits > 0 {
			add("edit", true, func(b *branch) {
				change := b.small.Edits[len(b.small.Edits)-b.left.edits]
				b.left.edits--
				b.world.User.Edit(b.job(), change)
			})
		}
		if b.left.leaves {
			add("delete-job", true, func(b *branch) {
				b.left.leaves = false
				b.world.User.DeleteJob(b.job(), b.small.Leaves)
			})
		}
	}
	for i, t := range b.world.Truth.order {
		if b.left.deletions > 0 && !t.gone && t.now.DeletionTimestamp == nil {
			add(fmt.Sprintf("pod%d-deleted", i+1), true, func(b *branch) {
				b.left.deletions--
				b.world.User.DeletePod(b.world.Truth.order[i].now, false)
			})
		}
	}
	return out
}

// died: the process and its queue are gone.
func (b *branch) died() {
	if p := b.world.live(); p != nil {
		p.die()
	}
	b.wake = time.Time{}
}
