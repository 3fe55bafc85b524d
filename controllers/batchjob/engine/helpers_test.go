package engine_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// now is the time of every observation that does not say otherwise; runs began
// a minute before.
var now = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

const runAge = time.Minute

func after(d time.Duration) time.Time { return now.Add(d) }

func stamp(d time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(d))) }

// job is a manifest with nothing but a template.
func job(change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
	j := &v1alpha1.BatchJob{
		ObjectMeta: metav1.ObjectMeta{Name: "work", Namespace: "team", UID: "uid-of-work", Generation: 1},
		Spec: v1alpha1.BatchJobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "main", Image: "busybox"}},
		}}},
	}
	for _, do := range change {
		do(j)
	}
	return j
}

// spec changes the spec of a job.
func spec(change func(*v1alpha1.BatchJobSpec)) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { change(&j.Spec) }
}

// fixed is a job of so many pods at a time and so many to succeed.
func fixed(parallelism, completions int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.Parallelism, s.Completions = &parallelism, &completions })
}

// queue is a work queue.
func queue(parallelism int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.Parallelism = &parallelism })
}

func limit(backoffLimit int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.BackoffLimit = &backoffLimit })
}

func lasting(seconds int64) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.ActiveDeadlineSeconds = &seconds })
}

func replacing(p v1alpha1.PodReplacementPolicy) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.PodReplacementPolicy = &p })
}

func onFailure(j *v1alpha1.BatchJob) {
	j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
}

func suspend(j *v1alpha1.BatchJob) { j.Spec.Suspend = new(true) }

// begun is the job a minute after its run began, with the status that was
// written then.
func begun(j *v1alpha1.BatchJob, change ...func(*v1alpha1.BatchJobStatus)) *v1alpha1.BatchJob {
	j = j.DeepCopy()
	j.Status = *engine.Decide(engine.Observed{Now: after(-runAge), Job: j}).Status
	j.Status.ObservedGeneration = j.Generation // by the voice
	for _, do := range change {
		do(&j.Status)
	}
	return j
}

// counted says what the counters already hold.
func counted(succeeded, failed int32) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) { s.Succeeded, s.Failed = succeeded, failed }
}

// uncounted puts pods into uncountedTerminatedPods.
func uncounted(succeeded, failed []engine.Pod) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) {
		s.UncountedTerminatedPods = &v1alpha1.UncountedTerminatedPods{Succeeded: uids(succeeded), Failed: uids(failed)}
	}
}

// declared makes a condition True.
func declared(conditions ...string) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) {
		for _, t := range conditions {
			meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: t, Status: metav1.ConditionTrue,
				Reason: "Declared", Message: "as it was written", ObservedGeneration: 1, LastTransitionTime: *stamp(-10 * time.Second)})
		}
	}
}

// finishedJob ended ten seconds ago.
func finishedJob(complete bool, change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
	conditions := []string{v1alpha1.ConditionFailureTarget, v1alpha1.ConditionFailed}
	if complete {
		conditions = []string{v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionComplete}
	}
	j := begun(job(change...), declared(conditions...))
	j.Status.Active, j.Status.Ready = 0, new(int32(0))
	if complete {
		j.Status.CompletionTime = stamp(-10 * time.Second)
	}
	return j
}

// pod is a running, ready pod of run 1.
func pod(name string, change ...func(*engine.Pod)) engine.Pod {
	p := engine.Pod{
		PodRef: engine.PodRef{Name: name, UID: types.UID("uid-" + name)},
		Run:    1, Phase: corev1.PodRunning, Started: true, Tracked: true, Labelled: true, Assigned: true,
		Ready: true, ReadySince: after(-30 * time.Second), Created: after(-runAge),
	}
	for _, do := range change {
		do(&p)
	}
	return p
}

// pods are n of them, named a0, a1, and so on.
func pods(prefix string, n int, change ...func(*engine.Pod)) []engine.Pod {
	out := make([]engine.Pod, n)
	for i := range out {
		out[i] = pod(fmt.Sprintf("%s%d", prefix, i), change...)
	}
	return out
}

func ended(phase corev1.PodPhase, at time.Duration) func(*engine.Pod) {
	return func(p *engine.Pod) { p.Phase, p.Ready, p.Finished = phase, false, after(at) }
}

func succeeded(p *engine.Pod) { ended(corev1.PodSucceeded, -time.Second)(p) }
func failed(p *engine.Pod)    { ended(corev1.PodFailed, -time.Hour)(p) }
func pending(p *engine.Pod) {
	p.Phase, p.Started, p.Ready, p.ReadySince = corev1.PodPending, false, false, time.Time{}
}
func deleting(p *engine.Pod) { p.Deleting, p.Finished = true, after(-time.Hour) }
func forced(p *engine.Pod)   { p.Forced = true }
func released(p *engine.Pod) { p.Tracked = false }

func restarts(n int32) func(*engine.Pod) {
	return func(p *engine.Pod) { p.Restarts, p.MaxRestarts = n, n }
}

func decide(j *v1alpha1.BatchJob, pods ...engine.Pod) engine.Plan {
	return decideAt(now, j, pods...)
}

func decideAt(at time.Time, j *v1alpha1.BatchJob, pods ...engine.Pod) engine.Plan {
	return engine.Decide(engine.Observed{Now: at, Job: j, Pods: pods})
}

// wrote is the job once the plan's status has been written.
func wrote(j *v1alpha1.BatchJob, p engine.Plan) *v1alpha1.BatchJob {
	j = j.DeepCopy()
	j.Status = *p.Status.DeepCopy()
	j.Status.ObservedGeneration = j.Generation // by the voice
	return j
}

func uids(pods []engine.Pod) []types.UID {
	var out []types.UID
	for i := range pods {
		out = append(out, pods[i].UID)
	}
	return out
}

func names(refs []engine.PodRef) []string {
	var out []string
	for _, ref := range refs {
		out = append(out, ref.Name)
	}
	return out
}

// verdict is a condition as Status/Reason; empty if there is none.
func verdict(s *v1alpha1.BatchJobStatus, t string) string {
	c := meta.FindStatusCondition(s.Conditions, t)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason
}

func isTrue(s *v1alpha1.BatchJobStatus, t string) bool {
	return meta.IsStatusConditionTrue(s.Conditions, t)
}

// same compares; nil and empty are the same.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: - wanted, + got:\n%s", what, diff)
	}
}
