package world

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// cronAuthor is whoever writes the manifest, asks for runs, deletes things by
// hand and makes objects of the names that runs will have.
type cronAuthor struct {
	history *cronHistory
	// Edits, Deletions, Thefts are how many are still to come.
	Edits, Deletions, Thefts int
	// MayDelete allows the deletion of the schedule, once; Again makes it anew.
	MayDelete, Again bool
	tokens           int
	schedules        []string
}

// badImage is what the server never admits.
const badImage = "never admitted"

// cronSchedules, of which each history has some: even and uneven ones, one that
// never fires, and one that does not parse.
var cronSchedules = []string{
	"* * * * *", "*/5 * * * *", "*/10 * * * * *", "@every 90s", "@hourly", "0 9-17 * * 1-5", "0,5 8 * * *", "30 2 * * *",
	"0 0 * * *", "*/10 9-10 * * *", "0,1 0 * * *", "H H(0-5) * * *", "0 0 1 * *", "15 */2 * * *", "0 0 31 2 *", "61 * * * *",
}

func newAuthor(h *cronHistory) *cronAuthor {
	rng := h.rng
	a := &cronAuthor{history: h}
	a.Edits = []int{0, 0, 2, 5, 12}[rng.IntN(5)]
	a.Deletions, a.Thefts = []int{0, 0, 1, 4}[rng.IntN(4)], []int{0, 0, 0, 1, 3}[rng.IntN(5)]
	a.MayDelete = rng.IntN(10) == 0
	a.Again = rng.IntN(2) == 0
	for range 1 + rng.IntN(3) {
		a.schedules = append(a.schedules, cronSchedules[rng.IntN(len(cronSchedules)-2)])
	}
	if rng.IntN(10) == 0 {
		a.schedules = append(a.schedules, cronSchedules[len(cronSchedules)-1-rng.IntN(2)])
	}
	return a
}

// refuse is admission: one image is never taken.
func (a *cronAuthor) refuse(o client.Object) error {
	var spec *corev1.PodSpec
	switch o := o.(type) {
	case *corev1.Pod:
		spec = &o.Spec
	case *v1alpha1.BatchJob:
		spec = &o.Spec.Template.Spec
	default:
		return nil
	}
	if len(spec.Containers) > 0 && spec.Containers[0].Image == badImage {
		return invalid(kindOf(o), o.GetName(), "spec.containers[0].image: Invalid value: \""+badImage+"\"")
	}
	return nil
}

func (a *cronAuthor) create() {
	h, rng := a.history, a.history.rng
	c := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: cronKey.Namespace, Name: cronKey.Name}}
	c.Spec.Schedule = a.schedules[0]
	c.Spec.JobTemplate.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "busybox"}},
	}
	if rng.IntN(3) == 0 {
		c.Spec.JobTemplate.Spec.TTLSecondsAfterFinished = new(int32(rng.IntN(2) * 30))
	}
	for range 2 + rng.IntN(6) {
		a.change(&c.Spec)
	}
	if rng.IntN(8) == 0 {
		c.Spec.RunAt = a.token()
	}
	if _, err := h.Store.create(Actor{Name: "author"}, c); err != nil {
		panic(err)
	}
	h.Story.Add("the author creates cron: %s", describeCron(&c.Spec))
}

func (a *cronAuthor) token() string {
	a.tokens++
	return fmt.Sprintf("token-%d", a.tokens)
}

// Step does one thing; false if the author is content.
func (a *cronAuthor) Step() bool {
	h, rng := a.history, a.history.rng
	c := h.cron()
	switch {
	case c == nil && a.Again:
		a.Again = false
		a.create()
	case c == nil || c.DeletionTimestamp != nil:
		return false
	case a.MayDelete && rng.IntN(15) == 0:
		a.MayDelete = false
		policy := []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground}[rng.IntN(2)]
		a.remove(cronKind, c, &policy)
	case a.Deletions > 0 && rng.IntN(3) == 0:
		return a.deleteRun()
	case a.Thefts > 0 && rng.IntN(3) == 0:
		return a.steal(c)
	case a.Edits > 0:
		a.Edits--
		a.edit(c)
	default:
		return false
	}
	return true
}

