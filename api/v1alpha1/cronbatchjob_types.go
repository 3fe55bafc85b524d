package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConcurrencyPolicy says what a due time does while an earlier run is active.
// +kubebuilder:validation:Enum=Allow;Forbid;Replace;Queue
type ConcurrencyPolicy string

const (
	// AllowConcurrent starts the run beside the active one.
	AllowConcurrent ConcurrencyPolicy = "Allow"
	// ForbidConcurrent waits: the latest blocked time starts once when the
	// active run ends, if startingDeadlineSeconds still allows it.
	ForbidConcurrent ConcurrencyPolicy = "Forbid"
	// ReplaceConcurrent deletes the active run, waits until it and its pods are
	// gone, then starts.
	ReplaceConcurrent ConcurrencyPolicy = "Replace"
	// QueueConcurrent starts every due time, one after the other.
	QueueConcurrent ConcurrencyPolicy = "Queue"
)

// MissedRunPolicy says what happens to times that were not started within the
// deadline, for example because the operator was down.
// +kubebuilder:validation:Enum=Latest;All;None
type MissedRunPolicy string

const (
	// MissedRunLatest starts the latest missed time.
	MissedRunLatest MissedRunPolicy = "Latest"
	// MissedRunAll starts the missed times, oldest first, the newest
	// missedRunLimit of them.
	MissedRunAll MissedRunPolicy = "All"
	// MissedRunNone starts none of them.
	MissedRunNone MissedRunPolicy = "None"
)

// BatchJobTemplateSpec is the BatchJob that a schedule creates.
type BatchJobTemplateSpec struct {
	// Metadata of the created BatchJobs: its labels and annotations are copied.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec of the created BatchJobs.
	// +required
	Spec BatchJobSpec `json:"spec"`
}

// Blackout is a window in which nothing starts: schedule with duration,
// repeated, or from and to, once.
type Blackout struct {
	// Schedule is when the window opens, in the grammar of spec.schedule and
	// the object's time zone. Needs duration.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// Duration is how long the window stays open, for example 2h30m.
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`

	// From is when the window opens, once. Needs to.
	// +optional
	From *metav1.Time `json:"from,omitempty"`

	// To is when the window closes.
	// +optional
	To *metav1.Time `json:"to,omitempty"`
}

// CronBatchJobSpec is batch/v1's CronJobSpec, field for field, and what Stint
// adds.
type CronBatchJobSpec struct {
	// Schedule is when to run, in batch/v1's grammar (five fields, or @hourly,
	// @daily, @every 1h30m …) with an optional seconds field in front, H for a
	// stable hash of the object's name, and 7 for Sunday. Exactly one of
	// schedule and schedules is needed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// Schedules are several of them; an instant that two of them name runs
	// once.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +optional
	Schedules []string `json:"schedules,omitempty"`

	// TimeZone is the IANA name of the zone of all schedules. Unset means UTC.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone *string `json:"timeZone,omitempty"`

	// JitterSeconds spreads starts: each time is delayed by an offset from 0 to
	// this many seconds that is always the same for one object.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	JitterSeconds *int32 `json:"jitterSeconds,omitempty"`

	// StartingDeadlineSeconds is how late a time may start. What is older is
	// never started. Unset: a time is late up to 60 seconds, and missed after.
	// +kubebuilder:validation:Minimum=0
	// +optional
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`

	// ConcurrencyPolicy says what a due time does while an earlier run is
	// active: Allow, Forbid, Replace or Queue.
	// +kubebuilder:default=Allow
	// +optional
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`

	// QueueLimit is how many times may wait under Queue; when full the newest
	// is dropped and reported.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=10
	// +optional
	QueueLimit *int32 `json:"queueLimit,omitempty"`

	// MissedRunPolicy says which of the missed times are started later: Latest,
	// All or None.
	// +kubebuilder:default=Latest
	// +optional
	MissedRunPolicy MissedRunPolicy `json:"missedRunPolicy,omitempty"`

	// MissedRunLimit is how many missed times All starts; the newest are kept.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=10
	// +optional
	MissedRunLimit *int32 `json:"missedRunLimit,omitempty"`

	// Blackouts are windows in which nothing starts. A time inside is skipped
	// for good; queued, caught-up and asked-for starts wait for the end.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Blackouts []Blackout `json:"blackouts,omitempty"`

	// NotBefore is the first instant at which a time counts.
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`

	// NotAfter is the last instant at which a time counts.
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// RunAt is a token, any string: a new one starts one run now, once. The
	// annotation batch.stint.dev/runAt does the same for hands and tools.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	RunAt string `json:"runAt,omitempty"`

	// Suspend true starts nothing more; running BatchJobs go on. A resume never
	// starts a time that passed meanwhile.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`

	// JobTemplate is the BatchJob to create. A change applies to future runs
	// only.
	// +required
	JobTemplate BatchJobTemplateSpec `json:"jobTemplate"`

	// SuccessfulJobsHistoryLimit is how many Complete BatchJobs are kept.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:default=3
	// +optional
	SuccessfulJobsHistoryLimit *int32 `json:"successfulJobsHistoryLimit,omitempty"`

	// FailedJobsHistoryLimit is how many Failed BatchJobs are kept.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:default=1
	// +optional
	FailedJobsHistoryLimit *int32 `json:"failedJobsHistoryLimit,omitempty"`

	// HistoryTTLSeconds deletes finished BatchJobs older than this many
	// seconds, beside the limits by count. Unset: none by age.
	// +kubebuilder:validation:Minimum=0
	// +optional
	HistoryTTLSeconds *int64 `json:"historyTTLSeconds,omitempty"`
}

