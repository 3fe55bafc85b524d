package report_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/report"
)

func acted(done report.Done) []string {
	r := &recorder{}
	(&report.Voice{Recorder: r}).Acted(job(), done)
	return r.events
}

// TestActed speaks of what was done, one event for a batch; with one pod in
// batch/v1's words.
func TestActed(t *testing.T) {
	names := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("p%d", i))
		}
		return out
	}
	for _, c := range []struct {
		done report.Done
		want []string
	}{
		{report.Done{}, nil},
		{report.Done{NotCreated: 3, NotRemoved: 2}, nil},
		{report.Done{Created: names(1)}, []string{"Normal SuccessfulCreate: Created pod: p0"}},
		{report.Done{Created: names(5)}, []string{"Normal SuccessfulCreate: Created pods (5): p0, p1, p2, p3, p4"}},
		{report.Done{Created: names(500)}, []string{"Normal SuccessfulCreate: Created pods (500): p0, p1, p2, p3, p4, …"}},
		{report.Done{Deleted: names(1)}, []string{"Normal SuccessfulDelete: Deleted pod: p0"}},
		{report.Done{Created: names(1), NotCreated: 1, Err: errSome}, []string{"Normal SuccessfulCreate: Created pod: p0", "Warning FailedCreate: Error creating: connection refused"}},
		{report.Done{NotCreated: 1, Err: terminating()}, nil},
	} {
		same(t, "events", acted(c.done), c.want)
	}
}

// TestEventsFitTheAPI: 1024 bytes, whole characters.
func TestEventsFitTheAPI(t *testing.T) {
	event := acted(report.Done{Err: errors.New(strings.Repeat("日本語", 1000))})[0]
	note := strings.TrimPrefix(event, "Warning FailedCreate: ")
	if len(note) > 1024 || !utf8.ValidString(note) || !strings.HasSuffix(note, "…") {
		t.Errorf("%d bytes: %q", len(note), note)
	}
	same(t, "no formatting of other people's words", acted(report.Done{Err: errors.New("100%d")}), []string{"Warning FailedCreate: Error creating: 100%d"})
}

// cond is one condition of a status.
func cond(t string, status metav1.ConditionStatus, reason string) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) {
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: t, Status: status, Reason: reason, Message: "says " + reason})
	}
}

func with(changes ...func(*v1alpha1.BatchJobStatus)) *v1alpha1.BatchJobStatus {
	s := &v1alpha1.BatchJobStatus{}
	for _, do := range changes {
		do(s)
	}
	return s
}

// TestWrote speaks of what became true by a write, and of nothing else.
func TestWrote(t *testing.T) {
	const yes, no = metav1.ConditionTrue, metav1.ConditionFalse
	target, failed := cond(v1alpha1.ConditionFailureTarget, yes, "BackoffLimitExceeded"), cond(v1alpha1.ConditionFailed, yes, "BackoffLimitExceeded")
	stalled := func(reason string) func(*v1alpha1.BatchJobStatus) {
		return cond(v1alpha1.ConditionStalled, yes, reason)
	}
	suspended := cond(v1alpha1.ConditionSuspended, yes, "JobSuspended")
	for _, c := range []struct {
		name          string
		before, after *v1alpha1.BatchJobStatus
		want          []string
	}{
		{"nothing", with(), with(), nil},
		{"it runs", with(), with(cond(v1alpha1.ConditionReady, metav1.ConditionUnknown, "Progressing"), cond(v1alpha1.ConditionReconciling, yes, "Progressing")), nil},
		{"suspended", with(), with(suspended), []string{"Normal Suspended: says JobSuspended"}},
		{"still suspended", with(suspended), with(suspended), nil},
		{"resumed", with(suspended), with(cond(v1alpha1.ConditionSuspended, no, "JobResumed")), []string{"Normal Resumed: says JobResumed"}},
		{"it will fail", with(), with(target), []string{"Warning BackoffLimitExceeded: says BackoffLimitExceeded"}},
		{"it failed, which was said", with(target), with(target, failed, stalled("BackoffLimitExceeded")), nil},
		{"it failed in one write", with(), with(target, failed, stalled("BackoffLimitExceeded")), []string{"Warning BackoffLimitExceeded: says BackoffLimitExceeded"}},
		{"it succeeded", with(), with(cond(v1alpha1.ConditionSuccessCriteriaMet, yes, "CompletionsReached"), cond(v1alpha1.ConditionComplete, yes, "CompletionsReached")),
			[]string{"Normal Completed: Job completed"}},
		{"it will succeed", with(), with(cond(v1alpha1.ConditionSuccessCriteriaMet, yes, "CompletionsReached")), nil},
		{"stalled", with(), with(stalled("PodRejected")), []string{"Warning PodRejected: says PodRejected"}},
		{"still stalled", with(stalled("PodRejected")), with(stalled("PodRejected")), nil},
		{"stalled otherwise", with(stalled("PodRejected")), with(stalled("InvalidSpec")), []string{"Warning InvalidSpec: says InvalidSpec"}},
		{"healed", with(stalled("PodRejected")), with(), nil},
	} {
		r := &recorder{}
		(&report.Voice{Recorder: r}).Wrote(job(), c.before, c.after)
		same(t, c.name, r.events, c.want)
	}
}

// TestASilentVoice writes metrics and no events.
func TestASilentVoice(*testing.T) {
	for _, silent := range []*report.Voice{nil, {}} {
		silent.Acted(job(), report.Done{Created: []string{"p"}, Err: errSome})
		silent.Wrote(job(), with(), with(cond(v1alpha1.ConditionComplete, metav1.ConditionTrue, "CompletionsReached")))
	}
}
