package report_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

var running = engine.Outcome{State: engine.StateRunning}

// TestEveryWriteObservesTheGeneration, in the status and in each condition.
func TestEveryWriteObservesTheGeneration(t *testing.T) {
	for _, r := range readings {
		j := job(having("acme.io/Theirs", metav1.ConditionTrue, "Theirs"), having(v1alpha1.ConditionSuspended, metav1.ConditionFalse, "JobResumed"))
		s := status(j, r.out)
		same(t, "observedGeneration", s.ObservedGeneration, int64(7))
		seen := map[string]bool{}
		for _, c := range s.Conditions {
			same(t, c.Type+" observes", c.ObservedGeneration, int64(7))
			same(t, c.Type+" is there twice", seen[c.Type], false)
			seen[c.Type] = true
		}
		same(t, "Ready is there", seen[v1alpha1.ConditionReady], true)
		same(t, "others' conditions stay", said(s, "acme.io/Theirs"), "True/Theirs")
	}
}

// TestTransitionTimes move when the status does, not with words.
func TestTransitionTimes(t *testing.T) {
	j := job(having(v1alpha1.ConditionReady, metav1.ConditionUnknown, "Progressing"))
	since := func(s *v1alpha1.BatchJobStatus) time.Time {
		return meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady).LastTransitionTime.Time
	}
	same(t, "the same status", since(status(j, running)), now.Add(-5*time.Minute))
	same(t, "another status", since(status(j, engine.Outcome{State: engine.StateComplete})), now)
}

// TestStatusIsPure and settles: what it wrote once it writes again.
func TestStatusIsPure(t *testing.T) {
	for _, r := range readings {
		j := job(fixed(2, 5))
		p := plan(j, r.out, counts)
		before, planned := j.DeepCopy(), p.Status.DeepCopy()
		s := report.Status(now, j, p, report.Done{})
		same(t, "the job", j, before)
		same(t, "the plan", p.Status, planned)
		j.Status = *s
		same(t, "written again", report.Status(now.Add(time.Hour), j, plan(j, r.out), report.Done{}), s)
	}
}

// TestWhatWasNotDone corrects the counts; those of a finished job are final.
func TestWhatWasNotDone(t *testing.T) {
	active := func(a, ready int32) func(*v1alpha1.BatchJobStatus) {
		return func(s *v1alpha1.BatchJobStatus) { s.Active, s.Ready = a, &ready }
	}
	for _, c := range []struct {
		name          string
		done          report.Done
		active, ready int32
	}{
		{"all done", report.Done{}, 3, 2},
		{"two not created", report.Done{NotCreated: 2}, 1, 1},
		{"two not removed", report.Done{NotRemoved: 2}, 5, 2},
		{"both", report.Done{NotCreated: 1, NotRemoved: 1}, 3, 2},
		{"never below 0", report.Done{NotCreated: 9}, 0, 0},
	} {
		j := job(fixed(5, 5))
		s := report.Status(now, j, plan(j, running, active(3, 2)), c.done)
		same(t, c.name, []int32{s.Active, *s.Ready}, []int32{c.active, c.ready})
	}
	done := job(having(v1alpha1.ConditionComplete, metav1.ConditionTrue, "CompletionsReached"))
	s := report.Status(now, done, plan(done, engine.Outcome{State: engine.StateComplete}), report.Done{NotRemoved: 4})
	same(t, "a finished job", s.Active, int32(0))
	unknown := job()
	same(t, "ready unknown", report.Status(now, unknown, plan(unknown, running), report.Done{}).Ready, (*int32)(nil))
}

// TestProgress is kubectl's COMPLETIONS of a Job, and counts what is durable.
func TestProgress(t *testing.T) {
	queue := func(n int32) func(*v1alpha1.BatchJob) { return func(j *v1alpha1.BatchJob) { j.Spec.Parallelism = &n } }
	for _, c := range []struct {
		job  *v1alpha1.BatchJob
		want string
	}{
		{job(), "2/1"}, {job(fixed(2, 5)), "2/5"}, {job(fixed(1, 0)), "2/0"}, {job(queue(1)), "2/1"}, {job(queue(0)), "2/1"}, {job(queue(4)), "2/1 of 4"},
	} {
		s := status(c.job, running, func(s *v1alpha1.BatchJobStatus) {
			s.Succeeded, s.Failed = 1, 1
			s.UncountedTerminatedPods = &v1alpha1.UncountedTerminatedPods{Succeeded: []types.UID{"a"}, Failed: []types.UID{"b", "c"}}
		})
		same(t, "progress", s.Progress, c.want)
		if !strings.Contains(message(s, v1alpha1.ConditionReady), c.want+" succeeded, 3 failed") {
			t.Errorf("the message is %q", message(s, v1alpha1.ConditionReady))
		}
	}
}

