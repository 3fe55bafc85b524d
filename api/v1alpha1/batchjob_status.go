package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Phase is the summary of a BatchJob in one word, for people; programs read
// the conditions. It is no enum in the CRD, and neither are the other words of
// status: a newer operator must be able to write under an older CRD.
type Phase string

const (
	// PhasePending: no pod of the current run is active yet.
	PhasePending Phase = "Pending"
	// PhaseRunning: the run is in progress.
	PhaseRunning Phase = "Running"
	// PhaseComplete: the run succeeded.
	PhaseComplete Phase = "Complete"
	// PhaseFailed: the run failed.
	PhaseFailed Phase = "Failed"
	// PhaseSuspended: spec.suspend holds the run.
	PhaseSuspended Phase = "Suspended"
	// PhaseWaiting: a dependency holds the run.
	PhaseWaiting Phase = "Waiting"
	// PhaseStalled: nothing will happen until the manifest changes.
	PhaseStalled Phase = "Stalled"
	// PhaseNotRun: the spec has a revision that rerunPolicy does not run.
	PhaseNotRun Phase = "NotRun"
	// PhaseTerminating: the BatchJob is being deleted.
	PhaseTerminating Phase = "Terminating"
)

// RunReason says why a run started.
type RunReason string

const (
	// RunCreated: the BatchJob was created.
	RunCreated RunReason = "Created"
	// RunChanged: a run-defining field of the spec changed.
	RunChanged RunReason = "Changed"
	// RunRequested: a new runAt token asked for it.
	RunRequested RunReason = "Requested"
	// RunScheduled: a CronBatchJob created the BatchJob.
	RunScheduled RunReason = "Scheduled"
)

// RunOutcome says how a run ended.
type RunOutcome string

const (
	// RunComplete: the run succeeded.
	RunComplete RunOutcome = "Complete"
	// RunFailed: the run failed.
	RunFailed RunOutcome = "Failed"
	// RunSuperseded: a newer revision or request ended the run before it
	// reached a verdict.
	RunSuperseded RunOutcome = "Superseded"
)

// RunStatus identifies the current run.
type RunStatus struct {
	// Number counts the runs of this BatchJob from 1. Pods carry it in the
	// label batch.stint.dev/run.
	// +kubebuilder:validation:Minimum=0
	Number int64 `json:"number"`

	// Reason says why the run started: Created, Changed, Requested or
	// Scheduled.
	Reason RunReason `json:"reason"`

	// Started is when the run passed its gates and began to make pods; unset
	// while it has not. Unlike startTime it stays through a suspend.
	// +optional
	Started *metav1.Time `json:"started,omitempty"`
}

// NextRun is what is known of the time after the current run.
type NextRun struct {
	// Revision is the one that the spec has, where the current run has another:
	// that run makes no pod any more.
	// +optional
	Revision string `json:"revision,omitempty"`

	// SkippedBy is the rerunPolicy by which that revision was decided not to
	// run; unset while that is not decided.
	// +optional
	SkippedBy RerunPolicy `json:"skippedBy,omitempty"`

	// RunTokens are the runAt tokens that wait for the end of the current run.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	// +optional
	RunTokens []string `json:"runTokens,omitempty"`
}

// RunRecord is a run that has ended.
type RunRecord struct {
	// Run is the number of the run.
	Run int64 `json:"run"`

	// Revision that ran.
	// +optional
	Revision string `json:"revision,omitempty"`

	// Reason says why the run started.
	// +optional
	Reason RunReason `json:"reason,omitempty"`

	// Start is when the run started; unset if it never did.
	// +optional
	Start *metav1.Time `json:"start,omitempty"`

	// End is when the run ended.
	// +optional
	End *metav1.Time `json:"end,omitempty"`

	// Outcome is Complete, Failed or Superseded.
	Outcome RunOutcome `json:"outcome"`

	// Message says why, at most 1 KiB.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// Succeeded is how many pods (Indexed: indexes) succeeded.
	// +optional
	Succeeded int32 `json:"succeeded,omitempty"`

	// Failed is how many pods failed.
	// +optional
	Failed int32 `json:"failed,omitempty"`
}

// BackoffStatus is the pod failure back-off of the current run.
type BackoffStatus struct {
	// Failures is the number of failures since the last success; the delay is
	// initialDelay doubled for each after the first.
	// +optional
	Failures int32 `json:"failures,omitempty"`

	// LastFailureTime is when the last of them ended; the delay counts from it.
	// +optional
	LastFailureTime *metav1.Time `json:"lastFailureTime,omitempty"`
}

