package world

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// statusWritten judges one write of a status: batch/v1's own rules, then the
// accounts.
func (t *Truth) statusWritten(old, now *v1alpha1.BatchJob) {
	if wrong := statusErrors(old, now); len(wrong) > 0 {
		t.world.fail("the status of %s breaks batch/v1's rules: %s\nbefore: %s\nafter:  %s",
			now.Name, strings.Join(wrong, "; "), brief(old), brief(now))
	}
	t.book(old, now)
	t.verdict(old, now)
}

// book keeps the accounts: a UID enters uncountedTerminatedPods once, for a
// pod that ended so; it leaves for the counter when the pod has been let go;
// and what is counted without having been there is all that was left, in the
// write that ends the run.
func (t *Truth) book(old, now *v1alpha1.BatchJob) {
	oldS, oldF := uncounted(old)
	newS, newF := uncounted(now)
	t.enter(now, oldS, newS, asSucceeded)
	t.enter(now, oldF, newF, asFailed)
	t.enter(now, ignoredOnes(old), ignoredOnes(now), asIgnored)
	t.leave(now, ignoredOnes(old), ignoredOnes(now))
	directS := now.Status.Succeeded - old.Status.Succeeded - t.leave(now, oldS, newS)
	directF := now.Status.Failed - old.Status.Failed - t.leave(now, oldF, newF)
	if now.Spec.IsIndexed() {
		t.bookIndexes(old, now)
		directS = 0 // the index is the account
	}
	if directS < 0 || directF < 0 {
		t.world.fail("%s loses counted pods: UIDs left uncountedTerminatedPods and the counters do not show them\nbefore: %s\nafter:  %s",
			now.Name, brief(old), brief(now))
	}
	if now.IsFinished() && !old.IsFinished() {
		t.close(now, directS, directF)
	} else if directS+directF > 0 {
		t.world.fail("%s counts %d succeeded and %d failed pods that never stood in uncountedTerminatedPods\nbefore: %s\nafter:  %s",
			now.Name, directS, directF, brief(old), brief(now))
	}
}

func (t *Truth) enter(job *v1alpha1.BatchJob, before, after []types.UID, as outcome) {
	for _, uid := range after {
		if slices.Contains(before, uid) {
			continue
		}
		p, ok := t.pods[uid]
		switch {
		case !ok || p.job != job.UID && !p.touched():
			t.world.fail("%s records the end of %s, which is no pod of it", job.Name, uid)
		case p.recorded != unrecorded:
			t.world.fail("%s records the end of pod %s twice, first as %s, now as %s", job.Name, p.now.Name, p.recorded, as)
		case (p.gone || !held(p.now)) && !p.touched():
			t.world.fail("%s records the end of pod %s, which it had let go", job.Name, p.now.Name)
		case !p.mayEnd(as):
			t.world.fail("%s records pod %s as %s, which is %s (being deleted: %v; by podFailurePolicy %03b)", job.Name, p.now.Name, as,
				p.now.Status.Phase, p.now.DeletionTimestamp != nil, p.ways)
		}
		p.recorded, p.recordedRV = as, rvOf(job)
	}
}

// mayEnd: by the state of somebody's cache the end of the pod is that.
func (p *podTruth) mayEnd(as outcome) bool {
	if as == asSucceeded {
		return p.now.Status.Phase == corev1.PodSucceeded
	}
	if as == asIgnored && p.ways&ignored == 0 || as == asFailed && p.ways.surely(ignored) {
		return false
	}
	return !activePod(p.now) && (p.now.Status.Phase != corev1.PodSucceeded || p.now.DeletionTimestamp != nil)
}

// leave says how many UIDs became numbers.
func (t *Truth) leave(job *v1alpha1.BatchJob, before, after []types.UID) int32 {
	var n int32
	for _, uid := range before {
		if slices.Contains(after, uid) {
			continue
		}
		n++
		if p := t.pods[uid]; !job.IsFinished() && !p.gone && held(p.now) {
			t.world.fail("%s moves pod %s into the counters while our finalizer holds it: it would be counted again", job.Name, p.now.Name)
		}
	}
	return n
}

