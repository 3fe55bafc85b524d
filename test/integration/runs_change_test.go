//go:build integration

package integration

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestDrain: the pods that run finish, no other is made, and the new run begins
// after the last. A revert before that goes on with the run.
func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	const shape = "spec: {completions: 4, parallelism: 2}"
	w.apply("job", withImage("v1"), shape)
	w.runs("job", 1, 2)
	w.start("job")
	w.apply("job", withImage("v2"), shape)
	w.says("job", v1alpha1.ConditionReady, "Unknown/Draining", "Run 1 makes no more pods, as the spec has changed", "waiting for 2 pods to end", "then run 2 starts")
	w.stays("job")
	w.apply("job", withImage("v1"), shape)
	w.says("job", v1alpha1.ConditionReady, "Unknown/Progressing")
	w.succeed("job")
	w.until("job", "the successes count", func(job *v1alpha1.BatchJob) error { return wantProgress(job, "2/4") })
	w.runs("job", 1, 2)
	w.start("job")
	w.apply("job", withImage("v2"), shape)
	w.says("job", v1alpha1.ConditionReady, "Unknown/Draining")
	w.succeed("job") // the last that it needs: its verdict is one, also under another image
	job := w.runs("job", 2, 2)
	same(t, "outcome", job.Status.History[0].Outcome, v1alpha1.RunComplete)
	same(t, "succeeded", job.Status.History[0].Succeeded, 4)
}

// TestReplace: the pods that run are deleted gracefully, which is no failure, and
// the new run waits until they have gone.
func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	const shape = "spec: {completions: 2, parallelism: 2, backoffLimit: 0, updatePolicy: Replace}"
	w.apply("job", withImage("v1"), shape)
	w.runs("job", 1, 2)
	w.start("job")
	w.apply("job", withImage("v2"), shape)
	w.says("job", v1alpha1.ConditionReady, "Unknown/Draining", "waiting for 2 pods to end", w.node)
	w.until("job", "they are terminating", func(job *v1alpha1.BatchJob) error { return wantTerminating(job, 2) })
	w.stays("job")
	w.terminate("job")
	job := w.runs("job", 2, 2)
	same(t, "outcome", job.Status.History[0].Outcome, v1alpha1.RunSuperseded)
	same(t, "failed", job.Status.History[0].Failed, 0)
}

// moment is one at which the image is edited: what the job is like, how it gets
// there, and what is to be seen and done before the next run has its pods; how
// many those are, and the outcome of the first run.
type moment struct {
	spec           string
	arrange, after func(name string)
	outcome        v1alpha1.RunOutcome
	pods           int
}

// TestAnEditAtAnyMoment of a run: what it turns into, and that nothing of the old
// revision is made afterwards. The witness sees that the two never meet.
func TestAnEditAtAnyMoment(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for name, c := range map[string]moment{
		"suspended": {"spec: {suspend: true}", func(name string) {
			w.says(name, v1alpha1.ConditionReady, "False/Suspended")
		}, func(name string) {
			job := w.says(name, v1alpha1.ConditionReady, "False/Suspended", "set by git")
			same(t, name+": run", job.GetRun(), 2)
			w.apply(name, withImage("v2"))
		}, v1alpha1.RunSuperseded, 1},
		"backing off": {"spec: {backoff: {initialDelay: 5m, maxDelay: 5m}}", func(name string) {
			w.runs(name, 1, 1)
			w.fail(name)
			w.until(name, "it waits", func(job *v1alpha1.BatchJob) error { return wantReason(job, "BackingOff") })
		}, nil, v1alpha1.RunSuperseded, 1},
		"failed": {"spec: {backoffLimit: 0}", func(name string) {
			w.runs(name, 1, 1)
			w.fail(name)
			w.ends(name, 1, v1alpha1.PhaseFailed)
		}, nil, v1alpha1.RunFailed, 1},
		"failing": {"spec: {backoffLimit: 0, parallelism: 2, completions: 2}", func(name string) {
			w.runs(name, 1, 2)
			w.start(name)
			w.failOne(name)
			w.until(name, "the other pod is terminating", func(job *v1alpha1.BatchJob) error { return wantTerminating(job, 1) })
		}, func(name string) {
			w.says(name, v1alpha1.ConditionFailureTarget, "True/BackoffLimitExceeded")
			w.terminate(name)
		}, v1alpha1.RunFailed, 2},
		"waiting": {"spec: {dependsOn: [{name: nobody}]}", func(name string) {
			w.says(name, v1alpha1.ConditionReady, "False/DependencyNotReady", "nobody does not exist")
		}, func(name string) {
			job := w.says(name, v1alpha1.ConditionReady, "False/DependencyNotReady", "nobody does not exist")
			same(t, name+": pods", len(w.pods(name, every)), 0)
			same(t, name+": run", job.GetRun(), 2)
			w.apply(name, withImage("v2"))
		}, v1alpha1.RunSuperseded, 1},
	} {
		t.Run(name, func(t *testing.T) {
			name := strings.ReplaceAll(name, " ", "-")
			w.apply(name, withImage("v1"), c.spec)
			c.arrange(name)
			w.apply(name, withImage("v2"), c.spec)
			if c.after != nil {
				c.after(name)
			}
			job := w.runs(name, 2, c.pods)
			same(t, "outcome", job.Status.History[0].Outcome, c.outcome)
			same(t, "records", len(job.Status.History), 1)
			for _, pod := range w.pods(name, alive) {
				same(t, "image", pod.Spec.Containers[0].Image, "v2")
			}
		})
	}
}

