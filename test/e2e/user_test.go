//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestOperator is in parts, since the later ones take the operator away.
func TestOperator(t *testing.T) {
	t.Run("for a user", func(t *testing.T) {
		tests := map[string]func(*space){
			"every sample reaches the end that is meant for it":                everySample,
			"a container that fails twice and then succeeds is one success":    restartsInPlace,
			"a job that fails says with which code and last words":             failureIsTold,
			"kubectl get prints COMPLETIONS STATUS REASON DURATION AGE":        columns,
			"kubectl explain tells of our fields":                              explain,
			"an image that is nowhere shows in REASON and in the message":      missingImage,
			"an image reference that is no name shows in REASON":               badImage,
			"a drain that waits for an image says so and how to end it":        stuckDrain,
			"a container that fails again and again says so meanwhile":         crashLoop,
			"a missing ServiceAccount is told and creating it is enough":       missingServiceAccount,
			"a quota of no pods is told and raising it is enough":              quota,
			"a pod that the API server refuses is told and mended by an apply": rejectedPod,
			"a bad manifest is refused with the name of the field":             badManifests,
			"deleting in the background leaves nothing":                        deletion("background"),
			"deleting in the foreground leaves nothing":                        deletion("foreground"),
			"deleting with orphan leaves pods without our finalizer":           orphan,
			"deleting ends the pods gracefully":                                graceful,
			"a job that takes longer than its deadline is stopped":             deadline,
			"an Indexed job gives each pod its index":                          indexes,
			"an exit code of podFailurePolicy fails the job at once":           failurePolicy,
			"ttlSecondsAfterFinished keeps what a git tool would create again": timeToLive,
			"a namespace that is deleted in the middle of a run goes":          namespace,
			"a schedule of ten seconds runs a real pod each time":              everyTenSeconds,
		}
		maps.Copy(tests, guidesOf(withUsers))
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newSpace(t))
			})
		}
		t.Run("metrics are only for whoever may get them", func(t *testing.T) {
			t.Parallel()
			metrics(newSpace(t))
		})
	})
	t.Run("that is killed counts every pod once", killed)
	t.Run("that is killed catches up with schedules as they say", cronKilled)
	t.Run("that is installed with every option works", chartOptions)
	t.Run("that sees one namespace has rights enough", oneNamespace)
	t.Run("that is upgraded and uninstalled leaves the jobs alone", chart)
}

// everySample applies what a reader of the README applies.
func everySample(s *space) {
	s.kubectl("apply", "--validate=strict", "-k", "../../config/samples")
	s.phase("demo-job-suspended", v1alpha1.PhaseSuspended, soon)
	for name, progress := range map[string]string{
		"db-migration": "1/1", "demo-job": "1/1", "demo-job-completions": "3/3", "demo-job-parallel": "3/3",
		"demo-job-ttl": "1/1", "pi": "1/1", "pi-with-timeout": "1/1",
	} {
		if job := s.phase(name, v1alpha1.PhaseComplete, 3*time.Minute); job.Status.Progress != progress {
			s.Errorf("%s: COMPLETIONS is %s, want %s", name, job.Status.Progress, progress)
		}
	}
	s.endsOrGoes("pi-with-ttl")
	if job := s.phase("work-queue", v1alpha1.PhaseComplete, soon); job.Status.Succeeded < 1 {
		s.Errorf("the work queue is Complete with %d successes", job.Status.Succeeded)
	}
	s.phase("failing-import", v1alpha1.PhaseFailed, soon)
	pods, err := s.podsOf(s.Context(), "demo-job-suspended")
	if err != nil || len(pods) > 0 {
		s.Errorf("the suspended job has %d pods, %v", len(pods), err)
	}
	s.kubectl("patch", "batchjob", "demo-job-suspended", "--type=merge", "-p", `{"spec":{"suspend":false}}`)
	s.phase("demo-job-suspended", v1alpha1.PhaseComplete, soon)
	if log := s.kubectl("logs", "-l", "job-name=pi"); !strings.HasPrefix(log, "3.14159265358979323846") {
		s.Errorf("the log of pi is %q", log)
	}
	// Applying it all again runs nothing again.
	s.kubectl("apply", "-k", "../../config/samples")
	s.counted("demo-job-parallel", 3)
}

// endsOrGoes waits for a job that is deleted some time after its success.
func (s *space) endsOrGoes(name string) {
	s.eventually(3*time.Minute, name+" is Complete, or gone after it", func(ctx context.Context) error {
		job, err := s.job(ctx, name)
		if apierrors.IsNotFound(err) || err == nil && job.Status.Phase == v1alpha1.PhaseComplete {
			return nil
		}
		return errors.Join(err, fmt.Errorf("it is %s", job.Status.Phase))
	})
}

