package world

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// witness: the pod is why its index may be called completed.
func (p *podTruth) witness() bool {
	return p.now.Status.Phase == corev1.PodSucceeded && held(p.now) && !p.gone && (p.recorded == unrecorded || p.recorded == asSucceeded)
}

// bookIndexes keeps the accounts of an Indexed job: an index is completed by a
// pod of it that succeeded and is held, and fails by one that failed and had a
// cause to fail it.
func (t *Truth) bookIndexes(old, now *v1alpha1.BatchJob) {
	was, gaveUp := completed(old), failedOnes(old)
	for _, i := range completed(now) {
		if slices.Contains(was, i) {
			continue
		}
		found := false
		for _, p := range t.ofIndex(now, i) {
			if p.witness() || p.uncertain() && p.now.Status.Phase == corev1.PodSucceeded {
				found, p.recorded, p.recordedRV = true, asSucceeded, rvOf(now)
			}
		}
		if !found {
			t.world.fail("%s calls index %d completed, and no pod of it has succeeded\nbefore: %s\nafter:  %s", now.Name, i, brief(old), brief(now))
		}
	}
	for _, i := range failedOnes(now) {
		if !slices.Contains(gaveUp, i) && !slices.ContainsFunc(t.ofIndex(now, i), func(p *podTruth) bool { return p.mayFailIndex(now) }) {
			t.world.fail("%s calls index %d failed, for which it has no cause\nbefore: %s\nafter:  %s", now.Name, i, brief(old), brief(now))
		}
	}
}

// mayFailIndex: by the state of somebody's cache it may.
func (p *podTruth) mayFailIndex(j *v1alpha1.BatchJob) bool {
	return p.ways&failsIndex != 0 || p.ways.counted() && p.fails >= int(*j.Spec.BackoffLimitPerIndex)
}

// mustFailIndex: in each state that it was in.
func (p *podTruth) mustFailIndex(j *v1alpha1.BatchJob) bool {
	if !podEnded(p.now) || p.excused() || p.wavering {
		return false
	}
	return p.ways.surely(failsIndex) || p.ways&ignored == 0 && p.ways != 0 && p.fails >= int(*j.Spec.BackoffLimitPerIndex)
}

// ofIndex are the pods of one index, oldest first.
func (t *Truth) ofIndex(j *v1alpha1.BatchJob, i int) []*podTruth {
	return slices.DeleteFunc(t.of(j.UID), func(p *podTruth) bool { return p.index != i })
}

// closeIndex looks at a pod that has ended and is not recorded, when its run
// ends; true if there is nothing to count about it.
func (t *Truth) closeIndex(job *v1alpha1.BatchJob, p *podTruth) bool {
	if !job.Spec.IsIndexed() {
		return false
	}
	switch done, failed := completed(job), failedOnes(job); {
	case p.index < 0 || p.index >= width(job):
		p.recorded = asNothing
		if activePod(p.now) && !p.excused() {
			t.world.fail("%s is finished while pod %s is active", job.Name, p.now.Name)
		}
		return true
	case p.now.Status.Phase == corev1.PodSucceeded:
		if !slices.Contains(done, p.index) && !slices.Contains(failed, p.index) && !p.excused() {
			t.world.fail("%s is finished without index %d, of which pod %s has succeeded\n%s", job.Name, p.index, p.now.Name, brief(job))
		}
		p.recorded = asNothing
		return true
	case t.indexMustFail(job, p) && !slices.Contains(done, p.index) && !slices.Contains(failed, p.index):
		t.world.fail("%s is finished, and index %d has not failed, although pod %s has\n%s", job.Name, p.index, p.now.Name, brief(job))
	}
	return false
}

// indexMustFail: the pod fails its index, which a run that has not failed records.
func (t *Truth) indexMustFail(job *v1alpha1.BatchJob, p *podTruth) bool {
	return perIndex(job) && !job.IsFailed() && p.mustFailIndex(job) && !t.endedForVerdict(job, p)
}

// endedForVerdict: the pod is deleted, and a verdict was written before the run
// ended. What such a pod comes to says nothing of its index.
func (t *Truth) endedForVerdict(job *v1alpha1.BatchJob, p *podTruth) bool {
	before := t.jobs[job.UID].now
	return before != nil && decided(before) && p.now.DeletionTimestamp != nil
}

// indexFree judges the index of a new pod by what its creator could know: it
// is one of the job, nobody else has it, and it has neither completed nor
// failed.
func (t *Truth) indexFree(p *podTruth, j *jobTruth, v *v1alpha1.BatchJob, by Actor) {
	if p.index < 0 || p.index >= width(v) {
		t.world.fail("%s creates pod %s of index %d of %d", by.Name, p.now.Name, p.index, width(v))
	}
	newest := v
	if j.now != nil && !p.late {
		newest = j.now
	}
	if slices.Contains(completed(newest), p.index) || slices.Contains(failedOnes(newest), p.index) {
		t.world.fail("%s creates pod %s of index %d, which has ended\n%s", by.Name, p.now.Name, p.index, brief(newest))
	}
	if !p.late {
		t.indexAlone(p, v, by)
	}
}

// indexAlone judges a new pod by the other pods of its index.
func (t *Truth) indexAlone(p *podTruth, v *v1alpha1.BatchJob, by Actor) {
	for _, q := range t.ofIndex(v, p.index) {
		switch {
		case q.gone || overlooked(by, q):
		case activePod(q.now):
			t.world.fail("%s creates pod %s of index %d, which pod %s has", by.Name, p.now.Name, p.index, q.now.Name)
		case !podEnded(q.now) && v.Spec.GetPodReplacementPolicy() == v1alpha1.Failed:
			t.world.fail("%s creates pod %s of index %d while pod %s terminates", by.Name, p.now.Name, p.index, q.now.Name)
		case q.witness() && !q.wavering && !q.uncertain():
			t.world.fail("%s creates pod %s of index %d, of which pod %s has succeeded", by.Name, p.now.Name, p.index, q.now.Name)
		}
	}
	if perIndex(v) {
		t.carriesOn(p, v, by)
	}
}