// StartReason says why a CronBatchJob starts a run.
// +kubebuilder:validation:Enum=Scheduled;CaughtUp;Requested
type StartReason string

const (
	// StartScheduled: its time came.
	StartScheduled StartReason = "Scheduled"
	// StartCaughtUp: its time was missed and missedRunPolicy starts it.
	StartCaughtUp StartReason = "CaughtUp"
	// StartRequested: a new runAt token asked for it.
	StartRequested StartReason = "Requested"
)

// QueuedRun is a start that waits.
type QueuedRun struct {
	// Time is the nominal time, or when the run was asked for.
	Time metav1.Time `json:"time"`

	// Reason of the start: Scheduled, CaughtUp or Requested.
	Reason StartReason `json:"reason"`

	// Token is the runAt token of a Requested start.
	// +optional
	Token string `json:"token,omitempty"`
}

// CronBatchJobStatus is batch/v1's CronJobStatus, field for field, and what
// Stint adds.
type CronBatchJobStatus struct {
	// ObservedGeneration is the generation that this status speaks of; -1 until
	// the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready (the schedule is accepted and the next time known),
	// Reconciling, Stalled, and LastRunSucceeded.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Active are the unfinished BatchJobs.
	// +listType=atomic
	// +optional
	Active []corev1.ObjectReference `json:"active,omitempty"`

	// Queue are starts that wait, oldest first.
	// +listType=atomic
	// +optional
	Queue []QueuedRun `json:"queue,omitempty"`

	// LastScheduleTime is the latest nominal time decided: started, queued or
	// accounted as missed.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`

	// NextScheduleTime is when the next run is due, jitter included.
	// +optional
	NextScheduleTime *metav1.Time `json:"nextScheduleTime,omitempty"`

	// LastSuccessfulTime is when a run last became Complete.
	// +optional
	LastSuccessfulTime *metav1.Time `json:"lastSuccessfulTime,omitempty"`

	// LastFailureTime is when a run last became Failed.
	// +optional
	LastFailureTime *metav1.Time `json:"lastFailureTime,omitempty"`

	// ConsecutiveFailures is the number of runs that failed since the last
	// success.
	// +optional
	ConsecutiveFailures int32 `json:"consecutiveFailures,omitempty"`

	// ScheduleSince is when the operator first saw the schedule as it stands
	// (scheduleHash). Nothing before it is due.
	// +optional
	ScheduleSince *metav1.Time `json:"scheduleSince,omitempty"`

	// ScheduleHash is the hash of schedules, time zone, suspend, notBefore,
	// notAfter and blackouts that scheduleSince speaks of.
	// +optional
	ScheduleHash string `json:"scheduleHash,omitempty"`

	// HandledRunTokens are the newest 32 runAt tokens that have been handled,
	// newest first. None of them starts a run again.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	HandledRunTokens []string `json:"handledRunTokens,omitempty"`

	// LastHandledReconcileAt is the last handled value of the annotation
	// reconcile.fluxcd.io/requestedAt.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// Schedule is the schedule, or the schedules, for people.
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// ActiveCount is the number of active BatchJobs.
	// +optional
	ActiveCount int32 `json:"activeCount,omitempty"`

	// LastResult is the outcome of the last run that ended, for people.
	// +optional
	LastResult string `json:"lastResult,omitempty"`
}

// CronBatchJob creates BatchJobs on a schedule: batch/v1's CronJob for GitOps.
//
// +kubebuilder:object:root=true
type CronBatchJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what to run and when.
	// +required
	Spec CronBatchJobSpec `json:"spec"`

	// Status is what has run and what is next, written by the operator alone.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status CronBatchJobStatus `json:"status,omitempty"`
}

// CronBatchJobList is a list of CronBatchJobs.
//
// +kubebuilder:object:root=true
type CronBatchJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CronBatchJob `json:"items"`
}
