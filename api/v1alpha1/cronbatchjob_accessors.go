package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Defaults of a CronBatchJob.
const (
	DefaultQueueLimit                 int32 = 10
	DefaultMissedRunLimit             int32 = 10
	DefaultSuccessfulJobsHistoryLimit int32 = 3
	DefaultFailedJobsHistoryLimit     int32 = 1

	// DefaultLateness is how late a time may start where
	// startingDeadlineSeconds is unset, before it counts as missed.
	DefaultLateness = 60 * time.Second
)

// GetSchedules are all schedules, whichever field they stand in.
func (s *CronBatchJobSpec) GetSchedules() []string {
	if s.Schedule == "" {
		return s.Schedules
	}
	return append([]string{s.Schedule}, s.Schedules...)
}

// GetTimeZone is the name of the schedules' zone.
func (s *CronBatchJobSpec) GetTimeZone() string {
	return valueOr(s.TimeZone, "UTC")
}

// GetJitter is the longest delay by jitter.
func (s *CronBatchJobSpec) GetJitter() time.Duration {
	return time.Duration(valueOr(s.JitterSeconds, 0)) * time.Second
}

// GetConcurrencyPolicy is what a due time does while a run is active.
func (s *CronBatchJobSpec) GetConcurrencyPolicy() ConcurrencyPolicy {
	if s.ConcurrencyPolicy == "" {
		return AllowConcurrent
	}
	return s.ConcurrencyPolicy
}

// GetQueueLimit is how many times may wait.
func (s *CronBatchJobSpec) GetQueueLimit() int32 {
	return valueOr(s.QueueLimit, DefaultQueueLimit)
}

// GetMissedRunPolicy is which missed times are started.
func (s *CronBatchJobSpec) GetMissedRunPolicy() MissedRunPolicy {
	if s.MissedRunPolicy == "" {
		return MissedRunLatest
	}
	return s.MissedRunPolicy
}

// GetMissedRunLimit is how many missed times MissedRunAll starts.
func (s *CronBatchJobSpec) GetMissedRunLimit() int32 {
	return valueOr(s.MissedRunLimit, DefaultMissedRunLimit)
}

// GetStartingDeadline is the age at which a time is not started any more; set
// is false where there is none.
func (s *CronBatchJobSpec) GetStartingDeadline() (deadline time.Duration, set bool) {
	return seconds(s.StartingDeadlineSeconds)
}

// GetLateness is the age up to which a time is late, and started under every
// policy; after it the time is missed.
func (s *CronBatchJobSpec) GetLateness() time.Duration {
	if deadline, set := s.GetStartingDeadline(); set {
		return deadline
	}
	return DefaultLateness
}

// IsSuspended tells whether the schedule is suspended.
func (s *CronBatchJobSpec) IsSuspended() bool {
	return valueOr(s.Suspend, false)
}

// GetSuccessfulJobsHistoryLimit is how many Complete BatchJobs are kept.
func (s *CronBatchJobSpec) GetSuccessfulJobsHistoryLimit() int32 {
	return valueOr(s.SuccessfulJobsHistoryLimit, DefaultSuccessfulJobsHistoryLimit)
}

// GetFailedJobsHistoryLimit is how many Failed BatchJobs are kept.
func (s *CronBatchJobSpec) GetFailedJobsHistoryLimit() int32 {
	return valueOr(s.FailedJobsHistoryLimit, DefaultFailedJobsHistoryLimit)
}

// GetHistoryTTL is the age at which a finished BatchJob is deleted; set is
// false where there is none.
func (s *CronBatchJobSpec) GetHistoryTTL() (ttl time.Duration, set bool) {
	return seconds(s.HistoryTTLSeconds)
}

// GetConditions and SetConditions make a CronBatchJob usable with
// fluxcd/pkg/runtime/conditions.
func (c *CronBatchJob) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *CronBatchJob) SetConditions(conditions []metav1.Condition) {
	c.Status.Conditions = conditions
}
