package v1alpha1_test

import (
	"math"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func want[T comparable](t *testing.T, name string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

func TestAbsentValuesOfABatchJob(t *testing.T) {
	s := &v1alpha1.BatchJobSpec{}
	count, fixed := s.GetCompletions()
	want(t, "completions", count, 1)
	want(t, "completions fixed", fixed, true)
	want(t, "parallelism", s.GetParallelism(), 1)
	want(t, "completionMode", s.GetCompletionMode(), v1alpha1.NonIndexedCompletion)
	want(t, "indexed", s.IsIndexed(), false)
	want(t, "backoffLimit", s.GetBackoffLimit(), 6)
	want(t, "podReplacementPolicy", s.GetPodReplacementPolicy(), v1alpha1.TerminatingOrFailed)
	want(t, "suspended", s.IsSuspended(), false)
	want(t, "manualSelector", s.IsManualSelector(), false)
	want(t, "rerunPolicy", s.GetRerunPolicy(), v1alpha1.RerunOnChange)
	want(t, "updatePolicy", s.GetUpdatePolicy(), v1alpha1.UpdateDrain)
	want(t, "podHistoryLimit", s.GetPodHistoryLimit(), 1)
	want(t, "podStartTimeout", s.GetPodStartTimeout(), 0)
	want(t, "managed", s.IsManagedByStint(), true)
	_, set := s.GetActiveDeadline()
	want(t, "activeDeadline set", set, false)
}

func TestGivenValuesOfABatchJob(t *testing.T) {
	s := &v1alpha1.BatchJobSpec{
		Parallelism: new(int32(0)), Completions: new(int32(0)), CompletionMode: new(v1alpha1.IndexedCompletion),
		BackoffLimit: new(int32(0)), PodReplacementPolicy: new(v1alpha1.Failed), Suspend: new(true), ManualSelector: new(true),
		RerunPolicy: v1alpha1.RerunNever, UpdatePolicy: v1alpha1.UpdateReplace, PodHistoryLimit: new(int32(0)),
		PodStartTimeoutSeconds: new(int32(30)), ActiveDeadlineSeconds: new(int64(90)),
	}
	count, fixed := s.GetCompletions()
	want(t, "completions", count, 0)
	want(t, "completions fixed", fixed, true)
	want(t, "parallelism", s.GetParallelism(), 0)
	want(t, "indexed", s.IsIndexed(), true)
	want(t, "backoffLimit", s.GetBackoffLimit(), 0)
	want(t, "podReplacementPolicy", s.GetPodReplacementPolicy(), v1alpha1.Failed)
	want(t, "suspended", s.IsSuspended(), true)
	want(t, "manualSelector", s.IsManualSelector(), true)
	want(t, "rerunPolicy", s.GetRerunPolicy(), v1alpha1.RerunNever)
	want(t, "updatePolicy", s.GetUpdatePolicy(), v1alpha1.UpdateReplace)
	want(t, "podHistoryLimit", s.GetPodHistoryLimit(), 0)
	want(t, "podStartTimeout", s.GetPodStartTimeout(), 30*time.Second)
	deadline, set := s.GetActiveDeadline()
	want(t, "activeDeadline set", set, true)
	want(t, "activeDeadline", deadline, 90*time.Second)

	s.ActiveDeadlineSeconds = new(int64(math.MaxInt64))
	deadline, _ = s.GetActiveDeadline()
	want(t, "the largest activeDeadline", deadline, math.MaxInt64)
}

func TestDependentDefaults(t *testing.T) {
	queue := &v1alpha1.BatchJobSpec{Parallelism: new(int32(4))}
	_, fixed := queue.GetCompletions()
	want(t, "completions of a work queue fixed", fixed, false)

	perIndex := &v1alpha1.BatchJobSpec{BackoffLimitPerIndex: new(int32(1))}
	want(t, "backoffLimit with backoffLimitPerIndex", perIndex.GetBackoffLimit(), math.MaxInt32)
	perIndex.BackoffLimit = new(int32(2))
	want(t, "both limits", perIndex.GetBackoffLimit(), 2)

	policy := &v1alpha1.BatchJobSpec{PodFailurePolicy: &v1alpha1.PodFailurePolicy{}}
	want(t, "podReplacementPolicy with podFailurePolicy", policy.GetPodReplacementPolicy(), v1alpha1.Failed)

	pattern := &v1alpha1.PodFailurePolicyOnPodConditionsPattern{}
	want(t, "status of a pattern", pattern.GetStatus(), corev1.ConditionTrue)
	pattern.Status = corev1.ConditionFalse
	want(t, "given status of a pattern", pattern.GetStatus(), corev1.ConditionFalse)

	dependency := &v1alpha1.Dependency{}
	want(t, "namespace of a dependency", dependency.GetNamespace("own"), "own")
	dependency.Namespace = "other"
	want(t, "given namespace of a dependency", dependency.GetNamespace("own"), "other")
}

func TestManagedBy(t *testing.T) {
	for value, ours := range map[string]bool{
		"kubernetes.io/job-controller": true, "batch.stint.dev/controller": true,
		"acme.io/other": false, "": false, "kueue.x-k8s.io/multikueue": false,
	} {
		s := &v1alpha1.BatchJobSpec{ManagedBy: &value}
		want(t, "managedBy "+value, s.IsManagedByStint(), ours)
	}
}

func TestBackoff(t *testing.T) {
	d := func(v time.Duration) *metav1.Duration { return &metav1.Duration{Duration: v} }
	for _, c := range []struct {
		name             string
		backoff          *v1alpha1.Backoff
		initial, longest time.Duration
	}{
		{"unset", nil, 10 * time.Second, 6 * time.Minute},
		{"empty", &v1alpha1.Backoff{}, 10 * time.Second, 6 * time.Minute},
		{"both", &v1alpha1.Backoff{InitialDelay: d(time.Second), MaxDelay: d(time.Minute)}, time.Second, time.Minute},
		{"long initialDelay", &v1alpha1.Backoff{InitialDelay: d(time.Hour)}, time.Hour, time.Hour},
		{"short maxDelay", &v1alpha1.Backoff{MaxDelay: d(time.Second)}, time.Second, time.Second},
		{"long maxDelay", &v1alpha1.Backoff{MaxDelay: d(time.Hour)}, 10 * time.Second, time.Hour},
	} {
		initial, longest := (&v1alpha1.BatchJobSpec{Backoff: c.backoff}).GetBackoff()
		want(t, c.name+": initial delay", initial, c.initial)
		want(t, c.name+": longest delay", longest, c.longest)
	}
}

func TestTTLPolicy(t *testing.T) {
	controller := []metav1.OwnerReference{{Controller: new(true)}}
	for _, c := range []struct {
		name string
		meta metav1.ObjectMeta
		spec *v1alpha1.TTLPolicy
		want v1alpha1.TTLPolicy
	}{
		{"by hand", metav1.ObjectMeta{}, nil, v1alpha1.TTLDelete},
		{"Kustomization", label("kustomize.toolkit.fluxcd.io/name"), nil, v1alpha1.TTLDeletePods},
		{"HelmRelease", label("helm.toolkit.fluxcd.io/name"), nil, v1alpha1.TTLDeletePods},
		{"ResourceSet", label("resourceset.fluxcd.controlplane.io/name"), nil, v1alpha1.TTLDeletePods},
		{"Argo CD by label", label("argocd.argoproj.io/instance"), nil, v1alpha1.TTLDeletePods},
		{"Argo CD by annotation", annotation("argocd.argoproj.io/tracking-id"), nil, v1alpha1.TTLDeletePods},
		{"Helm", annotation("meta.helm.sh/release-name"), nil, v1alpha1.TTLDeletePods},
		{"a mark as the other kind", annotation("kustomize.toolkit.fluxcd.io/name"), nil, v1alpha1.TTLDelete},
		{"recommended labels", label("app.kubernetes.io/instance"), nil, v1alpha1.TTLDelete},
		{"said so", label("argocd.argoproj.io/instance"), new(v1alpha1.TTLDelete), v1alpha1.TTLDelete},
		{"said otherwise", metav1.ObjectMeta{}, new(v1alpha1.TTLDeletePods), v1alpha1.TTLDeletePods},
		{
			"a child with an inherited mark",
			metav1.ObjectMeta{Labels: label("helm.toolkit.fluxcd.io/name").Labels, OwnerReferences: controller}, nil, v1alpha1.TTLDelete,
		},
		{
			"an owner that does not control",
			metav1.ObjectMeta{Labels: label("helm.toolkit.fluxcd.io/name").Labels, OwnerReferences: []metav1.OwnerReference{{}}}, nil, v1alpha1.TTLDeletePods,
		},
	} {
		job := &v1alpha1.BatchJob{ObjectMeta: c.meta, Spec: v1alpha1.BatchJobSpec{TTLPolicy: c.spec}}
		want(t, c.name, job.GetTTLPolicy(), c.want)
	}
}

func label(key string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Labels: map[string]string{key: "x"}}
}

func annotation(key string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Annotations: map[string]string{key: "x"}}
}

