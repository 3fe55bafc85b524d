package v1alpha1

import (
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Defaults of a BatchJob. The first four have none in the CRD, since an absent
// value depends on other fields.
const (
	DefaultParallelism     int32 = 1
	DefaultCompletions     int32 = 1
	DefaultBackoffLimit    int32 = 6
	UnlimitedBackoffLimit  int32 = math.MaxInt32
	DefaultPodHistoryLimit int32 = 1

	DefaultBackoffInitialDelay = 10 * time.Second
	DefaultBackoffMaxDelay     = 6 * time.Minute
)

// GetParallelism is how many pods may run at a time.
func (s *BatchJobSpec) GetParallelism() int32 {
	return valueOr(s.Parallelism, DefaultParallelism)
}

// GetCompletions is how many successes complete the job. fixed is false for a
// work queue, where any success does.
func (s *BatchJobSpec) GetCompletions() (count int32, fixed bool) {
	if s.Completions != nil {
		return *s.Completions, true
	}
	if s.Parallelism == nil {
		return DefaultCompletions, true
	}
	return 0, false
}

// GetCompletionMode is how the ends of pods are counted.
func (s *BatchJobSpec) GetCompletionMode() CompletionMode {
	return valueOr(s.CompletionMode, NonIndexedCompletion)
}

// IsIndexed tells whether pods have indexes.
func (s *BatchJobSpec) IsIndexed() bool {
	return s.GetCompletionMode() == IndexedCompletion
}

// GetBackoffLimit is how many pods may fail.
func (s *BatchJobSpec) GetBackoffLimit() int32 {
	if s.BackoffLimitPerIndex != nil {
		return valueOr(s.BackoffLimit, UnlimitedBackoffLimit)
	}
	return valueOr(s.BackoffLimit, DefaultBackoffLimit)
}

// GetPodReplacementPolicy is when a pod is replaced.
func (s *BatchJobSpec) GetPodReplacementPolicy() PodReplacementPolicy {
	if s.PodFailurePolicy != nil {
		return valueOr(s.PodReplacementPolicy, Failed)
	}
	return valueOr(s.PodReplacementPolicy, TerminatingOrFailed)
}

// IsSuspended tells whether the job is suspended.
func (s *BatchJobSpec) IsSuspended() bool {
	return valueOr(s.Suspend, false)
}

// IsManualSelector tells whether selector and labels are the author's.
func (s *BatchJobSpec) IsManualSelector() bool {
	return valueOr(s.ManualSelector, false)
}

// GetBackoff is the delay after the first failure and the longest one, which is
// never shorter.
func (s *BatchJobSpec) GetBackoff() (initial, longest time.Duration) {
	initial, longest = DefaultBackoffInitialDelay, DefaultBackoffMaxDelay
	if s.Backoff == nil {
		return initial, longest
	}
	if s.Backoff.InitialDelay != nil {
		initial = s.Backoff.InitialDelay.Duration
	}
	if s.Backoff.MaxDelay != nil {
		longest = s.Backoff.MaxDelay.Duration
		if s.Backoff.InitialDelay == nil {
			initial = min(initial, longest)
		}
	}
	return initial, max(initial, longest)
}

// GetRerunPolicy is what a new revision starts.
func (s *BatchJobSpec) GetRerunPolicy() RerunPolicy {
	if s.RerunPolicy == "" {
		return RerunOnChange
	}
	return s.RerunPolicy
}

// GetUpdatePolicy is what a new revision does to a run in progress.
func (s *BatchJobSpec) GetUpdatePolicy() UpdatePolicy {
	if s.UpdatePolicy == "" {
		return UpdateDrain
	}
	return s.UpdatePolicy
}

// GetPodHistoryLimit is of how many previous runs the pods are kept.
func (s *BatchJobSpec) GetPodHistoryLimit() int32 {
	return valueOr(s.PodHistoryLimit, DefaultPodHistoryLimit)
}

// GetPodStartTimeout is how long a pod may take to start; 0 means for ever.
func (s *BatchJobSpec) GetPodStartTimeout() time.Duration {
	return time.Duration(valueOr(s.PodStartTimeoutSeconds, 0)) * time.Second
}

// GetActiveDeadline is how long a run may take; set is false for ever.
func (s *BatchJobSpec) GetActiveDeadline() (deadline time.Duration, set bool) {
	return seconds(s.ActiveDeadlineSeconds)
}

// IsManagedByStint is false when another controller has the job: then the
// operator writes nothing.
func (s *BatchJobSpec) IsManagedByStint() bool {
	if s.ManagedBy == nil {
		return true
	}
	return *s.ManagedBy == ManagedByJobController || *s.ManagedBy == ManagedByStint
}

// GetStatus is the status that the pod's condition must have.
func (p *PodFailurePolicyOnPodConditionsPattern) GetStatus() corev1.ConditionStatus {
	if p.Status == "" {
		return corev1.ConditionTrue
	}
	return p.Status
}

// GetNamespace is where the dependency lives, given the namespace of the job
// that names it.
func (d *Dependency) GetNamespace(own string) string {
	if d.Namespace == "" {
		return own
	}
	return d.Namespace
}

// GetTTLPolicy is what ttlSecondsAfterFinished removes. Unset, it keeps an
// object that a GitOps tool would create, and so run, again. An object with a
// controller owner has its record in the owner and goes whole, also when it
// inherited such a tool's mark.
func (j *BatchJob) GetTTLPolicy() TTLPolicy {
	switch {
	case j.Spec.TTLPolicy != nil:
		return *j.Spec.TTLPolicy
	case metav1.GetControllerOfNoCopy(j) != nil:
		return TTLDelete
	case hasAnyKey(j.Labels, OwnershipLabels), hasAnyKey(j.Annotations, OwnershipAnnotations):
		return TTLDeletePods
	}
	return TTLDelete
}

// GetConditions and SetConditions make a BatchJob usable with
// fluxcd/pkg/runtime/conditions.
func (j *BatchJob) GetConditions() []metav1.Condition { return j.Status.Conditions }

// SetConditions replaces the conditions.
func (j *BatchJob) SetConditions(conditions []metav1.Condition) { j.Status.Conditions = conditions }

// IsComplete tells whether the current run succeeded.
func (j *BatchJob) IsComplete() bool {
	return meta.IsStatusConditionTrue(j.Status.Conditions, ConditionComplete)
}

// IsFailed tells whether the current run failed.
func (j *BatchJob) IsFailed() bool {
	return meta.IsStatusConditionTrue(j.Status.Conditions, ConditionFailed)
}

// IsFinished tells whether the current run has reached its verdict and nothing
// of it is left to terminate.
func (j *BatchJob) IsFinished() bool {
	return j.IsComplete() || j.IsFailed()
}

// GetRun is the number of the current run; 0 before the first.
func (j *BatchJob) GetRun() int64 {
	if j.Status.Run == nil {
		return 0
	}
	return j.Status.Run.Number
}

func valueOr[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}

// seconds saturates: as a Duration the largest accepted values overflow.
func seconds(p *int64) (d time.Duration, set bool) {
	if p == nil {
		return 0, false
	}
	if *p > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64, true
	}
	return time.Duration(*p) * time.Second, true
}

func hasAnyKey(m map[string]string, keys []string) bool {
	for _, key := range keys {
		if _, ok := m[key]; ok {
			return true
		}
	}
	return false
}