func restartsInPlace(s *space) {
	s.apply(script("third-time", "OnFailure",
		`n=$(cat /work/n 2>/dev/null || echo 0); echo $((n+1)) >/work/n; echo "try $n"; [ "$n" -ge 2 ]`) +
		// The last lines of the manifest are those of its container.
		strings.Repeat(" ", 8) + "volumeMounts: [{name: work, mountPath: /work}]\n" +
		strings.Repeat(" ", 6) + "volumes: [{name: work, emptyDir: {}}]\n")
	s.phase("third-time", v1alpha1.PhaseComplete, 2*time.Minute)
	s.counted("third-time", 1)
	pods, err := s.podsOf(s.Context(), "third-time")
	if err != nil || len(pods) != 1 || pods[0].Status.ContainerStatuses[0].RestartCount != 2 {
		s.Errorf("want one pod with two restarts, %v:\n%s", err, s.describe())
	}
}

func failureIsTold(s *space) {
	s.apply(script("loser", "Never", "echo 'no space left on /data' >&2; exit 3", "backoffLimit: 1", "backoff: {initialDelay: 500ms}"))
	job := s.phase("loser", v1alpha1.PhaseFailed, soon)
	for _, t := range []string{v1alpha1.ConditionFailed, v1alpha1.ConditionStalled} {
		c := meta.FindStatusCondition(job.Status.Conditions, t)
		if c == nil || c.Reason != v1alpha1.ReasonBackoffLimitExceeded ||
			!strings.Contains(c.Message, "exited with code 3") || !strings.Contains(c.Message, "no space left on /data") {
			s.Errorf("condition %s: %+v", t, c)
		}
	}
	if c := s.columns("loser"); c["STATUS"] != "Failed" || c["REASON"] != "BackoffLimitExceeded: exit 3: no space left on /data" {
		s.Errorf("columns %q", c)
	}
	if job.Status.Failed != 2 {
		s.Errorf("%d pods failed, want 2", job.Status.Failed)
	}
	if d := s.kubectl("describe", "batchjob", "loser"); !strings.Contains(d, "Created pod") || !strings.Contains(d, "Warning  BackoffLimitExceeded") {
		s.Errorf("describe shows no events:\n%s", d)
	}
}

func columns(s *space) {
	s.apply(script("three", "Never", "true", "completions: 3", "parallelism: 3"))
	s.phase("three", v1alpha1.PhaseComplete, soon)
	heading := strings.Join(strings.Fields(strings.SplitN(s.kubectl("get", "batchjobs"), "\n", 2)[0]), " ")
	if heading != "NAME COMPLETIONS STATUS REASON DURATION AGE" {
		s.Errorf("headings %q", heading)
	}
	c := s.columns("three")
	if c["COMPLETIONS"] != "3/3" || c["STATUS"] != "Complete" || c["REASON"] != "" || c["DURATION"] == "" || c["AGE"] == "" {
		s.Errorf("columns %q", c)
	}
	if names := s.kubectl("get", "bj", "--field-selector=status.phase=Complete", "-o", "name"); !strings.Contains(names, "/three") {
		s.Errorf("the short name and the field selector show %q", names)
	}
	s.kubectl("wait", "batchjob/three", "--for=condition=Ready", "--timeout=5s")
	s.kubectl("wait", "batchjob/three", "--for=condition=Complete", "--timeout=5s")
}

func explain(s *space) {
	for field, words := range map[string]string{
		"batchjob.spec.backoff":     "initialDelay",
		"batchjob.spec.parallelism": "how many pods",
		"batchjob.spec.suspend":     "deletes the active pods",
		"cronbatchjob.spec":         "schedule",
	} {
		if out := s.kubectl("explain", field); !strings.Contains(out, words) || !strings.Contains(out, "DESCRIPTION") {
			s.Errorf("kubectl explain %s does not speak of %q:\n%s", field, words, out)
		}
	}
}

// running pods of a job that is deleted get their time to end.
func graceful(s *space) {
	s.apply(script("polite", "Never", "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 1; done"))
	s.running("polite", 1)
	s.eventually(soon, "the script has set its trap", func(context.Context) error {
		if out, err := s.try("logs", "-l", "job-name=polite"); err != nil || !strings.Contains(out, "ready") {
			return fmt.Errorf("%w, log %q", err, out)
		}
		return nil
	})
	pods, err := s.podsOf(s.Context(), "polite")
	if err != nil || len(pods) != 1 {
		s.Fatalf("%d pods, %v", len(pods), err)
	}
	words := make(chan string, 1)
	go func() { words <- follow(s.Context(), &pods[0]) }()
	s.kubectl("delete", "batchjob", "polite")
	s.noPods("polite")
	if log := <-words; !strings.Contains(log, "saved") {
		s.Errorf("the container was not asked to end, its log is %q", log)
	}
}

// follow reads a pod's log until its end.
func follow(ctx context.Context, pod *corev1.Pod) string {
	b, err := core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Follow: true}).DoRaw(ctx)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
