package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/report"
)

// receiver is a notification-controller that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	events []eventv1.Event
	// answer gives the status of the n-th post, from 1; it may block.
	answer func(n int) int
}

func newReceiver(t *testing.T, answer func(n int) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var event eventv1.Event
		if err := json.NewDecoder(req.Body).Decode(&event); err != nil || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v, content type %q", err, req.Header.Get("Content-Type"))
		}
		r.mu.Lock()
		r.events = append(r.events, event)
		n := len(r.events)
		r.mu.Unlock()
		w.WriteHeader(r.answer(n))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []eventv1.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]eventv1.Event(nil), r.events...)
}

func accepted(int) int { return http.StatusAccepted }

// notifying is a voice whose notifier runs; stop ends it and waits.
func notifying(t *testing.T, address string) (voice *report.Voice, stop func()) {
	t.Helper()
	notifier, err := report.NewNotifier(address)
	if err != nil {
		t.Fatal(err)
	}
	notifier.Hasten(time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- notifier.Start(ctx) }()
	return &report.Voice{Notifier: notifier}, func() {
		t.Helper()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the notifier does not end")
		}
	}
}

// fail makes the voice tell of a failure, in these words.
func fail(voice *report.Voice, job *v1alpha1.BatchJob, message string) {
	after := job.Status.DeepCopy()
	after.Conditions = append(after.Conditions, metav1.Condition{Type: v1alpha1.ConditionFailureTarget, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonBackoffLimitExceeded, Message: message})
	voice.Wrote(job, &job.Status, after)
}

func notifications(t *testing.T, result string) float64 {
	t.Helper()
	return gathered(t)["stint_notifications_total{"+result+"}"]
}

// TestNotification: what notification-controller gets of a failed run.
func TestNotification(t *testing.T) {
	r := newReceiver(t, accepted)
	voice, stop := notifying(t, r.URL)
	before := notifications(t, "sent")
	work := job(func(j *v1alpha1.BatchJob) {
		j.Annotations = map[string]string{"event.toolkit.fluxcd.io/team": "batch", "other": "x"}
		j.Status.Revision = "v1-abc"
	})
	voice.Acted(work, report.Done{Created: []string{"pod-of-no-interest"}})
	fail(voice, work, "exit 3")
	stop()

	got := r.got()
	if len(got) != 1 {
		t.Fatalf("%d events: %+v", len(got), got)
	}
	e := got[0]
	if time.Since(e.Timestamp.Time).Abs() > time.Minute || e.ReportingInstance == "" {
		t.Errorf("%+v", e)
	}
	e.Timestamp, e.ReportingInstance = metav1.Time{}, ""
	want := eventv1.Event{Severity: "error", Reason: "BackoffLimitExceeded", Message: "exit 3", ReportingController: "stint-controller",
		Metadata: map[string]string{"event.toolkit.fluxcd.io/team": "batch", "batch.stint.dev/revision": "v1-abc", "batch.stint.dev/token": "uid/7/3"}}
	want.InvolvedObject.APIVersion, want.InvolvedObject.Kind = "batch.stint.dev/v1alpha1", "BatchJob"
	want.InvolvedObject.Namespace, want.InvolvedObject.Name, want.InvolvedObject.UID = "team", "work", "uid"
	same(t, "event", e, want)
	if n := notifications(t, "sent") - before; n != 1 {
		t.Errorf("%v counted as sent", n)
	}
}

// TestNotificationTokens: the same words about two runs are two events to a
// receiver that drops repetitions.
func TestNotificationTokens(t *testing.T) {
	r := newReceiver(t, accepted)
	voice, stop := notifying(t, r.URL)
	fail(voice, job(), "exit 3")
	fail(voice, job(func(j *v1alpha1.BatchJob) { j.Status.Run.Number++ }), "exit 3")
	fail(voice, job(func(j *v1alpha1.BatchJob) { j.UID = "created-again" }), "exit 3")
	stop()
	tokens := map[string]bool{}
	for _, e := range r.got() {
		tokens[e.Metadata["batch.stint.dev/token"]] = true
	}
	if len(tokens) != 3 {
		t.Errorf("tokens %v", tokens)
	}
}

// TestNotificationOfACronBatchJob: the same way, and not of each run.
func TestNotificationOfACronBatchJob(t *testing.T) {
	r := newReceiver(t, accepted)
	voice, stop := notifying(t, r.URL)
	cron := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "nightly", UID: "uid", Generation: 4}}
	voice.Removed(cron, []string{"nightly-1"})
	after := &v1alpha1.CronBatchJobStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonUnknownTimeZone, Message: "spec.timeZone"}}}
	voice.CronWrote(cron, &cron.Status, after, nil)
	stop()
	got := r.got()
	if len(got) != 1 || got[0].InvolvedObject.Kind != "CronBatchJob" || got[0].Reason != v1alpha1.ReasonUnknownTimeZone ||
		got[0].Metadata["batch.stint.dev/token"] != "uid/4" {
		t.Errorf("%+v", got)
	}
}

