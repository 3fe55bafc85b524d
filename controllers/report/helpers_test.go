package report_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

var (
	now     = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)
	errSome = errors.New("connection refused")
)

func stamp(d time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(d))) }

// job is of generation 7, and its run began ten minutes ago.
func job(change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
	j := &v1alpha1.BatchJob{
		ObjectMeta: metav1.ObjectMeta{Name: "work", Namespace: "team", UID: "uid", Generation: 7},
		Spec: v1alpha1.BatchJobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "main", Image: "busybox:1"}, {Name: "other", Image: "db"}},
		}}},
		Status: v1alpha1.BatchJobStatus{ObservedGeneration: 6, StartTime: stamp(-10 * time.Minute),
			Run: &v1alpha1.RunStatus{Number: 3, Reason: v1alpha1.RunCreated}},
	}
	for _, do := range change {
		do(j)
	}
	return j
}

func fixed(parallelism, completions int32) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.Parallelism, j.Spec.Completions = &parallelism, &completions }
}

// having sets a condition as an earlier write left it.
func having(t string, status metav1.ConditionStatus, reason string) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) {
		meta.SetStatusCondition(&j.Status.Conditions, metav1.Condition{Type: t, Status: status, Reason: reason, Message: "of old",
			ObservedGeneration: 2, LastTransitionTime: *stamp(-5 * time.Minute)})
	}
}

// plan leaves the status as it is, with the given outcome.
func plan(j *v1alpha1.BatchJob, out engine.Outcome, change ...func(*v1alpha1.BatchJobStatus)) engine.Plan {
	s := j.Status.DeepCopy()
	for _, do := range change {
		do(s)
	}
	return engine.Plan{Status: s, Outcome: out}
}

// status is what is written for an outcome when everything was done.
func status(j *v1alpha1.BatchJob, out engine.Outcome, change ...func(*v1alpha1.BatchJobStatus)) *v1alpha1.BatchJobStatus {
	return report.Status(now, j, plan(j, out, change...), report.Done{})
}

// said is a condition as Status/Reason; empty if there is none.
func said(s *v1alpha1.BatchJobStatus, t string) string {
	if c := meta.FindStatusCondition(s.Conditions, t); c != nil {
		return string(c.Status) + "/" + c.Reason
	}
	return ""
}

func message(s *v1alpha1.BatchJobStatus, t string) string {
	if c := meta.FindStatusCondition(s.Conditions, t); c != nil {
		return c.Message
	}
	return ""
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: - wanted, + got:\n%s", what, diff)
	}
}

// recorder keeps events as "Type Reason: note".
type recorder struct{ events []string }

func (r *recorder) Eventf(_, _ runtime.Object, eventtype, reason, _, note string, args ...any) {
	r.events = append(r.events, eventtype+" "+reason+": "+fmt.Sprintf(note, args...))
}
