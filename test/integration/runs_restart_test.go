//go:build integration

package integration

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// jobsInEveryState makes one job for each, and tells which phase it is in.
func (w *workshop) jobsInEveryState() map[string]v1alpha1.Phase {
	w.t.Helper()
	const never = "spec: {rerunPolicy: Never}"
	w.apply("complete", withImage("v1"))
	w.apply("notrun", withImage("v1"), never)
	w.apply("failed", "spec: {backoffLimit: 0}")
	w.apply("draining", withImage("v1"))
	w.apply("running", "spec: {completions: 2, parallelism: 2}")
	w.apply("suspended", "spec: {suspend: true}")
	w.apply("waiting", "spec: {dependsOn: [{name: nobody}]}")
	for name, end := range map[string]func(string){"complete": w.succeed, "notrun": w.succeed, "failed": w.fail, "draining": w.start} {
		w.runs(name, 1, 1)
		end(name)
	}
	w.ends("complete", 1, v1alpha1.PhaseComplete)
	w.apply("complete", withImage("v2"))
	w.runs("complete", 2, 1)
	w.succeed("complete")
	w.apply("notrun", withImage("v2"), never)
	w.apply("draining", withImage("v2"))
	w.runs("running", 1, 2)
	states := map[string]v1alpha1.Phase{"complete": v1alpha1.PhaseComplete, "notrun": v1alpha1.PhaseNotRun, "failed": v1alpha1.PhaseFailed,
		"suspended": v1alpha1.PhaseSuspended, "waiting": v1alpha1.PhaseWaiting, "draining": v1alpha1.PhaseRunning, "running": v1alpha1.PhasePending}
	for name, phase := range states {
		w.until(name, string(phase), func(job *v1alpha1.BatchJob) error { return wantPhase(job, phase) })
		w.settled(name)
	}
	return states
}

// TestAnotherProcess: an operator that starts runs nothing again and writes
// nothing, whatever state a job is in.
func TestAnotherProcess(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	versions := map[string]string{}
	for name := range w.jobsInEveryState() {
		versions[name] = w.job(name).ResourceVersion
	}
	w.shut()
	w.open()
	w.apply("last", "spec: {suspend: true}") // what is asked for last is seen last
	w.says("last", v1alpha1.ConditionReady, "False/Suspended")
	for name, version := range versions {
		same(t, "the version of "+name, w.job(name).ResourceVersion, version)
	}
	same(t, "writes", w.writes.Load(), 1)
}

// TestANewerProcess: one that hashes otherwise stamps the jobs anew, and runs
// nothing again.
func TestANewerProcess(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	states := w.jobsInEveryState()
	w.shut()
	for _, name := range slices.Sorted(maps.Keys(states)) { // as an older operator stamped them
		job := w.job(name)
		job.Status.Revision, job.Status.FixedRevision, job.Status.RulesRevision = "v0-1", "v0-2", "v0-3"
		if job.Status.Next != nil {
			job.Status.Next.Revision = "v0-4"
		}
		if err := api.Status().Update(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	for name, phase := range states {
		run := int64(1)
		if name == "complete" {
			run = 2
		}
		job := w.until(name, "stamped anew", func(job *v1alpha1.BatchJob) error {
			if next := job.Status.Next; next == nil && job.Status.Revision == "v0-1" || next != nil && next.Revision == "v0-4" {
				return errors.New("it has the old revision")
			}
			return wantPhase(job, phase)
		})
		same(t, "the run of "+name, job.GetRun(), run)
	}
	same(t, "pods of complete", len(w.pods("complete", every)), 2)
	w.succeed("draining")
	w.runs("draining", 2, 1)
	w.succeed("running")
	w.ends("running", 1, v1alpha1.PhaseComplete)
}

// restore puts a job back as a backup has it: a new object, and the status of
// the old one, while no operator looks.
func (w *workshop) restore(name string, backup *v1alpha1.BatchJob, patches ...string) {
	w.t.Helper()
	if err := api.Delete(w.t.Context(), w.job(name)); err != nil {
		w.t.Fatal(err)
	}
	job := w.apply(name, patches...)
	if job.UID == backup.UID || job.Status.Run != nil {
		w.t.Fatalf("BatchJob %s is not a new one", name)
	}
	job.Status = backup.Status
	if err := api.Status().Update(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
}

// TestRestoredWithItsStatus: a run that has ended does not begin again, though
// the new object's generations begin anew, below the one that the status speaks
// of; a change that comes with the restore, or after it, runs.
func TestRestoredWithItsStatus(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for _, name := range []string{"same", "changed"} {
		w.apply(name, withImage("v1"))
		w.runs(name, 1, 1)
		w.succeed(name)
		w.ends(name, 1, v1alpha1.PhaseComplete)
		for _, limit := range []string{"3", "4"} {
			w.apply(name, withImage("v1"), "spec: {backoffLimit: "+limit+"}") // another generation
		}
		w.settled(name)
	}
	w.shut()
	w.restore("same", w.job("same"), withImage("v1"))
	w.restore("changed", w.job("changed"), withImage("v2"))
	w.open()
	w.ends("same", 1, v1alpha1.PhaseComplete)
	same(t, "pods of what has run", len(w.pods("same", alive)), 0)
	w.stays("same")
	w.runs("changed", 2, 1)
	w.apply("same", withImage("v2"))
	w.runs("same", 2, 1)
}
