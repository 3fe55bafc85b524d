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
//
// +kubebuilder:validation:XValidation:rule="has(self.schedule) == has(self.duration) && has(self.from) == has(self.to) && has(self.schedule) != has(self.from)",message="a blackout must have either schedule and duration, or from and to"
// +kubebuilder:validation:XValidation:rule="!has(self.from) || !has(self.to) || self.from < self.to",message="from must be before to",fieldPath=".from"
type Blackout struct {
	// Schedule is when the window opens, in the grammar of spec.schedule and
	// the object's time zone. Needs duration.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.contains('TZ')",message="schedule cannot contain TZ= or CRON_TZ=: spec.timeZone holds for blackouts too"
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// Duration is how long the window stays open, for example 2h30m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="duration must be longer than 0s"
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
//
// +kubebuilder:validation:XValidation:rule="has(self.schedule) != has(self.schedules)",message="exactly one of schedule and schedules must be set",fieldPath=".schedule",reason=FieldValueRequired
// +kubebuilder:validation:XValidation:rule="!has(self.notBefore) || !has(self.notAfter) || self.notBefore <= self.notAfter",message="notAfter must not be before notBefore",fieldPath=".notAfter"
// +kubebuilder:validation:XValidation:rule="!has(self.jobTemplate.spec.selector)",message="selector cannot be set in a jobTemplate, since it would be the same for every run: remove it, one is generated for each",fieldPath=".jobTemplate.spec.selector",reason=FieldValueForbidden
// +kubebuilder:validation:XValidation:rule="!has(self.jobTemplate.spec.manualSelector) || !self.jobTemplate.spec.manualSelector",message="manualSelector cannot be true in a jobTemplate: remove it, a selector is generated for each run",fieldPath=".jobTemplate.spec.manualSelector",reason=FieldValueForbidden
type CronBatchJobSpec struct {
	// Schedule is when to run, in batch/v1's grammar (five fields, or @hourly,
	// @daily, @every 1h30m and so on) with an optional seconds field in front, H for a
	// stable hash of the object's name, and 7 for Sunday. Exactly one of
	// schedule and schedules is needed.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.contains('TZ')",message="schedule cannot contain TZ= or CRON_TZ=: set spec.timeZone instead"
	// +kubebuilder:validation:XValidation:rule="self.contains('TZ') || self.matches('^(@[a-z]+|@every [^ ]+|\\\\s*[^@\\\\s]\\\\S*(\\\\s+\\\\S+){4,5}\\\\s*)$')",message="schedule must have five fields (minute, hour, day of month, month, day of week), six with seconds in front, or be a descriptor such as @daily or @every 1h30m"
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// Schedules are several of them; an instant that two of them name runs
	// once.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.all(s, !s.contains('TZ'))",message="schedules cannot contain TZ= or CRON_TZ=: set spec.timeZone instead"
	// +kubebuilder:validation:XValidation:rule="self.all(s, s.contains('TZ') || s.matches('^(@[a-z]+|@every [^ ]+|\\\\s*[^@\\\\s]\\\\S*(\\\\s+\\\\S+){4,5}\\\\s*)$'))",message="each of schedules must have five fields (minute, hour, day of month, month, day of week), six with seconds in front, or be a descriptor such as @daily or @every 1h30m"
	// +optional
	Schedules []string `json:"schedules,omitempty"`

	// TimeZone is the IANA name of the zone of all schedules. Unset means UTC.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.lowerAscii() != 'local' && self.split('/').all(p, p != '.' && p != '..' && p.matches('^[A-Za-z._0-9+][-A-Za-z._0-9+]{0,13}$'))",message="timeZone must be the name of a zone in the IANA database, such as Europe/Berlin or UTC; Local is none"
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
	// +kubebuilder:validation:Maximum=1000
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
	// +kubebuilder:validation:Maximum=1000
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

	// RunAt is a token, any string: a new one starts one run now, once, also
	// one that is there when the object is created. While the schedule is
	// suspended or in a blackout it waits. The annotation batch.stint.dev/runAt
	// does the same for hands and tools.
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

	// Shard is the label selector of the operator that wrote this status, where
	// several share the objects (--watch-label-selector). Empty for one that takes
	// every object.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Shard string `json:"shard,omitempty"`

	// Schedule is the schedule, or the schedules, for people.
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// ActiveCount is the number of active BatchJobs.
	// +optional
	ActiveCount int32 `json:"activeCount"`

	// LastResult is the outcome of the last run that ended, for people.
	// +optional
	LastResult string `json:"lastResult,omitempty"`
}

// CronBatchJob creates BatchJobs on a schedule: batch/v1's CronJob for GitOps.
//
// It is in the category batch and not in all, so that nobody who cleans up with
// kubectl delete all deletes the record of what ran.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=cronbatchjobs,singular=cronbatchjob,shortName=cbj,categories=batch
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.status.schedule`,description="When it runs"
// +kubebuilder:printcolumn:name="Timezone",type=string,JSONPath=`.spec.timeZone`,description="The schedule's time zone; UTC if empty"
// +kubebuilder:printcolumn:name="Suspend",type=boolean,JSONPath=`.spec.suspend`,description="Whether nothing more starts"
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.activeCount`,description="Unfinished BatchJobs"
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastScheduleTime`,description="Age of the latest time decided"
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.nextScheduleTime`,description="When the next run is due"
// +kubebuilder:printcolumn:name="Last Result",type=string,JSONPath=`.status.lastResult`,description="Outcome of the last run that ended"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the schedule is accepted"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,description="Why"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 52",message="metadata.name must be no more than 52 characters: the name of each run is this name and 11 characters",fieldPath=".metadata"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() > 52 || !has(self.spec.jobTemplate.spec.completionMode) || self.spec.jobTemplate.spec.completionMode != 'Indexed' || self.spec.jobTemplate.spec.?completions.orValue(1) < 1 || self.metadata.name.size() + 10 + string(self.spec.jobTemplate.spec.?completions.orValue(1) - 1).size() <= 63",message="metadata.name is too long for an Indexed jobTemplate: this name, 9 characters for the run and -index for the largest index must be no more than 63 characters, since they become a host name",fieldPath=".metadata"
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