// close ends a run: whatever ended and was not recorded is counted now, and
// what is still going counts for nothing. A pod that a late request made counts
// only if the writer happened to know of it.
func (t *Truth) close(job *v1alpha1.BatchJob, directS, directF int32) {
	var must, may struct{ succeeded, failed []*podTruth }
	for _, p := range t.of(job.UID) {
		if !p.open() && !p.uncertain() || t.closeIndex(job, p) {
			continue
		}
		switch {
		case t.outlives(job, p):
			p.recorded = asNothing
		case p.now.Status.Phase == corev1.PodSucceeded && p.excused():
			may.succeeded = append(may.succeeded, p)
		case p.now.Status.Phase == corev1.PodSucceeded:
			must.succeeded = append(must.succeeded, p)
		case p.ways.surely(ignored):
			p.recorded = asIgnored
		case p.uncertain(), p.mayFail():
			may.failed = append(may.failed, p)
		case podEnded(p.now):
			must.failed = append(must.failed, p)
		default:
			t.world.fail("%s is finished while pod %s is active", job.Name, p.now.Name)
		}
	}
	okS := settleBooks(job, asSucceeded, directS, must.succeeded, may.succeeded)
	okF := settleBooks(job, asFailed, directF, must.failed, may.failed)
	if !okS || !okF {
		t.world.fail("%s is finished and counts %d succeeded and %d failed pods in that write; the truth is %d (or %d more) and %d (or %d more)\n%s",
			job.Name, directS, directF, len(must.succeeded), len(may.succeeded), len(must.failed), len(may.failed), brief(job))
	}
}

// outlives: the pod is active, and who ended the run need not have known of it;
// also if hands have made a pod seem lost, so that this one was made, and the
// write that ends the run had been on its way before.
func (t *Truth) outlives(job *v1alpha1.BatchJob, p *podTruth) bool {
	return !p.gone && activePod(p.now) &&
		(p.excused() || t.world.landing && slices.ContainsFunc(t.of(job.UID), (*podTruth).touched))
}

// open: its end, should it come, is to be accounted for.
func (p *podTruth) open() bool { return p.recorded == unrecorded && !p.gone && held(p.now) }

// mayFail: whether it counts as failed depends on what its counter has seen.
func (p *podTruth) mayFail() bool {
	return p.late || !activePod(p.now) && (!podEnded(p.now) || p.ways&ignored != 0)
}

// settleBooks records that the pods which had to were counted, and of the
// others as many as the counter shows.
func settleBooks(job *v1alpha1.BatchJob, as outcome, counted int32, must, may []*podTruth) bool {
	more := int(counted) - len(must)
	for i, p := range append(must, may...) {
		p.recorded, p.recordedRV = as, rvOf(job)
		if i >= int(counted) {
			p.recorded = asNothing
		}
	}
	return more >= 0 && more <= len(may)
}

// verdict: none without its reason.
func (t *Truth) verdict(old, now *v1alpha1.BatchJob) {
	var succeeded, failed, restarts int32
	for _, p := range t.of(now.UID) {
		switch {
		case p.success() || p.uncertain() && p.now.Status.Phase == corev1.PodSucceeded:
			succeeded++
		case p.failure() || p.uncertain():
			failed++
		}
		restarts += podRestarts(p.now)
	}
	limit := now.Spec.GetBackoffLimit()
	recordedFailed := now.Status.Failed
	if u := now.Status.UncountedTerminatedPods; u != nil {
		recordedFailed += int32(len(u.Failed))
	}
	if newly(old, now, v1alpha1.ConditionFailureTarget) {
		t.mayFail(now, failed, restarts)
	}
	if newly(old, now, v1alpha1.ConditionSuccessCriteriaMet) {
		t.maySucceed(now, succeeded)
		if recordedFailed > limit {
			t.world.fail("%s succeeds, but %d pods failed and the limit is %d: failure beats success", now.Name, recordedFailed, limit)
		}
	}
}