// TestASuspendedTemplate: what batch/v1 lets a suspended job change is taken over
// into the run.
func TestASuspendedTemplate(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	const gated = "spec: {suspend: true, template: {metadata: {labels: {queue: fast}}, spec: {nodeSelector: {disk: ssd}}}}"
	w.apply("job", "spec: {suspend: true}")
	before := w.says("job", v1alpha1.ConditionReady, "False/Suspended")
	w.apply("job", gated)
	job := w.until("job", "re-stamped", func(job *v1alpha1.BatchJob) error {
		if job.Status.Revision == before.Status.Revision {
			return errors.New("it has the old revision")
		}
		return nil
	})
	same(t, "run", job.GetRun(), 1)
	w.apply("job", gated, "spec: {suspend: false}")
	w.runs("job", 1, 1)
	same(t, "the pod's", w.pods("job", alive)[0].Labels["queue"], "fast")
}

// TestWhatCanNeverRun: the API server's words stand in Stalled within seconds,
// what ran last stays, and a revert heals without a run.
func TestWhatCanNeverRun(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for name, c := range map[string]struct {
		patch, reason string
		words         []string
	}{
		"rejected": {"spec: {template: {spec: {containers: [{name: main, image: v2, ports: [{containerPort: 70000}]}]}}}",
			v1alpha1.ReasonPodRejected, []string{"spec.template", "the API server refused the pod", "spec.containers[0].ports[0].containerPort", "70000"}},
		"volume": {"spec: {template: {spec: {containers: [{name: main, image: v2, volumeMounts: [{name: nowhere, mountPath: /data}]}]}}}",
			v1alpha1.ReasonPodRejected, []string{"spec.template", `volumeMounts[0].name: Not found: "nowhere"`}},
		"invalid": {"spec: {template: {spec: {containers: [{name: main, image: v2}]}}, podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: nobody, operator: In, values: [1]}}]}}",
			v1alpha1.ReasonInvalidSpec, []string{"spec.podFailurePolicy.rules[0].onExitCodes.containerName", "nobody"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.apply(name, withImage("v1"))
			w.runs(name, 1, 1)
			w.succeed(name)
			w.ends(name, 1, v1alpha1.PhaseComplete)
			w.apply(name, withImage("v2"))
			w.runs(name, 2, 1)
			w.succeed(name)
			good := w.ends(name, 2, v1alpha1.PhaseComplete)

			changed := time.Now()
			w.apply(name, c.patch)
			job := w.says(name, v1alpha1.ConditionStalled, "True/"+c.reason, c.words...)
			if took := time.Since(changed); took > 10*time.Second {
				t.Errorf("that took %s", took)
			}
			w.says(name, v1alpha1.ConditionReady, "False/"+c.reason, c.words...)
			same(t, "run", job.GetRun(), 2)
			same(t, "the last revision", job.Status.Revision, good.Status.Revision)
			same(t, "the last verdict", meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionComplete), true)
			same(t, "records", len(job.Status.History), 1)
			same(t, "pods", len(w.pods(name, every)), 2)
			w.stays(name)

			w.apply(name, withImage("v2"))
			job = w.says(name, v1alpha1.ConditionReady, "True/Succeeded")
			same(t, "run after the revert", job.GetRun(), 2)
			same(t, "Stalled", meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionStalled) == nil, true)
		})
	}
}

// TestARefusalInMidRun: the pods that run go on, and a revert lets the run go on.
func TestARefusalInMidRun(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	const shape = "spec: {completions: 2, parallelism: 1}"
	w.apply("job", withImage("v1"), shape)
	w.runs("job", 1, 1)
	w.start("job")
	w.apply("job", shape, "spec: {template: {spec: {containers: [{name: main, image: v2, ports: [{containerPort: 70000}]}]}}}")
	w.says("job", v1alpha1.ConditionStalled, "True/PodRejected", "70000")
	same(t, "pods that run", len(w.pods("job", alive)), 1)
	w.succeed("job")
	w.until("job", "its end is counted", func(job *v1alpha1.BatchJob) error { return wantProgress(job, "1/2") })
	w.says("job", v1alpha1.ConditionStalled, "True/PodRejected", "70000")
	w.apply("job", withImage("v1"), shape)
	job := w.runs("job", 1, 1)
	same(t, "succeeded", job.Status.Progress, "1/2")
}