// BatchJobStatus is batch/v1's JobStatus, field for field and for the current
// run, and what Stint adds.
type BatchJobStatus struct {
	// ObservedGeneration is the generation that this status speaks of. It is -1
	// until the operator has seen the object, so that no tool takes a new
	// object for a finished one.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready, Reconciling and Stalled (kstatus), and batch/v1's
	// Complete, Failed, FailureTarget, SuccessCriteriaMet and Suspended.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// StartTime is when the run started; removed while suspended, set anew at
	// the resume.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// CompletionTime is when the run became Complete; never set on a Failed
	// one.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// Active is the number of pods that are pending or running and not being
	// deleted.
	// +optional
	Active int32 `json:"active,omitempty"`

	// Ready is the number of active pods whose Ready condition is True.
	// +optional
	Ready *int32 `json:"ready,omitempty"`

	// Terminating is the number of pods being deleted that have not ended.
	// +optional
	Terminating *int32 `json:"terminating,omitempty"`

	// Succeeded is the number of succeeded pods; Indexed: of completed indexes.
	// +optional
	Succeeded int32 `json:"succeeded,omitempty"`

	// Failed is the number of failed pods. It never decreases within a run.
	// +optional
	Failed int32 `json:"failed,omitempty"`

	// CompletedIndexes are the succeeded indexes of an Indexed job: "1,3-5,7".
	// +optional
	CompletedIndexes string `json:"completedIndexes,omitempty"`

	// FailedIndexes are the failed indexes in the same form; present, if empty,
	// as soon as backoffLimitPerIndex is set.
	// +optional
	FailedIndexes *string `json:"failedIndexes,omitempty"`

	// UncountedTerminatedPods are pods that ended and are not yet in the
	// counters.
	// +optional
	UncountedTerminatedPods *UncountedTerminatedPods `json:"uncountedTerminatedPods,omitempty"`

	// Revision is the hash of the run-defining fields that the current run
	// started with: template, completionMode, completions,
	// backoffLimitPerIndex, podFailurePolicy and successPolicy.
	// +optional
	Revision string `json:"revision,omitempty"`

	// FixedRevision is the same hash without the template's fields that may
	// change while the job is suspended (KEP-5440). As long as it is equal,
	// such a change is absorbed into the run.
	// +optional
	FixedRevision string `json:"fixedRevision,omitempty"`

	// RulesRevision is the same hash without the template: of what says how the
	// ends of pods count. A run that is superseded is judged by the spec only
	// as long as this is equal.
	// +optional
	RulesRevision string `json:"rulesRevision,omitempty"`

	// Next is what is known of the time after the current run; absent while the
	// spec asks for nothing but that.
	// +optional
	Next *NextRun `json:"next,omitempty"`

	// Run is the current run, or the last one.
	// +optional
	Run *RunStatus `json:"run,omitempty"`

	// HandledRunTokens are the newest 32 runAt tokens that have been handled,
	// newest first. None of them starts a run again.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	HandledRunTokens []string `json:"handledRunTokens,omitempty"`

	// SucceededRevisions are the newest 100 revisions that have succeeded,
	// newest first.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +optional
	SucceededRevisions []string `json:"succeededRevisions,omitempty"`

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

	// Backoff is the pod failure back-off of the current run.
	// +optional
	Backoff *BackoffStatus `json:"backoff,omitempty"`

	// Selector selects the pods of this BatchJob, in the form that kubectl -l
	// and the scale subresource take.
	// +optional
	Selector string `json:"selector,omitempty"`

	// History are the last 10 runs before the current one, newest first.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	History []RunRecord `json:"history,omitempty"`

	// Phase is the summary in one word, for people.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// Reason says why the phase is what it is, in one word or a short text.
	// +optional
	Reason string `json:"reason,omitempty"`

	// Progress is succeeded/wanted, for people: "3/5".
	// +optional
	Progress string `json:"progress,omitempty"`

	// Duration is how long the run took, set at its end: "4m12s".
	// +optional
	Duration string `json:"duration,omitempty"`

	// Images are the images of the template's containers, comma-separated.
	// +optional
	Images string `json:"images,omitempty"`
}