func (a *cronAuthor) edit(c *v1alpha1.CronBatchJob) {
	next := c.DeepCopy()
	switch a.history.rng.IntN(6) {
	case 0:
		next.Spec.RunAt = a.token()
	case 1:
		next.Annotations = map[string]string{v1alpha1.AnnotationRunAt: a.token()}
	default:
		a.change(&next.Spec)
	}
	a.store(next)
}

func (a *cronAuthor) store(next *v1alpha1.CronBatchJob) {
	if _, err := a.history.Store.update(Actor{Name: "author"}, next, false); err != nil {
		panic(err)
	}
	a.history.Story.Add("the author edits cron: %s, annotations %v", describeCron(&next.Spec), next.Annotations)
}

// change changes one field.
func (a *cronAuthor) change(s *v1alpha1.CronBatchJobSpec) {
	h, rng := a.history, a.history.rng
	now := h.Clock.now
	count := func(choices ...int32) *int32 { return new(choices[rng.IntN(len(choices))]) }
	switch rng.IntN(16) {
	case 0:
		s.Schedule, s.Schedules = a.schedules[rng.IntN(len(a.schedules))], nil
	case 1:
		s.Schedule, s.Schedules = "", a.schedules
	case 2:
		s.TimeZone = new([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}[rng.IntN(5)])
	case 3:
		s.Suspend = new(!s.IsSuspended() && rng.IntN(2) == 0)
	case 4:
		s.JitterSeconds = count(0, 30, 600)
	case 5, 6:
		s.StartingDeadlineSeconds = nil
		if rng.IntN(2) == 0 {
			s.StartingDeadlineSeconds = new([]int64{0, 10, 120, 900}[rng.IntN(4)])
		}
	case 7, 8, 9:
		s.ConcurrencyPolicy = []v1alpha1.ConcurrencyPolicy{
			v1alpha1.AllowConcurrent, v1alpha1.ForbidConcurrent, v1alpha1.ReplaceConcurrent, v1alpha1.QueueConcurrent,
		}[rng.IntN(4)]
		s.QueueLimit = count(1, 2, 10)
	case 10, 11:
		s.MissedRunPolicy = []v1alpha1.MissedRunPolicy{v1alpha1.MissedRunLatest, v1alpha1.MissedRunAll, v1alpha1.MissedRunNone}[rng.IntN(3)]
		s.MissedRunLimit = count(1, 3, 10)
	case 12:
		s.SuccessfulJobsHistoryLimit, s.FailedJobsHistoryLimit = count(0, 1, 3), count(0, 1)
	case 13:
		s.HistoryTTLSeconds = new([]int64{0, 60, 7200}[rng.IntN(3)])
	case 14:
		a.limit(s, now)
	case 15:
		a.blackOut(s, now)
	}
}

func (a *cronAuthor) limit(s *v1alpha1.CronBatchJobSpec, now time.Time) {
	rng := a.history.rng
	s.NotBefore, s.NotAfter = nil, nil
	switch rng.IntN(3) {
	case 0:
		s.NotBefore = instant(now.Add(time.Duration(rng.IntN(7200)) * time.Second))
	case 1:
		s.NotAfter = instant(now.Add(time.Duration(rng.IntN(72000)) * time.Second))
	}
}

func (a *cronAuthor) blackOut(s *v1alpha1.CronBatchJobSpec, now time.Time) {
	rng := a.history.rng
	s.Blackouts = nil
	if rng.IntN(2) == 0 {
		from := now.Add(time.Duration(rng.IntN(3600)) * time.Second)
		s.Blackouts = append(s.Blackouts, v1alpha1.Blackout{From: instant(from), To: instant(from.Add(time.Duration(1+rng.IntN(7200)) * time.Second))})
	}
	if rng.IntN(2) == 0 {
		s.Blackouts = append(s.Blackouts, v1alpha1.Blackout{Schedule: "0 */3 * * *", Duration: &metav1.Duration{Duration: time.Hour}})
	}
}

