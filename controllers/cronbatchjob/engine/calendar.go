package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/schedule"
)

// Calendar is a spec's schedules and blackouts, parsed.
type Calendar struct {
	Schedule  *schedule.Schedule
	Blackouts *schedule.Blackouts
	// Problem is why they are nothing to go by; nil if they are.
	Problem *Rejection
}

// Parser is schedule.Cache, or the like of it.
type Parser interface {
	Parse(expressions []string, zone, key string) (*schedule.Schedule, error)
	Blackouts(windows []schedule.Window, zone, key string) (*schedule.Blackouts, error)
}

// ReadCalendar parses what a spec says of times.
func ReadCalendar(p Parser, cron *v1alpha1.CronBatchJob) (c Calendar) {
	key, zone := keyOf(cron), cron.Spec.GetTimeZone()
	var err error
	if c.Schedule, err = p.Parse(cron.Spec.GetSchedules(), zone, key); err != nil {
		c.Problem = problem(&cron.Spec, err)
		return c
	}
	windows := make([]schedule.Window, 0, len(cron.Spec.Blackouts))
	for _, b := range cron.Spec.Blackouts {
		window := schedule.Window{Schedule: b.Schedule, From: timeOf(b.From), To: timeOf(b.To)}
		if b.Duration != nil {
			window.Duration = b.Duration.Duration
		}
		windows = append(windows, window)
	}
	if c.Blackouts, err = p.Blackouts(windows, zone, key); err != nil {
		c.Problem = badBlackout(err)
	}
	return c
}

// keyOf is what H and jitter are stable by.
func keyOf(cron *v1alpha1.CronBatchJob) string { return cron.Namespace + "/" + cron.Name }

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// problem names the field that does not parse.
func problem(spec *v1alpha1.CronBatchJobSpec, err error) *Rejection {
	if errors.Is(err, schedule.ErrUnknownZone) {
		return &Rejection{Reason: v1alpha1.ReasonUnknownTimeZone, Message: "spec.timeZone: " + err.Error()}
	}
	field := "spec.schedule"
	if parse := (*schedule.ParseError)(nil); len(spec.Schedules) > 0 && errors.As(err, &parse) && parse.Index >= 0 {
		field = fmt.Sprintf("spec.schedules[%d]", parse.Index)
	}
	return &Rejection{Reason: v1alpha1.ReasonInvalidSchedule, Message: field + ": " + err.Error()}
}

func badBlackout(err error) *Rejection {
	field := "spec.blackouts"
	if parse := (*schedule.ParseError)(nil); errors.As(err, &parse) && parse.Index >= 0 {
		field = fmt.Sprintf("spec.blackouts[%d]", parse.Index)
		if !errors.Is(err, schedule.ErrBadWindow) {
			field += ".schedule"
		}
	}
	return &Rejection{Reason: v1alpha1.ReasonInvalidBlackout, Message: field + ": " + err.Error()}
}

// timing are the fields whose change makes a schedule a new one. An edit of
// anything else leaves due times due.
type timing struct {
	Schedules []string            `json:"schedules"`
	TimeZone  string              `json:"timeZone"`
	Suspend   bool                `json:"suspend,omitempty"`
	NotBefore *metav1.Time        `json:"notBefore,omitempty"`
	NotAfter  *metav1.Time        `json:"notAfter,omitempty"`
	Blackouts []v1alpha1.Blackout `json:"blackouts,omitempty"`
}

// ScheduleHash is the value of status.scheduleHash. Two specs that mean the
// same have the same; it must never change with the version of the operator, or
// an upgrade would lose what is due at that moment.
func ScheduleHash(spec *v1alpha1.CronBatchJobSpec) string {
	data, err := json.Marshal(timing{Schedules: spec.GetSchedules(), TimeZone: spec.GetTimeZone(), Suspend: spec.IsSuspended(),
		NotBefore: spec.NotBefore, NotAfter: spec.NotAfter, Blackouts: spec.Blackouts})
	if err != nil { // strings, numbers and times always marshal
		return ""
	}
	sum := sha256.Sum256(data)
	return "v1-" + hex.EncodeToString(sum[:8])
}

// sinceWhen learns since when the schedule stands as it does. A schedule that is
// seen for the first time begins now, so no edit and no resume starts a run for
// the past. A last time in the future was decided under a clock that has been
// put right since; an edit is the occasion to let go of it.
func (w *work) sinceWhen() {
	w.hash = ScheduleHash(w.spec)
	w.since, w.last = timeOf(w.was.ScheduleSince), timeOf(w.was.LastScheduleTime)
	if w.hash != w.was.ScheduleHash || w.since.IsZero() {
		w.since = wholeSeconds(w.o.Now)
		if w.last.After(w.since) {
			w.last = w.since
		}
	}
	w.schedule, w.blackouts = w.o.Calendar.Schedule, w.o.Calendar.Blackouts
	if w.o.Calendar.Problem == nil {
		w.schedule = w.schedule.Anchored(w.since)
		if len(w.spec.Blackouts) > 0 {
			w.blackouts = w.blackouts.Anchored(w.since)
		}
	}
	w.offset = schedule.Offset(keyOf(w.cron), w.spec.GetJitter())
}

func wholeSeconds(t time.Time) time.Time { return t.Truncate(time.Second) }

// searches bounds how often one look goes on where NextOpen gave up.
const searches = 3

// next is the first nominal time after another that counts and is in no
// blackout.
func (w *work) next(after time.Time) schedule.Opening {
	valid := schedule.Validity{NotBefore: timeOf(w.spec.NotBefore), NotAfter: timeOf(w.spec.NotAfter)}
	return w.blackouts.NextOpen(w.schedule, valid, after)
}

// outlook finds the next nominal time that is in no blackout.
func (w *work) outlook() {
	if w.o.Calendar.Problem != nil {
		return
	}
	after := latest(w.o.Now.Add(-w.offset), w.since, w.last)
	for range searches {
		w.opening = w.next(after)
		if !w.opening.Time.IsZero() || w.opening.Never {
			break
		}
		after = w.opening.Through
	}
	w.closedUntil, _ = w.blackouts.Blocked(w.o.Now)
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
