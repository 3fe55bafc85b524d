package world

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Truth is the oracle: what really happened, kept from the changes themselves
// and never from what a status says, and the judge of each change.
type Truth struct {
	world *World
	jobs  map[types.UID]*jobTruth
	pods  map[types.UID]*podTruth
	// order is the pods in the order of their creation.
	order []*podTruth
}

// jobTruth is the truth of one job.
type jobTruth struct {
	now      *v1alpha1.BatchJob // nil when it is gone
	versions map[int64]*v1alpha1.BatchJob
	// belated: its verdict was written by a request that its client, or its
	// leadership, did not outlive.
	belated bool
}

// podTruth is the truth of one pod.
type podTruth struct {
	now *corev1.Pod // the last state, also when it is gone
	job types.UID
	// gone: the object does not exist any more.
	gone bool
	// late: made by a request that outlived its client or its leadership. Who
	// has not seen it cannot know of it.
	late bool
	// doomedAt is when it first could not be active any more: it ended or its
	// deletion began.
	doomedAt time.Time
	// succeededAt is when it did, also after its deletion began.
	succeededAt time.Time
	// wavering: its deletion began before it ended, so that it may count as
	// failed and yet succeed.
	wavering bool
	// recorded is as what its end is in a durable status, and since which
	// version of the job.
	recorded   outcome
	recordedRV int64
	// index is its completion index, -1 if it has none; fails and ignores are
	// how often that had failed before, by the pod's annotations.
	index, fails, ignores int
	// policy is that of its job, and ways what its failure may mean by it.
	policy *v1alpha1.PodFailurePolicy
	ways   ways
	touches
}

// outcome is as what an end was recorded.
type outcome string

const (
	unrecorded  outcome = ""
	asSucceeded outcome = "succeeded"
	asFailed    outcome = "failed"
	asIgnored   outcome = "ignored"
	// asNothing: the run was over before the pod ended.
	asNothing outcome = "nothing"
)

func newTruth(w *World) *Truth {
	t := &Truth{world: w, jobs: map[types.UID]*jobTruth{}, pods: map[types.UID]*podTruth{}}
	w.Store.Hooks = append(w.Store.Hooks, t.watch)
	return t
}

func (t *Truth) watch(c Change) {
	switch c.Kind {
	case podKind:
		t.watchPod(c)
	case jobKind:
		t.watchJob(c)
	}
}

func (t *Truth) watchPod(c Change) {
	now, _ := c.New.(*corev1.Pod)
	if c.Old == nil {
		if c.By.Proc != nil {
			t.created(now, c.By)
		}
		return
	}
	old := c.Old.(*corev1.Pod)
	if now != nil && c.By.Proc != nil {
		t.claimed(old, now, c.By)
	}
	p := t.pods[old.UID]
	if p == nil {
		return // somebody else's
	}
	if c.By.Proc == nil {
		p.touch(old, now, t.world.serial)
	} else {
		t.acted(p, old, now, c.By)
	}
	if now == nil {
		p.gone = true
		return
	}
	p.follow(now, t.world.Store.stamp().Time)
}

// acted judges what an operator did to a pod.
func (t *Truth) acted(p *podTruth, old, now *corev1.Pod, by Actor) {
	if held(old) && (now == nil || !held(now)) {
		t.released(p, by)
	}
	if now != nil && old.DeletionTimestamp == nil && now.DeletionTimestamp != nil {
		t.deletedByUs(p, by)
	}
	if now != nil && timedOut(now) && !timedOut(old) {
		t.expiredPod(p, by)
	}
}

// follow takes in the newest state of a pod.
func (p *podTruth) follow(now *corev1.Pod, at time.Time) {
	p.now = now
	if !activePod(now) && now.Status.Phase != corev1.PodSucceeded {
		p.ways |= wayOf(p.policy, now)
	}
	if p.succeededAt.IsZero() && now.Status.Phase == corev1.PodSucceeded {
		p.succeededAt = at
	}
	if p.doomedAt.IsZero() && !activePod(now) {
		p.doomedAt = endOf(now, at)
		p.wavering = !podEnded(now)
	}
}