// deleteRun deletes a BatchJob by hand.
func (a *cronAuthor) deleteRun() bool {
	jobs := a.history.batchJobs()
	if len(jobs) == 0 {
		return false
	}
	a.Deletions--
	j := jobs[a.history.rng.IntN(len(jobs))]
	policy := []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground}[a.history.rng.IntN(2)]
	a.remove(jobKind, j, &policy)
	return true
}

// steal makes somebody else's object of the name of a run to come.
func (a *cronAuthor) steal(c *v1alpha1.CronBatchJob) bool {
	t := timing(c)
	if t == nil {
		return false
	}
	at := t.schedule.Next(a.history.Clock.now)
	if at.IsZero() {
		return false
	}
	a.Thefts--
	j := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: runName(c.Name, at)}}
	j.Spec.Template.Spec = *c.Spec.JobTemplate.Spec.Template.Spec.DeepCopy()
	if _, err := a.history.Store.create(Actor{Name: "somebody"}, j); err != nil {
		return false
	}
	a.history.Story.Add("somebody creates %s", j.Name)
	return true
}

// relent ends what would hold the schedule for ever.
func (a *cronAuthor) relent() {
	c := a.history.cron()
	if c == nil || c.DeletionTimestamp != nil || a.history.rng.IntN(3) > 0 {
		return
	}
	next := c.DeepCopy()
	next.Spec.Suspend, next.Spec.NotAfter, next.Spec.NotBefore, next.Spec.Blackouts = nil, nil, nil, nil
	next.Spec.Schedule, next.Spec.Schedules = "*/5 * * * *", nil
	next.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Image = "busybox"
	a.store(next)
}

func (a *cronAuthor) remove(k *kind, o client.Object, policy *metav1.DeletionPropagation) {
	if err := a.history.Store.remove(Actor{Name: "somebody"}, k, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()},
		client.DeleteOptions{PropagationPolicy: policy}); err != nil {
		panic(err)
	}
	a.history.Story.Add("somebody deletes %s (%s)", o.GetName(), *policy)
}

// describeCron is a spec in the story.
func describeCron(s *v1alpha1.CronBatchJobSpec) string {
	parts := []string{
		strings.Join(s.GetSchedules(), "; "), s.GetTimeZone(), string(s.GetConcurrencyPolicy()),
		fmt.Sprintf("queue %d, missed %s %d, history %d/%d", s.GetQueueLimit(), s.GetMissedRunPolicy(), s.GetMissedRunLimit(),
			s.GetSuccessfulJobsHistoryLimit(), s.GetFailedJobsHistoryLimit()),
	}
	if deadline, set := s.GetStartingDeadline(); set {
		parts = append(parts, "deadline "+deadline.String())
	}
	if j := s.GetJitter(); j > 0 {
		parts = append(parts, "jitter "+j.String())
	}
	if ttl, set := s.GetHistoryTTL(); set {
		parts = append(parts, "history TTL "+ttl.String())
	}
	for _, t := range []struct {
		what string
		at   *metav1.Time
	}{{"not before ", s.NotBefore}, {"not after ", s.NotAfter}} {
		if t.at != nil {
			parts = append(parts, t.what+t.at.UTC().Format(time.RFC3339))
		}
	}
	if len(s.Blackouts) > 0 {
		parts = append(parts, fmt.Sprintf("blackouts %+v", s.Blackouts))
	}
	if ttl := s.JobTemplate.Spec.TTLSecondsAfterFinished; ttl != nil {
		parts = append(parts, fmt.Sprintf("TTL %ds", *ttl))
	}
	if s.RunAt != "" {
		parts = append(parts, "runAt "+s.RunAt)
	}
	if s.IsSuspended() {
		parts = append(parts, "suspended")
	}
	return strings.Join(parts, ", ")
}
