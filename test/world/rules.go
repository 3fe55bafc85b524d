package world

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// mayCreate judges the creation of a pod. A spec edit or a deletion that the
// creator could not have seen excuses it, so it is judged by the version of
// the job that its reconcile stands on; what operators themselves wrote (a
// verdict, pods) excuses nothing, save for a request that outlived its client
// or its leadership.
func (t *Truth) mayCreate(p *podTruth, by Actor) {
	pod := p.now
	j := t.jobs[p.job]
	if j == nil {
		t.world.fail("%s creates pod %s for a job that never was", by.Name, pod.Name)
	}
	v := j.versions[by.Seen[p.job]]
	if v == nil {
		t.world.fail("%s creates pod %s without having read the job", by.Name, pod.Name)
	}
	t.wellFormed(pod, v, by)
	p.policy = v.Spec.PodFailurePolicy
	switch {
	case v.DeletionTimestamp != nil:
		t.world.fail("%s creates pod %s for a job that it saw being deleted", by.Name, pod.Name)
	case v.Spec.IsSuspended():
		t.world.fail("%s creates pod %s for a suspended job", by.Name, pod.Name)
	case decided(v), j.now != nil && decided(j.now) && !p.late && !t.overtaken(j, p.job):
		t.world.fail("%s creates pod %s after the verdict", by.Name, pod.Name)
	}
	if !p.late {
		t.notTooMany(p, v, by)
	}
	if v.Spec.IsIndexed() {
		t.indexFree(p, j, v, by)
		t.toldIndex(pod, by)
	}
	t.notTooSoon(p, v, by)
}

// overtaken: the verdict had been on its way when the creator looked at the job,
// and hands have meanwhile made pods seem lost that it was founded on. Without
// such hands what is seen later leads to the same verdict.
func (t *Truth) overtaken(j *jobTruth, job types.UID) bool {
	return j.belated && slices.ContainsFunc(t.of(job), (*podTruth).touched)
}

// verdicts are the conditions that never go away again.
var verdicts = []string{
	v1alpha1.ConditionFailureTarget, v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionComplete, v1alpha1.ConditionFailed,
}

// decided: there is a verdict, if only an interim one.
func decided(j *v1alpha1.BatchJob) bool {
	return slices.ContainsFunc(verdicts, func(c string) bool { return meta.IsStatusConditionTrue(j.Status.Conditions, c) })
}

func (t *Truth) wellFormed(pod *corev1.Pod, v *v1alpha1.BatchJob, by Actor) {
	ref := metav1.GetControllerOf(pod)
	switch {
	case !held(pod):
		t.world.fail("%s creates pod %s without our finalizer: its end could vanish", by.Name, pod.Name)
	case pod.Labels[v1alpha1.LabelJobUID] != string(v.UID) || ref.UID != v.UID || ref.Kind != v1alpha1.BatchJobKind || ref.Name != v.Name:
		t.world.fail("%s creates pod %s with a wrong owner", by.Name, pod.Name)
	case pod.Labels[v1alpha1.LabelRun] == "":
		t.world.fail("%s creates pod %s without its run", by.Name, pod.Name)
	}
}

// notTooMany: never more active pods than parallelism allows, nor than
// completions still need; no further worker for a queue that is known empty.
func (t *Truth) notTooMany(p *podTruth, v *v1alpha1.BatchJob, by Actor) {
	active, succeeded, terminating, known := t.others(p, v, by)
	if v.Spec.GetPodReplacementPolicy() == v1alpha1.Failed && active+terminating+1 > v.Spec.GetParallelism() {
		t.world.fail("%s creates pod %s beside %d active and %d terminating ones: parallelism is %d", by.Name, p.now.Name, active, terminating, v.Spec.GetParallelism())
	}
	if active+1 > v.Spec.GetParallelism() {
		t.world.fail("%s creates pod %s beside %d active ones: parallelism is %d", by.Name, p.now.Name, active, v.Spec.GetParallelism())
	}
	completions, fixed := v.Spec.GetCompletions()
	if fixed && active+1+succeeded > completions {
		t.world.fail("%s creates pod %s beside %d active and %d succeeded ones: completions is %d", by.Name, p.now.Name, active, succeeded, completions)
	}
	if !fixed && known {
		t.world.fail("%s creates pod %s for a work queue of which a pod has succeeded", by.Name, p.now.Name)
	}
}

// others counts the pods beside a new one; known tells that a success stood in
// the status that the creator saw.
func (t *Truth) others(p *podTruth, v *v1alpha1.BatchJob, by Actor) (active, succeeded, terminating int32, known bool) {
	done := t.completedBy(p.job, v)
	for _, q := range t.of(p.job) {
		switch {
		case overlooked(by, q):
		case !q.gone && activePod(q.now):
			active++
		case !q.gone && !podEnded(q.now):
			terminating++
		case v.Spec.IsIndexed():
			done.add(q, width(v))
		case q.success() && !q.uncertain() && (!q.wavering || q.recorded == asSucceeded):
			succeeded++
			known = known || q.recorded == asSucceeded && q.recordedRV <= rvOf(v)
		}
	}
	return active, succeeded + int32(len(done)), terminating, known
}

