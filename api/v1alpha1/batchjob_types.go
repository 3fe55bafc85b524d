package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// BatchJobSpec is batch/v1's JobSpec, field for field, and what Stint adds.
type BatchJobSpec struct {
	// Parallelism is how many pods may run at a time. Unset means 1; 0 pauses
	// the job without the Suspended condition.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Parallelism *int32 `json:"parallelism,omitempty"`

	// Completions is how many pods (Indexed: indexes) must succeed. Unset with
	// parallelism set makes a work queue: the job is complete when one pod has
	// succeeded and none is active. Both unset means 1. 0 completes at once.
	// Changing it starts a new run, except the elastic change of an Indexed job
	// (completions equal to parallelism, both changed together).
	// +kubebuilder:validation:Minimum=0
	// +optional
	Completions *int32 `json:"completions,omitempty"`

	// CompletionMode is NonIndexed (pods are alike) or Indexed (each pod has an
	// index from 0 to completions-1, in JOB_COMPLETION_INDEX).
	// +kubebuilder:default=NonIndexed
	// +optional
	CompletionMode *CompletionMode `json:"completionMode,omitempty"`

	// BackoffLimit is how many pods may fail before the job is Failed. Unset
	// means 6, or no limit when backoffLimitPerIndex is set. It can be changed
	// during a run.
	// +kubebuilder:validation:Minimum=0
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`

	// BackoffLimitPerIndex is how many pods of one index may fail before that
	// index is failed; the other indexes go on. Indexed jobs only.
	// +kubebuilder:validation:Minimum=0
	// +optional
	BackoffLimitPerIndex *int32 `json:"backoffLimitPerIndex,omitempty"`

	// MaxFailedIndexes fails the whole job when more indexes than this have
	// failed. Unset: all indexes run, then the job is Failed if any of them
	// failed. Needs backoffLimitPerIndex; at most completions.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	MaxFailedIndexes *int32 `json:"maxFailedIndexes,omitempty"`

	// ActiveDeadlineSeconds fails a run that takes longer than this many
	// seconds since status.startTime. The clock stops while suspended and
	// begins anew at the resume.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`

	// PodFailurePolicy says how failed pods count. Needs restartPolicy Never in
	// the template.
	// +optional
	PodFailurePolicy *PodFailurePolicy `json:"podFailurePolicy,omitempty"`

	// SuccessPolicy says when an Indexed job has succeeded before all its
	// indexes have.
	// +optional
	SuccessPolicy *SuccessPolicy `json:"successPolicy,omitempty"`

	// PodReplacementPolicy says when a pod is replaced: TerminatingOrFailed or
	// Failed. Unset means TerminatingOrFailed, and Failed when podFailurePolicy
	// is set, which allows Failed only.
	// +optional
	PodReplacementPolicy *PodReplacementPolicy `json:"podReplacementPolicy,omitempty"`

	// Suspend true deletes the active pods, which counts neither as success nor
	// as failure, and creates no more until it is false or removed.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`

	// TTLSecondsAfterFinished is how many seconds after its end a job is
	// cleaned up; what is removed says ttlPolicy. Unset: nothing is.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// Selector selects the job's pods. Leave it unset: one by the BatchJob's
	// uid is generated, and shown in status.selector. It can be set only
	// together with manualSelector and never changed.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// ManualSelector true means that the selector and the matching labels of
	// the template are the author's, for adopting existing pods. It can not be
	// changed.
	// +optional
	ManualSelector *bool `json:"manualSelector,omitempty"`

	// ManagedBy names the controller of this job. Unset,
	// kubernetes.io/job-controller and batch.stint.dev/controller mean Stint;
	// with any other value Stint does not touch the job. It can not be changed.
	// +optional
	ManagedBy *string `json:"managedBy,omitempty"`

	// Template is the pod to run. Its spec.restartPolicy must be Never or
	// OnFailure. Unlike in batch/v1 it can be changed: that starts a new run
	// (see rerunPolicy and updatePolicy).
	// https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#podtemplatespec-v1-core
	// +required
	Template corev1.PodTemplateSpec `json:"template"`

	// RerunPolicy says what a new revision does: OnChange starts a new run;
	// OncePerRevision does so unless that revision has already succeeded, so
	// that a git revert runs nothing; Never records it and runs nothing.
	// +kubebuilder:default=OnChange
	// +optional
	RerunPolicy RerunPolicy `json:"rerunPolicy,omitempty"`

	// UpdatePolicy says what a new revision does to a run in progress: Drain
	// lets its running pods finish, Replace deletes them gracefully. The new
	// run waits for the last of them in both.
	// +kubebuilder:default=Drain
	// +optional
	UpdatePolicy UpdatePolicy `json:"updatePolicy,omitempty"`

	// RunAt is a token, any string: a new one starts a new run, once. The
	// annotation batch.stint.dev/runAt does the same for hands and tools.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	RunAt string `json:"runAt,omitempty"`

	// TTLPolicy is what ttlSecondsAfterFinished removes: Delete the BatchJob
	// with its pods, as batch/v1 does, or DeletePods only. Unset means
	// DeletePods when a GitOps tool that would re-create it owns the object,
	// else Delete.
	// +optional
	TTLPolicy *TTLPolicy `json:"ttlPolicy,omitempty"`

	// PodHistoryLimit is of how many previous runs the ended pods are kept,
	// with their logs. Older ones are deleted when a run starts.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:default=1
	// +optional
	PodHistoryLimit *int32 `json:"podHistoryLimit,omitempty"`

	// DependsOn are BatchJobs that must be Ready before a run of this one
	// starts. It gates the start only: a later run of theirs starts nothing.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// Backoff tunes the delay between a pod's failure and its replacement.
	// +optional
	Backoff *Backoff `json:"backoff,omitempty"`

	// PodStartTimeoutSeconds is how many seconds a pod may take to get its
	// containers started (scheduling, image pull). One that takes longer gets
	// the condition batch.stint.dev/StartTimeout and is deleted, which counts
	// as a failure that podFailurePolicy can match.
	// +kubebuilder:validation:Minimum=1
	// +optional
	PodStartTimeoutSeconds *int32 `json:"podStartTimeoutSeconds,omitempty"`
}

