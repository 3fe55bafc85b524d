//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// pain is something that teams which keep Jobs in git complain about. The one
// side shows that it is so with batch/v1, the other that it is not with ours;
// both fail when they do not see it.
type pain struct {
	name          string
	upstream, own func(*space)
}

var pains = []pain{
	{"R1 a changed image", immutableJob, changedImage},
	{"R1 a changed image, helm upgrade", helmImmutable, helmChanged},
	{"R1 a changed image, Argo CD", argoImmutable, argoChanged},
	{"R2 a finished job is cleaned up", ttlRunsAgain, ttlKeepsRecord},
	{"R2 a finished job is cleaned up, self-heal", argoRunsAgain, argoKeepsRecord},
	{"R3 a migration before the second release", secondReleaseStuck, secondRelease},
	{"R4 a run is asked for", tokenRunsNothing, tokenRunsOnce},
	{"R5 a scheduled run fails", failedCronUntold, failedCronTold},
	{"R6 a change is reverted", revertRunsAgain, revertRunsNothing},
	{"R7 somebody suspends it", suspendUnseen, suspendTold},
	{"R8 a release comes in mid-run", twoReleasesAtOnce, oneReleaseAtATime},
	{"R9 the CRD's size", embeddedJob, ownCRDs},
}

// R1

func immutableJob(s *space) {
	f := s.newFlux()
	f.commit("release 1", files{"app/job.yaml": quick("Job", "migrate", v1).String()})
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("release 2", files{"app/job.yaml": quick("Job", "migrate", v2).String()})
	v := f.says("app", metav1.ConditionFalse)
	if !strings.Contains(v.message, "field is immutable") {
		s.Errorf("Flux does not complain of an immutable field: %s", v)
	}
	if job, err := s.upstreamJob(s.Context(), "migrate"); err != nil || job.Spec.Template.Spec.Containers[0].Image != v1 {
		s.Errorf("the job is no longer that of release 1: %v", err)
	}
	s.saw("refused after %s: %s", v.after.Round(time.Second/10), lastWords(v.message))
}

func (s *space) upstreamJob(ctx context.Context, name string) (*batchv1.Job, error) {
	return core.BatchV1().Jobs(s.name).Get(ctx, name, metav1.GetOptions{})
}

// lastWords keeps the end of a long message, where API servers put the reason.
func lastWords(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > 100 {
		message = "…" + message[len(message)-100:]
	}
	return message
}

func changedImage(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.commit("release 1", files{"app/job.yaml": quick("BatchJob", "migrate", v1).String()})
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("release 2", files{"app/job.yaml": quick("BatchJob", "migrate", v2).String()})
	v := f.says("app", metav1.ConditionTrue)
	job := s.run("migrate", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	if h := job.Status.History; len(h) != 1 || h[0].Outcome != v1alpha1.RunComplete || h[0].Run != 1 {
		s.Errorf("history %+v, want run 1 Complete", h)
	}
	s.ran(pods, "migrate", v1, v2)
	f.revert()
	f.says("app", metav1.ConditionTrue)
	s.run("migrate", 3, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	// Flux looks again, and applies what is there.
	f.look()
	s.ran(pods, "migrate", v1, v2, v1)
	s.saw("Ready %s after the commit, each release ran once, its revert as a third run (OnChange)", v.after.Round(time.Second/10))
}

// run waits until a job's run has this number and phase.
func (s *space) run(name string, number int64, reason v1alpha1.RunReason, phase v1alpha1.Phase) *v1alpha1.BatchJob {
	s.Helper()
	var job *v1alpha1.BatchJob
	s.eventually(sometime, fmt.Sprintf("run %d of %s is %s", number, name, phase), func(ctx context.Context) error {
		var err error
		if job, err = s.job(ctx, name); err != nil {
			return err
		}
		st := job.Status
		if st.Run == nil || st.ObservedGeneration != job.Generation || st.Run.Number != number || st.Phase != phase {
			return fmt.Errorf("run %+v is %s, generation %d of %d", st.Run, st.Phase, st.ObservedGeneration, job.Generation)
		}
		if st.Run.Reason != reason {
			return fmt.Errorf("run %d started because of %s, want %s", number, st.Run.Reason, reason)
		}
		return nil
	})
	return job
}

// R2

func ttlRunsAgain(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.commit("with a TTL", files{"app/job.yaml": quick("Job", "report", v1, "ttlSecondsAfterFinished: 1").String()})
	f.kustomization("app", "2s")
	begin := time.Now()
	s.eventually(sometime, "the job runs a third time", func(context.Context) error {
		if n := len(pods.of("report")); n < 3 {
			return fmt.Errorf("it has run %d times", n)
		}
		return nil
	})
	s.saw("one commit has run %d times within %s", len(pods.of("report")), time.Since(begin).Round(time.Second))
}

func ttlKeepsRecord(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.commit("with a TTL", files{"app/job.yaml": quick("BatchJob", "report", v1, "ttlSecondsAfterFinished: 1").String()})
	f.kustomization("app", "2s", "wait: true")
	f.says("app", metav1.ConditionTrue)
	s.noPods("report")
	first := s.phase("report", v1alpha1.PhaseComplete, soon)
	const quiet = 25 * time.Second
	s.holds(quiet, "the job stays as it is", func(ctx context.Context) error {
		job, err := s.job(ctx, "report")
		if err == nil && (job.UID != first.UID || job.Status.Phase != v1alpha1.PhaseComplete || job.Status.Succeeded != 1) {
			err = errors.New("it is another one")
		}
		return err
	})
	s.ran(pods, "report", v1)
	f.says("app", metav1.ConditionTrue)
	s.saw("the pods went, the object stayed Complete; not run again in %s of Flux looking every 2s", quiet)
}
