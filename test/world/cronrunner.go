package world

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Runner is who runs the BatchJobs of a schedule: an actor that starts each,
// with one pod, and ends it after a while; or a controller of BatchJobs, with
// whoever moves its pods.
type Runner struct {
	history *cronHistory
	// FailPercent of the runs fail.
	FailPercent int
	// Longest is how long a run takes, at most.
	Longest time.Duration
	planned map[types.UID]bool

	proc  *Process // nil: the actor
	nodes *Nodes
}

var runnerActor = Actor{Name: "the controller of BatchJobs"}

func newRunner(h *cronHistory, jobs *Program) *Runner {
	r := &Runner{history: h, planned: map[types.UID]bool{}}
	r.FailPercent = []int{0, 20, 60}[h.rng.IntN(3)]
	r.Longest = []time.Duration{time.Second, 20 * time.Second, 5 * time.Minute, 9 * time.Hour}[h.rng.IntN(4)]
	if jobs != nil {
		r.nodes = &Nodes{store: h.Store, story: h.Story, rng: h.rng, FailPercent: r.FailPercent}
		r.proc = h.process(jobs, 0, 0)
	}
	return r
}

// work lets the controller of BatchJobs learn of all that happened and do the
// next thing, unless it is in the middle of one: it waits for this very request.
// False if there is none, or nothing to do.
func (r *Runner) work() bool {
	p := r.proc
	if p == nil {
		return false
	}
	did := false
	for _, k := range []*kind{jobKind, podKind} {
		c := p.caches[k]
		if c.Lag() > 0 || len(c.untold) > 0 {
			c.Deliver(c.Lag())
			p.tell(k, len(c.untold))
			did = true
		}
	}
	if p.Queue.Len() > 0 && !p.busy {
		p.work(0)
		did = true
	}
	return did
}

// Step moves one run on; false if there is none to move.
func (r *Runner) Step() bool {
	if r.proc != nil {
		return r.nodes.Step()
	}
	for _, p := range r.history.Store.Pods() {
		if p.DeletionTimestamp != nil && !r.planned[p.UID] {
			r.planned[p.UID] = true
			r.terminate(p)
			return true
		}
	}
	for _, j := range r.history.batchJobs() {
		if !r.planned[j.UID] && j.DeletionTimestamp == nil && !j.IsFinished() {
			r.planned[j.UID] = true
			r.begin(j)
			return true
		}
	}
	return false
}

// begin starts a run, whose end is a matter of time.
func (r *Runner) begin(j *v1alpha1.BatchJob) {
	h := r.history
	next := j.DeepCopy()
	next.Status.StartTime, next.Status.Active = instant(h.Clock.now), 1
	r.write(next)
	yes := true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: j.Namespace, Name: j.Name + "-pod", Labels: map[string]string{v1alpha1.LabelJobUID: string(j.UID)},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: jobKind.gvk.GroupVersion().String(), Kind: jobKind.gvk.Kind, Name: j.Name, UID: j.UID, Controller: &yes, BlockOwnerDeletion: &yes,
		}},
	}}
	pod.Spec = *j.Spec.Template.Spec.DeepCopy()
	pod.Spec.NodeName = "node"
	if _, err := h.Store.create(runnerActor, pod); err != nil {
		h.Story.Add("the pod of %s cannot be made: %v", j.Name, err)
	}
	takes := time.Duration(h.rng.Int64N(int64(r.Longest)))
	h.Story.Add("%s begins and will take %v", j.Name, takes.Round(time.Second))
	failed := h.rng.IntN(100) < r.FailPercent
	h.Clock.After(takes, func() { r.end(client.ObjectKeyFromObject(j), j.UID, failed) })
}

// end writes the verdict, if the run is still there to have one.
func (r *Runner) end(key types.NamespacedName, uid types.UID, failed bool) {
	h := r.history
	o, err := h.Store.get(jobKind, key)
	if err != nil || o.GetUID() != uid || o.GetDeletionTimestamp() != nil {
		return
	}
	next := o.(*v1alpha1.BatchJob).DeepCopy()
	s, now := &next.Status, instant(h.Clock.now)
	verdict := metav1.Condition{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonCompletionsReached, LastTransitionTime: *now}
	s.Active, s.Succeeded = 0, 1
	if failed {
		verdict.Type, verdict.Reason = v1alpha1.ConditionFailed, v1alpha1.ReasonBackoffLimitExceeded
		s.Succeeded, s.Failed = 0, 1
	} else {
		s.CompletionTime = now
	}
	meta.SetStatusCondition(&s.Conditions, verdict)
	r.write(next)
	h.Story.Add("%s is %s", key.Name, verdict.Type)
	r.remove(podKind, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-pod"}, new(int64(0)))
	if ttl := next.Spec.TTLSecondsAfterFinished; ttl != nil {
		h.Clock.After(seconds(int64(*ttl)), func() {
			if o, err := h.Store.get(jobKind, key); err == nil && o.GetUID() == uid {
				h.Story.Add("%s has outlived its TTL", key.Name)
				r.remove(jobKind, key, nil)
			}
		})
	}
}

// terminate ends a pod that is being deleted, within its grace.
func (r *Runner) terminate(p *corev1.Pod) {
	key := client.ObjectKeyFromObject(p)
	r.history.Clock.After(time.Duration(r.history.rng.IntN(30))*time.Second, func() {
		if o, err := r.history.Store.get(podKind, key); err == nil && o.GetUID() == p.UID {
			r.remove(podKind, key, new(int64(0)))
		}
	})
}

func (r *Runner) remove(k *kind, key types.NamespacedName, grace *int64) {
	background := metav1.DeletePropagationBackground
	o := client.DeleteOptions{GracePeriodSeconds: grace}
	if grace == nil {
		o.PropagationPolicy = &background
	}
	if err := r.history.Store.remove(runnerActor, k, key, o); err != nil {
		r.history.Story.Add("%s is gone already", key.Name)
	}
}

func (r *Runner) write(j *v1alpha1.BatchJob) {
	if _, err := r.history.Store.update(runnerActor, j, true); err != nil {
		panic(fmt.Sprintf("the runner writes %s: %v", j.Name, err))
	}
}