// completedBy are the indexes that are completed by the newest status, less
// those that the job as its reader saw it does not have.
func (t *Truth) completedBy(job types.UID, v *v1alpha1.BatchJob) doneIndexes {
	done := doneIndexes{}
	newest := t.jobs[job].now
	if newest == nil {
		newest = v
	}
	for _, i := range completed(newest) {
		if i < width(v) {
			done[i] = true
		}
	}
	return done
}

type doneIndexes map[int]bool

// add takes in the index of a pod that has succeeded for all to see.
func (d doneIndexes) add(p *podTruth, width int) {
	if p.witness() && !p.wavering && !p.uncertain() && p.index < width {
		d[p.index] = true
	}
}

// notTooSoon: the back-off that the job's status knew of has passed, whoever
// wrote it.
func (t *Truth) notTooSoon(p *podTruth, v *v1alpha1.BatchJob, by Actor) {
	var success, last time.Time
	if perIndex(v) {
		return // each index has its own
	}
	known := func(q *podTruth) bool {
		return (q.recorded == asFailed || q.recorded == asIgnored) && q.recordedRV <= rvOf(v)
	}
	pods := t.of(p.job)
	for _, q := range pods {
		if (q.success() || q.uncertain()) && q.succeededAt.After(success) {
			success = q.succeededAt // a success resets it as soon as somebody sees it, or has seen it
		}
	}
	failures := 0
	for _, q := range pods {
		if known(q) && q.doomedAt.After(success) {
			failures++
			if q.doomedAt.After(last) {
				last = q.doomedAt
			}
		}
	}
	if failures == 0 {
		return
	}
	if until := last.Add(backoffDelay(v, failures)); t.world.Clock.Now().Before(until) {
		t.world.fail("%s creates pod %s %v too soon: %d failures, the last at %v", by.Name, p.now.Name,
			until.Sub(t.world.Clock.Now()), failures, last)
	}
}

// released judges the removal of our finalizer: what has ended must have been
// written down.
func (t *Truth) released(p *podTruth, by Actor) {
	j := t.jobs[p.job]
	if j == nil || j.now == nil || j.now.DeletionTimestamp != nil || j.now.IsFinished() {
		return
	}
	if t.indexReleased(j, p, by) || p.recorded != unrecorded || p.parted {
		return
	}
	if !activePod(p.now) {
		t.world.fail("%s lets go of pod %s, which is %s (being deleted: %v), and nothing durable tells of its end",
			by.Name, p.now.Name, p.now.Status.Phase, p.now.DeletionTimestamp != nil)
	}
	v := j.versions[by.Seen[p.job]]
	if v != nil && meta.IsStatusConditionTrue(v.Status.Conditions, v1alpha1.ConditionFailureTarget) {
		t.world.fail("%s lets go of pod %s, which the failure of the job ends and which must count as failed", by.Name, p.now.Name)
	}
}

// obeyed judges what runs when operators have had their time and pods have
// stood still: no more than the job asks for.
func (t *Truth) obeyed(j *jobTruth, pods []*podTruth) {
	if j.now == nil || j.now.DeletionTimestamp != nil {
		return
	}
	succeeded, _, active := toll(j.now, pods)
	t.oneEach(j.now, pods)
	t.tended(j.now, pods)
	allowed := j.now.Spec.GetParallelism()
	completions, fixed := j.now.Spec.GetCompletions()
	switch {
	case j.now.Spec.IsSuspended(), decided(j.now):
		allowed = 0
	case fixed:
		allowed = min(allowed, completions-succeeded-int32(len(failedOnes(j.now))))
	case succeeded > 0:
		return // the workers of a queue know themselves when to end
	}
	if active > allowed {
		t.world.fail("the operator has settled, and %d pods are active where %d may be\n%s: %s", active, allowed, describe(&j.now.Spec), brief(j.now))
	}
}

// deletedByUs judges a deletion by an operator: a pod that would count as
// failed is deleted only for a verdict.
func (t *Truth) deletedByUs(p *podTruth, by Actor) {
	v := t.seen(p.job, by)
	if v == nil || v.DeletionTimestamp != nil || podEnded(p.now) || !held(p.now) || timedOut(p.now) {
		return
	}
	if !decided(v) {
		t.world.fail("%s deletes pod %s, whose end will count as a failure, without a verdict", by.Name, p.now.Name)
	}
}

// oneEach: each index of the job has one active pod at most.
func (t *Truth) oneEach(j *v1alpha1.BatchJob, pods []*podTruth) {
	has := map[int]bool{}
	for _, p := range pods {
		if !j.Spec.IsIndexed() || p.gone || !activePod(p.now) {
			continue
		}
		if has[p.index] || p.index < 0 || p.index >= width(j) || slices.Contains(completed(j), p.index) {
			t.world.fail("the operator has settled, and pod %s of index %d is active, which it should not be\n%s", p.now.Name, p.index, brief(j))
		}
		has[p.index] = true
	}
}