// carriesOn: a replacement says how often its index has failed, and comes after
// the back-off that follows from it, whatever has become of the process that
// saw the failure.
func (t *Truth) carriesOn(p *podTruth, v *v1alpha1.BatchJob, by Actor) {
	last := t.lastAttempt(p, v)
	if last == nil {
		return
	}
	if p.attempt() <= last.attempt() || last.ways.surely(counting|failsIndex|failsJob) && p.fails <= last.fails ||
		last.ways.surely(ignored) && p.ignores <= last.ignores {
		t.world.fail("%s creates pod %s with %d failures and %d ignored ones; pod %s of its index has failed with %d and %d", by.Name,
			p.now.Name, p.fails, p.ignores, last.now.Name, last.fails, last.ignores)
	}
	if until := last.doomedAt.Add(backoffDelay(v, last.attempt()+1)); t.world.Clock.Now().Before(until) {
		t.world.fail("%s creates pod %s of index %d %v too soon: pod %s has failed at %v", by.Name, p.now.Name, p.index,
			until.Sub(t.world.Clock.Now()), last.now.Name, last.doomedAt)
	}
}

// lastAttempt is the failed pod before p that has failed most; nil if none is
// left.
func (t *Truth) lastAttempt(p *podTruth, v *v1alpha1.BatchJob) (last *podTruth) {
	for _, q := range t.ofIndex(v, p.index) {
		if q.gone || q.late || q.touched() || !held(q.now) || activePod(q.now) || q.now.Status.Phase == corev1.PodSucceeded {
			continue
		}
		if last == nil || q.attempt() > last.attempt() {
			last = q
		}
	}
	return last
}

// attempt is how often the index had failed before.
func (p *podTruth) attempt() int { return p.fails + p.ignores }

// backoffDelay is how long to wait after so many failures in a row.
func backoffDelay(j *v1alpha1.BatchJob, failures int) time.Duration {
	wait, longest := j.Spec.GetBackoff()
	for i := 1; i < failures && wait < longest; i++ {
		wait *= 2
	}
	return min(wait, longest)
}

// indexReleased tells whether a pod's index excuses that it is let go without
// a record: it is none of the job, or has completed. A failed pod which alone
// knows the back-off of its index must stay.
func (t *Truth) indexReleased(j *jobTruth, p *podTruth, by Actor) (excused bool) {
	if p.index < 0 {
		return false
	}
	v := j.versions[by.Seen[p.job]]
	if v == nil {
		v = j.now
	}
	ended := slices.Contains(completed(j.now), p.index) || slices.Contains(completed(v), p.index)
	if p.index >= width(v) || p.now.Status.Phase == corev1.PodSucceeded && (ended || p.recorded == asSucceeded) {
		return true
	}
	ended = ended || slices.Contains(failedOnes(j.now), p.index) || slices.Contains(failedOnes(v), p.index)
	if perIndex(v) && !ended && !decided(j.now) {
		t.backoffKept(p, v, by)
	}
	return false
}

// backoffKept judges the release of a pod whose index has not ended.
func (t *Truth) backoffKept(p *podTruth, v *v1alpha1.BatchJob, by Actor) {
	if activePod(p.now) || p.touched() || p.now.Status.Phase == corev1.PodSucceeded || t.world.Store.closing() {
		return
	}
	pods := t.ofIndex(v, p.index)
	if pods[len(pods)-1] == p {
		t.world.fail("%s lets go of pod %s, which alone knows how often index %d has failed", by.Name, p.now.Name, p.index)
	}
}

// expiredPod judges that an operator says of a pod that it has not started in
// time.
func (t *Truth) expiredPod(p *podTruth, by Actor) {
	v := t.seen(p.job, by)
	if v == nil {
		t.world.fail("%s says that pod %s did not start, without having read the job", by.Name, p.now.Name)
	}
	limit := v.Spec.GetPodStartTimeout()
	if age := t.world.Clock.Since(p.now.CreationTimestamp.Time); limit == 0 || age < limit {
		t.world.fail("%s says that pod %s did not start in time: it is %v old, podStartTimeoutSeconds is %v", by.Name, p.now.Name, age, limit)
	}
}

// timedOut: the pod carries the word of an operator that it did not start.
func timedOut(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == v1alpha1.PodConditionStartTimeout && c.Status == corev1.ConditionTrue
	})
}

// toldIndex judges how a pod is told its index.
func (t *Truth) toldIndex(pod *corev1.Pod, by Actor) {
	index := pod.Annotations[v1alpha1.AnnotationCompletionIndex]
	ok := pod.Labels[v1alpha1.LabelCompletionIndex] == index && pod.Spec.Hostname == metav1.GetControllerOf(pod).Name+"-"+index
	for _, c := range pod.Spec.Containers {
		ok = ok && slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == v1alpha1.EnvCompletionIndex })
	}
	if !ok {
		t.world.fail("%s creates pod %s, which does not know its index", by.Name, pod.Name)
	}
}

// mayBeHeld: the pod waits for the replacement that carries on the back-off of
// its index.
func (p *podTruth) mayBeHeld(j *v1alpha1.BatchJob) bool {
	return perIndex(j) && p.index >= 0 && p.index < width(j) && mayWait(j) &&
		!slices.Contains(completed(j), p.index) && !slices.Contains(failedOnes(j), p.index)
}