// maySucceed judges a success by its reason.
func (t *Truth) maySucceed(now *v1alpha1.BatchJob, succeeded int32) {
	want, fixed := now.Spec.GetCompletions()
	if !fixed {
		want = 1
	}
	failed := len(failedOnes(now))
	if now.Spec.IsIndexed() {
		succeeded = int32(len(completed(now)))
	}
	c := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionSuccessCriteriaMet)
	switch {
	case c.Reason == v1alpha1.ReasonSuccessPolicy && !successRule(now.Spec.SuccessPolicy, completed(now), width(now)):
		t.world.fail("%s succeeds by a successPolicy that does not hold\n%s", now.Name, brief(now))
	case c.Reason == v1alpha1.ReasonCompletionsReached && (succeeded < want || failed > 0):
		t.world.fail("%s succeeds with %d of %d, %d indexes failed", now.Name, succeeded, want, failed)
	case now.Spec.MaxFailedIndexes != nil && failed > int(*now.Spec.MaxFailedIndexes):
		t.world.fail("%s succeeds, but %d indexes failed and %d may", now.Name, failed, *now.Spec.MaxFailedIndexes)
	}
	for _, p := range t.of(now.UID) {
		if p.recorded == asFailed && p.ways.surely(failsJob) {
			t.world.fail("%s succeeds, but pod %s fails the job: failure beats success", now.Name, p.now.Name)
		}
	}
}

// mayFail judges a failure by its reason.
func (t *Truth) mayFail(now *v1alpha1.BatchJob, failed, restarts int32) {
	c := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionFailureTarget)
	limit := now.Spec.GetBackoffLimit()
	switch c.Reason {
	case v1alpha1.ReasonBackoffLimitExceeded:
		restarted := now.Spec.Template.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && restarts > 0 && restarts >= limit
		if failed <= limit && !restarted {
			t.world.fail("%s fails with %s: in truth %d failed, %d restarts, the limit is %d", now.Name, c.Reason, failed, restarts, limit)
		}
	case v1alpha1.ReasonDeadlineExceeded:
		deadline, set := now.Spec.GetActiveDeadline()
		if !set || now.Status.StartTime == nil || t.world.Clock.Since(now.Status.StartTime.Time) < deadline {
			t.world.fail("%s fails with %s: it started at %v, the deadline is %v", now.Name, c.Reason, now.Status.StartTime, deadline)
		}
	default:
		if !t.policyFails(now, c.Reason) {
			t.world.fail("%s fails with %s, for which it has no cause\n%s", now.Name, c.Reason, brief(now))
		}
	}
}

// policyFails: there is a cause for one of the reasons that policies give.
func (t *Truth) policyFails(now *v1alpha1.BatchJob, reason string) bool {
	failed := len(failedOnes(now))
	switch reason {
	case v1alpha1.ReasonPodFailurePolicy:
		return slices.ContainsFunc(t.of(now.UID), func(p *podTruth) bool { return p.ways&failsJob != 0 })
	case v1alpha1.ReasonMaxFailedIndexesExceeded:
		return now.Spec.MaxFailedIndexes != nil && failed > int(*now.Spec.MaxFailedIndexes)
	case v1alpha1.ReasonFailedIndexes:
		return failed > 0 && failed+len(completed(now)) == width(now)
	}
	return false
}

func newly(old, now *v1alpha1.BatchJob, condition string) bool {
	return !meta.IsStatusConditionTrue(old.Status.Conditions, condition) && meta.IsStatusConditionTrue(now.Status.Conditions, condition)
}

func podRestarts(p *corev1.Pod) int32 {
	var n int32
	for _, c := range p.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

func uncounted(j *v1alpha1.BatchJob) (succeeded, failed []types.UID) {
	if u := j.Status.UncountedTerminatedPods; u != nil {
		return u.Succeeded, u.Failed
	}
	return nil, nil
}

// ignoredOnes are the failed pods that count for nothing but the back-off.
func ignoredOnes(j *v1alpha1.BatchJob) []types.UID {
	if u := j.Status.UncountedTerminatedPods; u != nil {
		return u.Ignored
	}
	return nil
}