// TestAnswers: what is tried again, and what is not.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer       func(n int) int
		posts        int
		sent, failed float64
	}{
		"accepted":          {accepted, 1, 1, 0},
		"it has it already": {func(int) int { return http.StatusTooManyRequests }, 1, 1, 0},
		"refused":           {func(int) int { return http.StatusBadRequest }, 1, 0, 1},
		"overloaded":        {func(int) int { return http.StatusServiceUnavailable }, 3, 0, 1},
		"overloaded at first": {func(n int) int {
			if n < 3 {
				return http.StatusBadGateway
			}
			return http.StatusAccepted
		}, 3, 1, 0},
	} {
		r := newReceiver(t, c.answer)
		sent, failed := notifications(t, "sent"), notifications(t, "failed")
		voice, stop := notifying(t, r.URL)
		fail(voice, job(), "exit 3")
		until(t, func() bool { return notifications(t, "sent")+notifications(t, "failed") > sent+failed })
		stop()
		if posts := len(r.got()); posts != c.posts || notifications(t, "sent")-sent != c.sent || notifications(t, "failed")-failed != c.failed {
			t.Errorf("%s: %d posts, %v sent, %v failed", name, posts, notifications(t, "sent")-sent, notifications(t, "failed")-failed)
		}
	}
}

func until(t *testing.T, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it does not come true")
}

// TestSlowReceiver: a burst that it cannot take drops the oldest, keeps the
// order of the others, and holds nobody up.
func TestSlowReceiver(t *testing.T) {
	first, release := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(n int) int {
		if n == 1 {
			close(first)
			<-release
		}
		return http.StatusAccepted
	})
	voice, stop := notifying(t, r.URL)
	dropped := notifications(t, "dropped")
	fail(voice, job(), "0")
	<-first

	const burst = report.MaxQueued + 100
	began := time.Now()
	for i := range burst {
		fail(voice, job(), fmt.Sprint(i+1))
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the burst held its sender up for %v", took)
	}
	if n := notifications(t, "dropped") - dropped; n != 100 {
		t.Errorf("%v counted as dropped, want 100", n)
	}
	close(release)
	until(t, func() bool { return len(r.got()) == 1+report.MaxQueued })
	stop()
	for i, e := range r.got() {
		if want := fmt.Sprint(i + 100); i > 0 && e.Message != want {
			t.Fatalf("event %d is %s, want %s", i, e.Message, want)
		}
	}
}

// TestDeadReceiver: reconciles that tell of something go on as if nobody had to
// be told, from many goroutines, and the operator can stop.
func TestDeadReceiver(t *testing.T) {
	r := newReceiver(t, accepted)
	r.Close()
	voice, stop := notifying(t, r.URL)
	dropped, failed := notifications(t, "dropped"), notifications(t, "failed")
	began := time.Now()
	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			for i := range 300 {
				fail(voice, job(), fmt.Sprint(i))
			}
		})
	}
	workers.Wait()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("3000 events took their senders %v", took)
	}
	until(t, func() bool { return notifications(t, "failed") > failed })
	if n := notifications(t, "dropped") - dropped; n < 1000 {
		t.Errorf("%v counted as dropped", n)
	}
	stop()
}

// TestFarewell: what waits when the operator is told to stop is still posted.
func TestFarewell(t *testing.T) {
	r := newReceiver(t, accepted)
	notifier, err := report.NewNotifier(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	voice := &report.Voice{Notifier: notifier}
	for i := range 10 {
		fail(voice, job(), fmt.Sprint(i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := notifier.Start(ctx); err != nil || len(r.got()) != 10 {
		t.Errorf("%v, %d events", err, len(r.got()))
	}
}

// TestFarewellUnderWay: nor is an event lost that is under way at that moment.
func TestFarewellUnderWay(t *testing.T) {
	arrived, stopping := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(int) int {
		close(arrived)
		<-stopping
		return http.StatusAccepted
	})
	voice, stop := notifying(t, r.URL)
	sent := notifications(t, "sent")
	fail(voice, job(), "exit 3")
	<-arrived
	time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
	stop()
	if n := notifications(t, "sent") - sent; n != 1 {
		t.Errorf("%v counted as sent", n)
	}
}

func TestNotifierAddress(t *testing.T) {
	for _, address := range []string{"", "notification-controller", "ftp://host/", "http://", "http://a b/"} {
		if _, err := report.NewNotifier(address); err == nil {
			t.Errorf("%q is no address", address)
		}
	}
}
