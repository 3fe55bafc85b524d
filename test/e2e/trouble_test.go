//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// neverWorks commits what can never run: once what only a pod's creation
// tells, once what the API server refuses at once.
func neverWorks(s *space) {
	f, pods := s.newFlux(), s.watch()
	good := quick("BatchJob", "migrate", v1, "rerunPolicy: OncePerRevision").String()
	f.commit("release 1", files{"app/job.yaml": good})
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("a port that is none", files{"app/job.yaml": strings.Replace(good, "image: "+v1, "image: "+v2+"\n        ports: [{containerPort: 99999}]", 1)})
	v := f.says("app", metav1.ConditionFalse)
	if !strings.Contains(v.message, "failed early due to stalled resources") {
		s.Errorf("Flux says %s", v)
	}
	job := s.says("migrate", v1alpha1.ReasonPodRejected, "containerPort", "must be between 1 and 65535")
	if !job.IsFinished() || job.Status.Run.Number != 1 || len(job.Status.SucceededRevisions) != 1 {
		s.Errorf("the last good run is not kept:\n%s", s.describe())
	}
	f.revert()
	f.says("app", metav1.ConditionTrue)
	f.commit("a negative count", files{"app/job.yaml": strings.Replace(good, "backoffLimit: 0", "backoffLimit: -1", 1)})
	refused := f.says("app", metav1.ConditionFalse)
	if !strings.Contains(refused.message, "spec.backoffLimit") {
		s.Errorf("Flux says %s", refused)
	}
	if job, err := s.job(s.Context(), "migrate"); err != nil || *job.Spec.BackoffLimit != 0 || readyOf(job).status != "True" {
		s.Errorf("the last good state is not kept: %v\n%s", err, s.describe())
	}
	f.revert()
	f.says("app", metav1.ConditionTrue)
	s.ran(pods, "migrate", v1)
	s.saw("Stalled %s after the commit: %q; run 1 still Complete, the revert healed without a new run; a refused field: %s",
		v.after.Round(time.Second/10), readyOf(job).message, lastWords(refused.message))
}

// fight has Flux and somebody with kubectl write the same fields in turn.
func fight(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.commit("release 1", files{"app/job.yaml": quick("BatchJob", "migrate", v1, "runAt: git").String()})
	f.kustomization("app", "2s")
	s.run("migrate", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	const rounds = 4
	for range rounds {
		s.override("runAt", `{"spec":{"runAt":"hand"}}`, func(job *v1alpha1.BatchJob) bool { return job.Spec.RunAt == "git" })
	}
	s.run("migrate", 2, v1alpha1.RunRequested, v1alpha1.PhaseComplete)
	s.ran(pods, "migrate", v1, v1)
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"main","image":%q,"command":["/bin/sh","-c","true"]}]}}}}`, v2)
	for range rounds {
		s.override("image", patch, func(job *v1alpha1.BatchJob) bool { return job.Spec.Template.Spec.Containers[0].Image == v1 })
	}
	var job *v1alpha1.BatchJob
	s.eventually(soon, "the last run ends", func(ctx context.Context) error {
		var err error
		if job, err = s.job(ctx, "migrate"); err == nil && (job.Status.Phase != v1alpha1.PhaseComplete || job.Status.ObservedGeneration != job.Generation) {
			err = fmt.Errorf("it is %s", job.Status.Phase)
		}
		return err
	})
	// Each of the patches and each answer of Flux is a generation, and the
	// first two runs are not among them.
	if most := int64(2 + 2*rounds); job.Status.Run.Number > most || job.Status.Run.Number > job.Generation {
		s.Errorf("run %d, at most %d generations", job.Status.Run.Number, most)
	}
	if done := pods.succeeded("migrate"); len(done) > 2+2*rounds {
		s.Errorf("%d generations and tokens have been run %d times, runs %q\n%s", 2+2*rounds, len(done), done, s.describe())
	}
	if both := pods.overlaps(); len(both) > 0 {
		s.Errorf("two revisions at once: %q", both)
	}
	var managers []string
	for _, m := range job.ManagedFields {
		managers = append(managers, m.Manager)
	}
	s.saw("token: %d patches, one run more; image: %d patches, run %d at generation %d, none run twice; managers %q, history of %d",
		rounds, rounds, job.Status.Run.Number, job.Generation, slices.Compact(managers), len(job.Status.History))
}

// override patches a job by hand and waits until Flux has undone it.
func (s *space) override(what, patch string, undone func(*v1alpha1.BatchJob) bool) {
	s.Helper()
	job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: "migrate"}}
	if err := api.Patch(s.Context(), job, client.RawPatch("application/merge-patch+json", []byte(patch)), client.FieldOwner("kubectl-patch")); err != nil {
		s.Fatal(err)
	}
	s.eventually(soon, "Flux puts back "+what, func(ctx context.Context) error {
		job, err := s.job(ctx, "migrate")
		if err == nil && !undone(job) {
			err = fmt.Errorf("it is still as patched")
		}
		return err
	})
}

// failingSchedule: Flux waits for what it applies, and a run that fails later
// is none of its business.
func failingSchedule(s *space) {
	f := s.newFlux()
	f.commit("every five seconds", files{"app/cron.yaml": failing("BatchJob", "poll", v1).scheduled("*/5 * * * * *")})
	f.kustomization("app", "2s", "wait: true")
	f.says("app", metav1.ConditionTrue)
	s.eventually(soon, "a run has failed", func(ctx context.Context) error {
		o, err := s.object(ctx, v1alpha1.GroupVersion.String(), "CronBatchJob", "poll")
		if err == nil && condition(o, v1alpha1.ConditionLastRunSucceeded).status != string(metav1.ConditionFalse) {
			err = fmt.Errorf("none has")
		}
		return err
	})
	f.look()
	f.says("app", metav1.ConditionTrue)
	f.commit("never", files{"app/cron.yaml": failing("BatchJob", "poll", v1).scheduled("0 0 31 2 *")})
	v := f.says("app", metav1.ConditionFalse)
	stalled := s.ready("CronBatchJob", "poll", "False", v1alpha1.ReasonInvalidSchedule)
	f.revert()
	f.says("app", metav1.ConditionTrue)
	s.saw("Ready after a failed run; a schedule that never fires fails %s after the commit: %s; its revert heals", v.after.Round(time.Second/10), stalled.message)
}
