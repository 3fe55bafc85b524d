package engine

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// hold is why nothing may be started.
type hold struct {
	state           State
	reason, message string
}

// held finds the first reason why nothing may be started; nil if there is none.
// A blackout is none of these: it ends by itself and says nothing about the
// spec.
func (w *work) held() *hold {
	for _, look := range []func(*work) *hold{
		unreadable, // there are no times
		covered,    // there are times, and none that may start
		unrunnable, // no run of the jobTemplate could ever begin
		rejected,   // the API server never takes what the template makes
		suspended,  // the author's wish
		retrying,   // the API server's, for now
	} {
		if h := look(w); h != nil {
			return h
		}
	}
	return nil
}

func unreadable(w *work) *hold {
	if p := w.o.Calendar.Problem; p != nil {
		return &hold{state: StateRefused, reason: p.Reason, message: p.Message}
	}
	return nil
}

// covered: of all times since the schedule became what it is. Where only the
// last ones before notAfter are in a blackout, it has had its time.
func covered(w *work) *hold {
	if !w.opening.Never || !w.opening.Covered || w.spec.NotAfter != nil && !w.next(w.since).Time.IsZero() {
		return nil
	}
	message := "spec.blackouts: they cover every time of the schedule"
	if w.spec.NotAfter != nil {
		message += " up to notAfter"
	}
	return &hold{state: StateRefused, reason: v1alpha1.ReasonInvalidBlackout,
		message: message + ", so nothing would ever start; shorten or remove one"}
}

// rejected: the API server has refused the jobTemplate of this very generation.
// Its word is durable in the condition, so no restart tries again; a new
// generation does, and so does a request to reconcile.
func rejected(w *work) *hold {
	if r := w.o.Rejected; r != nil {
		return &hold{state: StateRefused, reason: r.Reason, message: r.Message}
	}
	c := meta.FindStatusCondition(w.was.Conditions, v1alpha1.ConditionStalled)
	if c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != w.cron.Generation || w.requested() ||
		c.Reason != v1alpha1.ReasonPodRejected && c.Reason != v1alpha1.ReasonJobRejected {
		return nil
	}
	return &hold{state: StateRefused, reason: c.Reason, message: c.Message}
}

func suspended(w *work) *hold {
	if !w.spec.IsSuspended() {
		return nil
	}
	by := ""
	if who := v1alpha1.ManagersOf(w.cron, "suspend"); len(who) > 0 {
		by = " (set by " + strings.Join(who, ", ") + ")"
	}
	return &hold{state: StateSuspended, reason: v1alpha1.ReasonSuspended,
		message: "spec.suspend is true" + by + ": nothing is started until it is set to false, or removed"}
}

func retrying(w *work) *hold {
	if w.o.Retry == nil || !w.o.Now.Before(w.o.Retry.At) {
		return nil
	}
	return &hold{state: StateRetrying, reason: v1alpha1.ReasonProgressingWithRetry, message: w.o.Retry.Message}
}

// requested tells of a request to reconcile now that has not been handled.
func (w *work) requested() bool {
	at := w.cron.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	return at != "" && at != w.was.LastHandledReconcileAt
}

// mustTry: once for each generation the API server is asked whether it would
// take what the jobTemplate makes, and again when somebody asks for it.
func (w *work) mustTry() bool {
	return !w.o.Tried && w.o.Rejected == nil && w.o.Calendar.Problem == nil &&
		(w.was.ObservedGeneration != w.cron.Generation || w.requested())
}

// closed tells that nothing may start at this moment.
func (w *work) closed() bool { return w.hold != nil || !w.closedUntil.IsZero() }

// outcome puts the state into words.
func (w *work) outcome() Outcome {
	if h := w.hold; h != nil {
		message := h.message
		if n := len(w.queue); n > 0 && h.state == StateSuspended {
			message += fmt.Sprintf("; %s in status.queue", starts(n))
		}
		return Outcome{State: h.state, Reason: h.reason, Message: message}
	}
	if message := w.nameTaken(); message != "" {
		return Outcome{State: StateScheduled, Reason: v1alpha1.ReasonNameTaken, Message: message}
	}
	if w.opening.Never {
		message := "the schedule has no more times"
		if w.spec.NotAfter != nil {
			message = "notAfter has passed, or comes before the next time: nothing is due any more"
		}
		return Outcome{State: StateExpired, Reason: v1alpha1.ReasonExpired, Message: message + w.queued()}
	}
	message := "no time was found up to " + w.opening.Through.UTC().Format(time.RFC3339) + "; the search goes on from there"
	if !w.opening.Time.IsZero() {
		message = "next run at " + w.nextDue().In(w.schedule.Location()).Format(time.RFC3339)
	}
	return Outcome{State: StateScheduled, Reason: v1alpha1.ReasonScheduled, Message: message + w.queued()}
}

// queued says what waits, and for what.
func (w *work) queued() string {
	switch n := len(w.queue); {
	case n == 0:
		return ""
	case !w.closedUntil.IsZero():
		return fmt.Sprintf("; %s for the blackout to end at %s", starts(n), w.closedUntil.UTC().Format(time.RFC3339))
	case len(w.busy) > 0:
		return fmt.Sprintf("; %s for %s to end", starts(n), w.busy[0].Name)
	default:
		return "; " + starts(n)
	}
}

func starts(n int) string {
	if n == 1 {
		return "1 start waits"
	}
	return fmt.Sprintf("%d starts wait", n)
}

// nameTaken is said from the moment at which a run could not have its name
// until the next time, or token, has been decided.
func (w *work) nameTaken() string {
	for _, n := range w.plan.Notices {
		if n.Reason == v1alpha1.ReasonNameTaken {
			return fmt.Sprintf("the run of %s was not started: a BatchJob named %s exists and does not belong to this CronBatchJob; "+
				"to make up for it, set spec.runAt to something new", n.Latest.UTC().Format(time.RFC3339), n.Name)
		}
	}
	c := meta.FindStatusCondition(w.was.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.Reason != v1alpha1.ReasonNameTaken || c.ObservedGeneration != w.cron.Generation ||
		!w.last.Equal(timeOf(w.was.LastScheduleTime)) || len(w.handled) != len(w.was.HandledRunTokens) {
		return ""
	}
	return c.Message
}