func TestFinished(t *testing.T) {
	job := &v1alpha1.BatchJob{}
	want(t, "a new job finished", job.IsFinished(), false)
	want(t, "run of a new job", job.GetRun(), 0)
	for _, c := range []struct {
		condition string
		status    metav1.ConditionStatus
		complete  bool
		failed    bool
	}{
		{v1alpha1.ConditionComplete, metav1.ConditionTrue, true, false},
		{v1alpha1.ConditionFailed, metav1.ConditionTrue, false, true},
		{v1alpha1.ConditionComplete, metav1.ConditionFalse, false, false},
		{v1alpha1.ConditionFailureTarget, metav1.ConditionTrue, false, false},
		{v1alpha1.ConditionSuccessCriteriaMet, metav1.ConditionTrue, false, false},
	} {
		job.SetConditions([]metav1.Condition{{Type: c.condition, Status: c.status}})
		name := c.condition + "=" + string(c.status)
		want(t, name+" complete", job.IsComplete(), c.complete)
		want(t, name+" failed", job.IsFailed(), c.failed)
		want(t, name+" finished", job.IsFinished(), c.complete || c.failed)
		want(t, name+" conditions", len(job.GetConditions()), 1)
	}
	job.Status.Run = &v1alpha1.RunStatus{Number: 3}
	want(t, "run", job.GetRun(), 3)
}

