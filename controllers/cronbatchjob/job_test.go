package cronbatchjob

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/shard"
)

var now = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// nightly is a schedule whose jobTemplate has everything that newJob touches.
func nightly() *v1alpha1.CronBatchJob {
	return &v1alpha1.CronBatchJob{
		ObjectMeta: metav1.ObjectMeta{Name: "nightly", Namespace: "team", UID: "uid-of-nightly", Generation: 1, ResourceVersion: "100",
			Labels: map[string]string{"shard": "two", "app": "of the schedule"}},
		Spec: v1alpha1.CronBatchJobSpec{Schedule: "@daily", JobTemplate: v1alpha1.BatchJobTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Name: "ignored", Finalizers: []string{"ignored"},
				Labels:      map[string]string{"app": "db", v1alpha1.LabelCronBatchJob: "wrong"},
				Annotations: map[string]string{"a": "b", v1alpha1.AnnotationCronJobScheduledTimestamp: "wrong"}},
			Spec: v1alpha1.BatchJobSpec{Completions: new(int32(3)), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				InitContainers: []corev1.Container{{Name: "first"}},
				Containers:     []corev1.Container{{Name: "main"}, {Name: "own", Env: []corev1.EnvVar{{Name: v1alpha1.EnvScheduledTime, Value: "mine"}}}},
			}}},
		}},
	}
}

func start(token string) engine.Start {
	berlin := time.FixedZone("CET", 3600)
	return engine.Start{Name: "nightly-123", Nominal: now.In(berlin), Due: now, Token: token}
}

// TestNewJob is the jobTemplate with batch/v1's annotation, the schedule as
// controller and our lock.
func TestNewJob(t *testing.T) {
	job := newJob(nightly(), start(""), shard.Shard{})
	same(t, "metadata", job.ObjectMeta, metav1.ObjectMeta{
		Name: "nightly-123", Namespace: "team",
		Labels:      map[string]string{"app": "db", "batch.stint.dev/cronbatchjob": "nightly"},
		Annotations: map[string]string{"a": "b", "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-05-04T13:00:00+01:00"},
		Finalizers:  []string{"batch.stint.dev/cron-recorded"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch.stint.dev/v1alpha1", Kind: "CronBatchJob", Name: "nightly", UID: "uid-of-nightly",
			Controller: new(true), BlockOwnerDeletion: new(true)}},
	})
	same(t, "spec", job.Spec, nightly().Spec.JobTemplate.Spec)
	same(t, "status", job.Status, v1alpha1.BatchJobStatus{})

	of, err := labels.Parse("shard=two,app,!none")
	if err != nil {
		t.Fatal(err)
	}
	lost := nightly()
	lost.Spec.JobTemplate.Labels["none"], lost.Spec.JobTemplate.Labels["tier"] = "of the template", "back"
	asked := newJob(lost, start("now, please"), shard.New(of.String(), of))
	same(t, "the token", asked.Annotations[v1alpha1.AnnotationRunToken], "now, please")
	same(t, "nobody asks the run for another run", asked.Annotations[v1alpha1.AnnotationRunAt], "")
	same(t, "what decides about the shard is the schedule's", asked.Labels,
		map[string]string{"shard": "two", "app": "of the schedule", "tier": "back", "batch.stint.dev/cronbatchjob": "nightly"})
}

// TestFactsOfANewJob give back what it was started for: what exists is the
// record.
func TestFactsOfANewJob(t *testing.T) {
	for _, token := range []string{"", "now"} {
		facts := factsOf(newJob(nightly(), start(token), shard.Shard{}))
		same(t, "nominal", facts.Nominal.Equal(now), true)
		same(t, "token", facts.Token, token)
		same(t, "held", facts.Held, true)
		same(t, "ended", facts.Result, engine.Result(""))
	}
}

// TestFacts of a run's end, and of one that somebody has been at.
func TestFacts(t *testing.T) {
	stamp := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(d)) }
	condition := func(kind string, status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: "Why", Message: "because", LastTransitionTime: stamp(time.Hour)}
	}
	for name, c := range map[string]struct {
		do   func(*v1alpha1.BatchJob)
		want engine.Child
	}{
		"complete": {func(j *v1alpha1.BatchJob) {
			j.Status.StartTime, j.Status.CompletionTime = new(stamp(0)), new(stamp(time.Minute))
			j.Status.Conditions = []metav1.Condition{condition("Complete", "True"), condition("Failed", "False")}
		}, engine.Child{Started: now, Result: engine.Complete, Ended: now.Add(time.Minute), Reason: "Why", Message: "because", Held: true}},
		"failed": {func(j *v1alpha1.BatchJob) { j.Status.Conditions = []metav1.Condition{condition("Failed", "True")} },
			engine.Child{Result: engine.Failed, Ended: now.Add(time.Hour), Reason: "Why", Message: "because", Held: true}},
		"about to fail": {func(j *v1alpha1.BatchJob) {
			j.Status.Conditions = []metav1.Condition{condition("FailureTarget", "True")}
		},
			engine.Child{Held: true}},
		"let go and being deleted": {func(j *v1alpha1.BatchJob) { j.Finalizers, j.DeletionTimestamp = []string{"theirs"}, new(stamp(0)) },
			engine.Child{Deleting: true}},
	} {
		job := newJob(nightly(), start(""), shard.Shard{})
		job.UID = "uid"
		c.do(job)
		c.want.ChildRef, c.want.Nominal = engine.ChildRef{Name: "nightly-123", UID: "uid"}, now
		same(t, name, factsOf(job), c.want)
	}
	broken := newJob(nightly(), start(""), shard.Shard{})
	broken.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp] = "yesterday"
	same(t, "no time", factsOf(broken).Nominal.IsZero(), true)
}