// TestDuration is set at the end, of success and failure.
func TestDuration(t *testing.T) {
	complete := having(v1alpha1.ConditionComplete, metav1.ConditionTrue, "CompletionsReached")
	for _, c := range []struct {
		job  *v1alpha1.BatchJob
		want string
	}{
		{job(), ""},
		{job(complete), "5m"},
		{job(having(v1alpha1.ConditionFailed, metav1.ConditionTrue, "DeadlineExceeded")), "5m"},
		{job(having(v1alpha1.ConditionFailed, metav1.ConditionFalse, "No")), ""},
		{job(complete, func(j *v1alpha1.BatchJob) { j.Status.StartTime = nil }), ""},
		{job(complete, func(j *v1alpha1.BatchJob) { j.Status.StartTime = stamp(-5*time.Minute - 12*time.Second) }), "12s"},
	} {
		same(t, "duration", status(c.job, engine.Outcome{State: engine.StateComplete}).Duration, c.want)
	}
	s := status(job(fixed(1, 3), complete), engine.Outcome{State: engine.StateComplete}, func(s *v1alpha1.BatchJobStatus) { s.Succeeded = 3 })
	same(t, "message", message(s, v1alpha1.ConditionReady), "Run 3 succeeded: 3/3 pods in 5m")
}

// TestImages fit a column.
func TestImages(t *testing.T) {
	same(t, "images", status(job(), running).Images, "busybox:1,db")
	long := job(func(j *v1alpha1.BatchJob) {
		for range 20 {
			j.Spec.Template.Spec.Containers = append(j.Spec.Template.Spec.Containers, corev1.Container{Image: strings.Repeat("é", 20)})
		}
	})
	got := status(long, running).Images
	if len(got) > 256 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// TestLongMessages are cut at the end of a character.
func TestLongMessages(t *testing.T) {
	for shift := range 4 {
		text := strings.Repeat("x", shift) + strings.Repeat("日本語", 1000)
		s := status(job(), engine.Outcome{State: engine.StateFailed, Reason: "BackoffLimitExceeded", Message: text})
		for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionStalled} {
			got := message(s, kind)
			whole := strings.TrimSuffix(got, "…")
			if len(got) > 4096 || len(got) < 4090 || !utf8.ValidString(got) || whole == got || !strings.HasPrefix(text, whole) {
				t.Errorf("%s: %d bytes, ends in %q", kind, len(got), got[len(got)-12:])
			}
		}
	}
	exact := strings.Repeat("é", 2048)
	s := status(job(), engine.Outcome{State: engine.StateFailed, Reason: "BackoffLimitExceeded", Message: exact})
	same(t, "what just fits", message(s, v1alpha1.ConditionReady), exact)
}

// TestPending: no container of the run has started, or none could be made.
func TestPending(t *testing.T) {
	retrying := engine.Outcome{State: engine.StateRetrying, Reason: v1alpha1.ReasonProgressingWithRetry}
	same(t, "nothing could be made", status(job(), retrying).Phase, v1alpha1.PhasePending)
	same(t, "something ran", status(job(), retrying, func(s *v1alpha1.BatchJobStatus) { s.Failed = 1 }).Phase, v1alpha1.PhaseRunning)
	same(t, "something runs", status(job(), retrying, counts).Phase, v1alpha1.PhaseRunning)
	same(t, "complete", status(job(), engine.Outcome{State: engine.StateComplete, Idle: true}).Phase, v1alpha1.PhaseComplete)
}

// TestBeforeTheFirstRun there is no number.
func TestBeforeTheFirstRun(t *testing.T) {
	s := status(job(func(j *v1alpha1.BatchJob) { j.Status.Run = nil }), running)
	same(t, "message", message(s, v1alpha1.ConditionReady), "Run 0: 0 active, 0/1 succeeded, 0 failed")
}