func TestCronBatchJob(t *testing.T) {
	s := &v1alpha1.CronBatchJobSpec{Schedule: "@daily"}
	want(t, "schedules", slices.Equal(s.GetSchedules(), []string{"@daily"}), true)
	want(t, "timeZone", s.GetTimeZone(), "UTC")
	want(t, "jitter", s.GetJitter(), 0)
	want(t, "concurrencyPolicy", s.GetConcurrencyPolicy(), v1alpha1.AllowConcurrent)
	want(t, "queueLimit", s.GetQueueLimit(), 10)
	want(t, "missedRunPolicy", s.GetMissedRunPolicy(), v1alpha1.MissedRunLatest)
	want(t, "missedRunLimit", s.GetMissedRunLimit(), 10)
	want(t, "successful", s.GetSuccessfulJobsHistoryLimit(), 3)
	want(t, "failed", s.GetFailedJobsHistoryLimit(), 1)
	want(t, "suspended", s.IsSuspended(), false)
	want(t, "lateness", s.GetLateness(), time.Minute)
	_, set := s.GetStartingDeadline()
	want(t, "startingDeadline set", set, false)
	_, set = s.GetHistoryTTL()
	want(t, "historyTTL set", set, false)

	s = &v1alpha1.CronBatchJobSpec{
		Schedules: []string{"@daily", "@hourly"}, TimeZone: new("Europe/Berlin"), JitterSeconds: new(int32(60)),
		ConcurrencyPolicy: v1alpha1.QueueConcurrent, QueueLimit: new(int32(2)), MissedRunPolicy: v1alpha1.MissedRunAll,
		MissedRunLimit: new(int32(4)), SuccessfulJobsHistoryLimit: new(int32(0)), FailedJobsHistoryLimit: new(int32(0)),
		Suspend: new(true), StartingDeadlineSeconds: new(int64(0)), HistoryTTLSeconds: new(int64(60)),
	}
	want(t, "schedules", slices.Equal(s.GetSchedules(), s.Schedules), true)
	want(t, "timeZone", s.GetTimeZone(), "Europe/Berlin")
	want(t, "jitter", s.GetJitter(), time.Minute)
	want(t, "concurrencyPolicy", s.GetConcurrencyPolicy(), v1alpha1.QueueConcurrent)
	want(t, "queueLimit", s.GetQueueLimit(), 2)
	want(t, "missedRunPolicy", s.GetMissedRunPolicy(), v1alpha1.MissedRunAll)
	want(t, "missedRunLimit", s.GetMissedRunLimit(), 4)
	want(t, "successful", s.GetSuccessfulJobsHistoryLimit(), 0)
	want(t, "failed", s.GetFailedJobsHistoryLimit(), 0)
	want(t, "suspended", s.IsSuspended(), true)
	want(t, "lateness with a deadline of 0", s.GetLateness(), 0)
	ttl, set := s.GetHistoryTTL()
	want(t, "historyTTL set", set, true)
	want(t, "historyTTL", ttl, time.Minute)

	cron := &v1alpha1.CronBatchJob{}
	cron.SetConditions([]metav1.Condition{{Type: v1alpha1.ConditionReady}})
	want(t, "conditions", len(cron.GetConditions()), 1)
}

// TestScheme: each kind and its list are known.
func TestScheme(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{v1alpha1.BatchJobKind, v1alpha1.BatchJobKind + "List", v1alpha1.CronBatchJobKind, v1alpha1.CronBatchJobKind + "List"} {
		want(t, kind+" known", scheme.Recognizes(v1alpha1.GroupVersion.WithKind(kind)), true)
	}
}