// TestOwner: the controller decides; the label only while our finalizer says
// that the run was ours.
func TestOwner(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*v1alpha1.BatchJob)
		cron string
		uid  types.UID
	}{
		"ours":                  {func(*v1alpha1.BatchJob) {}, "nightly", "uid-of-nightly"},
		"let go":                {func(j *v1alpha1.BatchJob) { j.Finalizers = nil }, "nightly", "uid-of-nightly"},
		"relabelled":            {func(j *v1alpha1.BatchJob) { j.Labels = nil }, "nightly", "uid-of-nightly"},
		"orphaned":              {func(j *v1alpha1.BatchJob) { j.OwnerReferences = nil }, "nightly", ""},
		"orphaned and let go":   {func(j *v1alpha1.BatchJob) { j.OwnerReferences, j.Finalizers = nil, nil }, "", ""},
		"a CronJob's":           {func(j *v1alpha1.BatchJob) { j.OwnerReferences[0].APIVersion, j.Finalizers = "batch/v1", nil }, "", ""},
		"owned, not controlled": {func(j *v1alpha1.BatchJob) { j.OwnerReferences[0].Controller, j.Finalizers = nil, nil }, "", ""},
	} {
		job := newJob(nightly(), start(""), shard.Shard{})
		c.do(job)
		cron, uid := ownerOf(job)
		same(t, name, []any{cron, uid}, []any{c.cron, c.uid})
	}
}

// TestSplit tells the schedule's own runs from those that a former schedule of
// the name has left, which matter only while they are locked.
func TestSplit(t *testing.T) {
	made := func(name string, uid types.UID, held bool) *v1alpha1.BatchJob {
		s := start("")
		s.Name = name
		job := newJob(nightly(), s, shard.Shard{})
		job.OwnerReferences[0].UID = uid
		if !held {
			job.Finalizers = nil
		}
		return job
	}
	names := func(jobs []*v1alpha1.BatchJob) (out []string) {
		for _, j := range jobs {
			out = append(out, j.Name)
		}
		return out
	}
	all := []*v1alpha1.BatchJob{made("mine", "a", true), made("mine-free", "a", false), made("former", "b", true), made("former-free", "b", false)}
	mine, strays := split(all, "a", true)
	same(t, "mine", names(mine), []string{"mine", "mine-free"})
	same(t, "strays", names(strays), []string{"former"})
	mine, strays = split(all, "", false)
	same(t, "mine, of no schedule", names(mine), []string(nil))
	same(t, "strays, of no schedule", names(strays), []string{"mine", "former"})
}

// TestTrialPod is what a run's BatchJob would make, with the longest host name
// that it comes to.
func TestTrialPod(t *testing.T) {
	cron := nightly()
	cron.Spec.JobTemplate.Spec.CompletionMode = new(v1alpha1.IndexedCompletion)
	pod := trialPod(trialJob(cron, now, shard.Shard{}))
	same(t, "host name", pod.Spec.Hostname, engine.RunName("nightly", now)+"-2")
	same(t, "namespace", pod.Namespace, "team")
	values := []string{}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		for _, env := range c.Env {
			if env.Name == v1alpha1.EnvScheduledTime {
				values = append(values, c.Name+"="+env.Value)
			}
		}
	}
	same(t, "STINT_SCHEDULED_TIME, unless the container has its own", values,
		[]string{"first=2026-05-04T12:00:00Z", "main=2026-05-04T12:00:00Z", "own=mine"})
}

// TestStrangers are spoken of once.
func TestStrangers(t *testing.T) {
	s, key := newStrangers(), types.NamespacedName{Namespace: "team", Name: "nightly"}
	same(t, "first", s.meet(key, []string{"a"}), []string{"a"})
	same(t, "again", s.meet(key, []string{"a", "b"}), []string{"b"})
	same(t, "gone", s.meet(key, nil), []string(nil))
	same(t, "back", s.meet(key, []string{"a"}), []string{"a"})
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: - wanted, + got:\n%s", what, diff)
	}
}