// endOf is when a pod's end counts from: now, unless the pod does not tell so
// much. batch/v1 then takes when it ceased to be ready, or its creation.
func endOf(p *corev1.Pod, now time.Time) time.Time {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			return now
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse {
			return c.LastTransitionTime.Time
		}
	}
	if p.DeletionTimestamp != nil {
		return now
	}
	return p.CreationTimestamp.Time
}

func (t *Truth) created(pod *corev1.Pod, by Actor) {
	ref := metav1.GetControllerOf(pod)
	if ref == nil {
		t.world.fail("pod %s is created without a controller", pod.Name)
	}
	p := &podTruth{now: pod, job: ref.UID, late: t.world.landing || by.Proc.deposed, index: indexOf(pod),
		fails: annotated(pod, v1alpha1.AnnotationIndexFailureCount, 0), ignores: annotated(pod, v1alpha1.AnnotationIndexIgnoredFailureCount, 0)}
	t.mayCreate(p, by)
	t.pods[pod.UID] = p
	t.order = append(t.order, p)
}

func (t *Truth) watchJob(c Change) {
	if c.New == nil {
		t.jobs[c.Old.GetUID()].now = nil
		return
	}
	now := c.New.(*v1alpha1.BatchJob)
	j, ok := t.jobs[now.UID]
	if !ok {
		j = &jobTruth{versions: map[int64]*v1alpha1.BatchJob{}}
		t.jobs[now.UID] = j
	}
	if c.By.Proc != nil && now.DeletionTimestamp != nil {
		t.expired(now)
	} else if c.By.Proc != nil && c.Old != nil {
		old := c.Old.(*v1alpha1.BatchJob)
		t.statusWritten(old, now)
		j.belated = j.belated || (t.world.landing || c.By.Proc.deposed) && decided(now) && !decided(old)
	}
	j.now = now
	j.versions[rvOf(now)] = now
}

// expired judges the deletion of a job by an operator.
func (t *Truth) expired(j *v1alpha1.BatchJob) {
	ttl := j.Spec.TTLSecondsAfterFinished
	for _, c := range j.Status.Conditions {
		if ttl != nil && c.Status == metav1.ConditionTrue && (c.Type == v1alpha1.ConditionComplete || c.Type == v1alpha1.ConditionFailed) &&
			t.world.Clock.Since(c.LastTransitionTime.Time) >= seconds(int64(*ttl)) {
			return
		}
	}
	t.world.fail("%s is deleted before its time", j.Name)
}

// of are the pods of a job, oldest first.
func (t *Truth) of(job types.UID) []*podTruth {
	var out []*podTruth
	for _, p := range t.order {
		if p.job == job {
			out = append(out, p)
		}
	}
	return out
}

// held: our finalizer is on the pod.
func held(p *corev1.Pod) bool { return has(p.Finalizers, v1alpha1.FinalizerJobTracking) }

// activePod is neither ended nor being deleted.
func activePod(p *corev1.Pod) bool { return !podEnded(p) && p.DeletionTimestamp == nil }

// sees: the creator was shown the pod before it decided. What comes into its
// cache while it acts, it need not know of.
func sees(by Actor, p *podTruth) bool { return by.Proc.shown[p.now.UID] }

// success is how the end of a pod counts or would count by the truth.
func (p *podTruth) success() bool {
	if p.recorded != unrecorded {
		return p.recorded == asSucceeded
	}
	return p.now.Status.Phase == corev1.PodSucceeded && held(p.now) && !p.gone
}

// failure is its counterpart; a pod that is being deleted may count as failed
// before it has ended.
func (p *podTruth) failure() bool {
	if p.recorded != unrecorded {
		return p.recorded == asFailed
	}
	return p.now.Status.Phase != corev1.PodSucceeded && !activePod(p.now) && held(p.now) && !p.gone && p.ways.counted()
}
