//go:build integration

package integration

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestAChangeRunsAgain: a new image is a new run; its pods say so, the record of
// the old one and its pods stay.
func TestAChangeRunsAgain(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("migrate", withImage("v1"))
	w.runs("migrate", 1, 1)
	w.succeed("migrate")
	first := w.ends("migrate", 1, v1alpha1.PhaseComplete)
	same(t, "reason of the first run", first.Status.Run.Reason, v1alpha1.RunCreated)

	w.apply("migrate", withImage("v2"))
	second := w.runs("migrate", 2, 1)
	same(t, "reason of the second", second.Status.Run.Reason, v1alpha1.RunChanged)
	pod := w.pods("migrate", alive)[0]
	same(t, "image", pod.Spec.Containers[0].Image, "v2")
	same(t, "run of the pod", runOf(pod), "2")
	same(t, "revision of the pod", pod.Annotations[v1alpha1.AnnotationRevision], second.Status.Revision)
	same(t, "pods of the first run", len(w.pods("migrate", over)), 1)
	record := second.Status.History[0]
	same(t, "record: revision", record.Revision, first.Status.Revision)
	same(t, "record: outcome", record.Outcome, v1alpha1.RunComplete)
	same(t, "record: succeeded", record.Succeeded, 1)
	same(t, "record: its times", record.Start != nil && record.End != nil && !record.End.Before(record.Start), true)
	if len(second.Status.SucceededRevisions) != 1 || second.Status.CompletionTime != nil || second.Status.Succeeded != 0 {
		t.Errorf("the status of the second run has something of the first: %+v", second.Status)
	}
	w.fail("migrate")
	w.until("migrate", "its failure is counted", func(job *v1alpha1.BatchJob) error { return wantFailed(job, 1) })
}

// TestARevert: what the revision that succeeded first does when it comes back.
func TestARevert(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for policy, run := range map[string]int64{"OnChange": 3, "OncePerRevision": 2} {
		name, rerun := strings.ToLower(policy), "spec: {rerunPolicy: "+policy+"}"
		w.apply(name, withImage("v1"), rerun)
		for n, image := range []string{"v1", "v2"} {
			w.apply(name, withImage(image), rerun)
			w.runs(name, int64(n+1), 1)
			w.succeed(name)
			w.ends(name, int64(n+1), v1alpha1.PhaseComplete)
		}
		reverted := w.apply(name, withImage("v1"), rerun)
		if run == 3 {
			w.runs(name, 3, 1)
			continue
		}
		job := w.says(name, v1alpha1.ConditionReady, "True/NotRun", "has succeeded before", "OncePerRevision", "run 2", "spec.runAt")
		same(t, "the generation that it speaks of", job.Status.ObservedGeneration, reverted.Generation)
		same(t, "run", job.GetRun(), run)
		same(t, "phase", job.Status.Phase, v1alpha1.PhaseNotRun)
		same(t, "the verdict of run 2 stays", meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionComplete), true)
		w.stays(name)
		w.apply(name, withImage("v3"), rerun)
		w.runs(name, 3, 1)
		w.fail(name) // a revision that did not succeed is run again
		w.apply(name, withImage("v4"), rerun, "spec: {updatePolicy: Replace}")
		w.runs(name, 4, 1)
		w.start(name)
		w.apply(name, withImage("v3"), rerun, "spec: {updatePolicy: Replace}")
		w.until(name, "its pod is terminating", func(job *v1alpha1.BatchJob) error { return wantTerminating(job, 1) })
		w.terminate(name)
		w.runs(name, 5, 1)
	}
}

// TestNever: changes are recorded and not run; a token runs what the spec has
// by then.
func TestNever(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	const never = "spec: {rerunPolicy: Never}"
	w.apply("import", withImage("v1"), never)
	w.runs("import", 1, 1)
	w.start("import")
	w.apply("import", withImage("v2"), never)
	w.says("import", v1alpha1.ConditionReady, "Unknown/Draining", "nothing runs after it, as rerunPolicy is Never")
	w.succeed("import")
	job := w.says("import", v1alpha1.ConditionReady, "True/NotRun", "rerunPolicy is Never")
	same(t, "run", job.GetRun(), 1)
	same(t, "pods", len(w.pods("import", every)), 1)
	w.stays("import")
	w.apply("import", withImage("v2"), never, "spec: {runAt: please}")
	job = w.runs("import", 2, 1)
	same(t, "reason", job.Status.Run.Reason, v1alpha1.RunRequested)
	same(t, "image", w.pods("import", alive)[0].Spec.Containers[0].Image, "v2")
}