// Dependency is a BatchJob that must be Ready first.
type Dependency struct {
	// Name of the BatchJob.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`

	// Namespace of the BatchJob. Unset means this job's own.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// ReadyExpr is a CEL expression that replaces "is Ready for its current
	// generation". The dependency is the variable dep, this job is self:
	// dep.status.succeeded >= 3
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	ReadyExpr string `json:"readyExpr,omitempty"`
}

// Backoff is the delay between a pod's failure and its replacement: it doubles
// with each failure and stands in status, so that a restart of the operator
// does not forget it.
type Backoff struct {
	// InitialDelay follows the first failure. Unset means 10s.
	// +optional
	InitialDelay *metav1.Duration `json:"initialDelay,omitempty"`

	// MaxDelay is the longest delay. Unset means 6m, or initialDelay if that is
	// longer.
	// +optional
	MaxDelay *metav1.Duration `json:"maxDelay,omitempty"`
}

// BatchJob runs pods until enough of them have succeeded: batch/v1's Job for
// GitOps. Its manifest can change; the object is the record of what ran.
//
// +kubebuilder:object:root=true
type BatchJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what to run.
	// +required
	Spec BatchJobSpec `json:"spec"`

	// Status is what has run, written by the operator alone.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status BatchJobStatus `json:"status,omitempty"`
}

// BatchJobList is a list of BatchJobs.
//
// +kubebuilder:object:root=true
type BatchJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BatchJob `json:"items"`
}

// UncountedTerminatedPods are pods that ended and are not yet in the counters.
type UncountedTerminatedPods struct {
	// Succeeded are the uids of succeeded pods.
	// +listType=set
	// +optional
	Succeeded []types.UID `json:"succeeded,omitempty"`

	// Failed are the uids of failed pods.
	// +listType=set
	// +optional
	Failed []types.UID `json:"failed,omitempty"`
}