// TestRunAt: a token starts one run, from git or by hand, and never another one.
func TestRunAt(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("report", "spec: {runAt: monday}")
	w.runs("report", 1, 1)
	w.succeed("report")
	job := w.ends("report", 1, v1alpha1.PhaseComplete)
	same(t, "handled by the first run", strings.Join(job.Status.HandledRunTokens, " "), "monday")

	before := w.apply("report", "spec: {runAt: tuesday}")
	same(t, "generation, which health waits for", before.Generation, 2)
	job = w.runs("report", 2, 1)
	same(t, "reason", job.Status.Run.Reason, v1alpha1.RunRequested)
	same(t, "revision", job.Status.Revision, job.Status.History[0].Revision)
	w.succeed("report")
	w.ends("report", 2, v1alpha1.PhaseComplete)

	annotate := func(token string) {
		w.edit("report", `metadata: {annotations: {"batch.stint.dev/runAt": "`+token+`"}}`)
	}
	annotate("by hand")
	w.runs("report", 3, 1)
	w.succeed("report")
	w.ends("report", 3, v1alpha1.PhaseComplete)
	for _, old := range []string{"monday", "tuesday", "by hand"} { // a tool restores it
		w.apply("report", "spec: {runAt: "+old+"}")
		w.until("report", "looked at", func(*v1alpha1.BatchJob) error { return nil })
		annotate(old)
		w.stays("report")
	}
	same(t, "run", w.job("report").GetRun(), 3)

	annotate("later") // during a run of the same revision, the newest waits
	w.runs("report", 4, 1)
	w.start("report")
	annotate("later still")
	w.says("report", v1alpha1.ConditionReady, "Unknown/Progressing", "run 5 follows", `"later still"`)
	annotate("latest")
	w.says("report", v1alpha1.ConditionReady, "Unknown/Progressing", `"latest"`)
	w.succeed("report")
	w.runs("report", 5, 1)
	w.succeed("report")
	job = w.ends("report", 5, v1alpha1.PhaseComplete)
	annotate("later still") // it gave way to a newer one
	w.stays("report")
	same(t, "handled", strings.Join(job.Status.HandledRunTokens[:3], ", "), "latest, later still, later")
}

// TestRunAtReplaces: with updatePolicy Replace a token ends the run.
func TestRunAtReplaces(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("report", "spec: {updatePolicy: Replace}")
	w.runs("report", 1, 1)
	w.start("report")
	w.apply("report", "spec: {updatePolicy: Replace, runAt: now}")
	w.says("report", v1alpha1.ConditionReady, "Unknown/Draining", `another run is asked for (token "now", updatePolicy Replace)`)
	w.terminate("report")
	job := w.runs("report", 2, 1)
	same(t, "outcome", job.Status.History[0].Outcome, v1alpha1.RunSuperseded)
	same(t, "failed", job.Status.History[0].Failed, 0)
}

// TestRequestedAt is answered, by a finished job too, and starts nothing.
func TestRequestedAt(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("job")
	w.runs("job", 1, 1)
	ask := func(at string) {
		w.edit("job", `metadata: {annotations: {"reconcile.fluxcd.io/requestedAt": "`+at+`"}}`)
		w.until("job", "answered", func(job *v1alpha1.BatchJob) error { return wantHandled(job, at) })
	}
	ask("2026-11-26T00:00:00Z")
	w.succeed("job")
	w.ends("job", 1, v1alpha1.PhaseComplete)
	ask("2026-11-26T00:01:00Z")
	w.stays("job")
	same(t, "run", w.job("job").GetRun(), 1)
}

// unbound pods go at once when they are deleted.
const unbound = "spec: {template: {spec: {nodeName: null}}}"

// TestTwoAuthors: git and a hand want different images. Each of their edits is a
// generation, and none starts more than one run; managedFields and the history
// show who and what. Both set a token: that is two runs.
func TestTwoAuthors(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("job", withImage("git"), unbound)
	w.runs("job", 1, 1)
	for n := int64(2); n <= 6; n += 2 {
		w.edit("job", `spec: {template: {spec: {containers: [{name: main, image: hand}]}}}`)
		job := w.runs("job", n, 1)
		same(t, "image", job.Status.Images, "hand")
		w.apply("job", withImage("git"), unbound)
		w.runs("job", n+1, 1)
	}
	w.succeed("job")
	job := w.ends("job", 7, v1alpha1.PhaseComplete)
	same(t, "generation", job.Generation, 7)
	same(t, "history", len(job.Status.History), 6)
	w.stays("job")
	managers := map[string]bool{}
	for _, f := range job.ManagedFields {
		managers[f.Manager] = true
	}
	same(t, "git is known", managers["git"], true)

	w.apply("job", withImage("git"), unbound, "spec: {runAt: a}", `metadata: {annotations: {"batch.stint.dev/runAt": b}}`)
	w.runs("job", 8, 1)
	w.edit("job", "spec: {runAt: b}") // they change places
	w.edit("job", `metadata: {annotations: {"batch.stint.dev/runAt": a}}`)
	w.succeed("job")
	job = w.ends("job", 8, v1alpha1.PhaseComplete)
	same(t, "handled", len(job.Status.HandledRunTokens), 2)
	w.stays("job")
}

// TestPodHistory: podHistoryLimit is by runs, not by pods, and pods go when a run
// starts.
func TestPodHistory(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for name, kept := range map[string]string{"none": "4", "unset": "3 4", "two": "2 3 4"} {
		limit := map[string]string{"none": "spec: {podHistoryLimit: 0}", "unset": "spec: {}", "two": "spec: {podHistoryLimit: 2}"}[name]
		const pair = "spec: {completions: 2, parallelism: 2}"
		for run, image := range []string{"v1", "v2", "v3", "v4"} {
			w.apply(name, withImage(image), limit, pair)
			w.runs(name, int64(run+1), 2)
			if run == 3 {
				break
			}
			w.succeed(name)
			w.ends(name, int64(run+1), v1alpha1.PhaseComplete)
		}
		w.until(name, "its old pods have gone", func(*v1alpha1.BatchJob) error {
			runs := map[string]int{}
			for _, p := range w.pods(name, every) {
				runs[runOf(p)]++
			}
			return wantRuns(runs, kept, 2)
		})
		w.succeed(name)
		w.ends(name, 4, v1alpha1.PhaseComplete)
		if runs := len(w.pods(name, every)); runs != 2*len(strings.Fields(kept)) {
			t.Errorf("%s: %d pods are kept, want those of runs %s", name, runs, kept)
		}
	}
}
