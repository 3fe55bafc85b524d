package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// BatchJobSpec is batch/v1's JobSpec, field for field, and what Stint adds.
//
// Its rules of validation are batch/v1's (pkg/apis/batch/validation) and those of
// the fields added. The API server evaluates each of them in every write, those
// of the status too, and each field that a rule reads costs it as much as all
// fields beside that one: what is rarely set is asked for first.
//
// +kubebuilder:validation:XValidation:rule="self.?completionMode.orValue('NonIndexed') != 'Indexed' || has(self.completions) || !has(self.parallelism)",message="completions must be set when completionMode is Indexed and parallelism is set",fieldPath=".completions",reason=FieldValueRequired
// +kubebuilder:validation:XValidation:rule="self.?completionMode.orValue('NonIndexed') != 'Indexed' || self.?parallelism.orValue(1) <= 100000",message="parallelism must be no more than 100000 when completionMode is Indexed",fieldPath=".parallelism"
// +kubebuilder:validation:XValidation:rule="!has(self.backoffLimitPerIndex) || self.?completionMode.orValue('NonIndexed') == 'Indexed'",message="backoffLimitPerIndex needs completionMode: Indexed",fieldPath=".backoffLimitPerIndex"
// +kubebuilder:validation:XValidation:rule="!has(self.maxFailedIndexes) || self.?completionMode.orValue('NonIndexed') == 'Indexed'",message="maxFailedIndexes needs completionMode: Indexed",fieldPath=".maxFailedIndexes"
// +kubebuilder:validation:XValidation:rule="!has(self.successPolicy) || self.?completionMode.orValue('NonIndexed') == 'Indexed'",message="successPolicy needs completionMode: Indexed",fieldPath=".successPolicy"
// +kubebuilder:validation:XValidation:rule="!has(self.maxFailedIndexes) || has(self.backoffLimitPerIndex)",message="backoffLimitPerIndex must be set when maxFailedIndexes is",fieldPath=".backoffLimitPerIndex",reason=FieldValueRequired
// +kubebuilder:validation:XValidation:rule="!has(self.maxFailedIndexes) || self.maxFailedIndexes <= self.?completions.orValue(1)",message="maxFailedIndexes must be no more than completions",fieldPath=".maxFailedIndexes"
// +kubebuilder:validation:XValidation:rule="!has(self.backoffLimitPerIndex) || self.?completions.orValue(0) <= 100000 || has(self.maxFailedIndexes)",message="maxFailedIndexes must be set when completions is above 100000 and backoffLimitPerIndex is set",fieldPath=".maxFailedIndexes",reason=FieldValueRequired
// +kubebuilder:validation:XValidation:rule="!has(self.backoffLimitPerIndex) || self.?completions.orValue(0) <= 100000 || self.?maxFailedIndexes.orValue(0) <= 10000",message="maxFailedIndexes must be no more than 10000 when completions is above 100000 and backoffLimitPerIndex is set",fieldPath=".maxFailedIndexes"
// +kubebuilder:validation:XValidation:rule="!has(self.backoffLimitPerIndex) || self.?completions.orValue(0) <= 100000 || self.?parallelism.orValue(1) <= 10000",message="parallelism must be no more than 10000 when completions is above 100000 and backoffLimitPerIndex is set",fieldPath=".parallelism"
// +kubebuilder:validation:XValidation:rule="!has(self.podFailurePolicy) || self.?podReplacementPolicy.orValue('Failed') == 'Failed'",message="podReplacementPolicy must be Failed, or not set, when podFailurePolicy is set",fieldPath=".podReplacementPolicy"
// +kubebuilder:validation:XValidation:rule="!has(self.podFailurePolicy) || !has(self.template.spec) || self.template.spec.?restartPolicy.orValue('Never') != 'OnFailure'",message="template.spec.restartPolicy must be Never when podFailurePolicy is set",fieldPath=".template.spec.restartPolicy"
// +kubebuilder:validation:XValidation:rule="!has(self.podFailurePolicy) || !has(self.podFailurePolicy.rules) || has(self.backoffLimitPerIndex) || self.podFailurePolicy.rules.all(r, r.action != 'FailIndex')",message="the action FailIndex needs backoffLimitPerIndex to be set",fieldPath=".podFailurePolicy.rules"
// +kubebuilder:validation:XValidation:rule="!has(self.successPolicy) || self.successPolicy.rules.all(r, r.?succeededCount.orValue(0) <= self.?completions.orValue(1))",message="succeededCount must be no more than completions",fieldPath=".successPolicy.rules"
// +kubebuilder:validation:XValidation:rule="self.?manualSelector.orValue(false) == has(self.selector)",message="selector and manualSelector: true go together: remove both, and a selector is generated, or set both",fieldPath=".selector"
// +kubebuilder:validation:XValidation:rule="!has(self.selector) || !has(self.selector.matchLabels) || self.selector.matchLabels.all(k, has(self.template.metadata) && has(self.template.metadata.labels) && k in self.template.metadata.labels && self.template.metadata.labels[k] == self.selector.matchLabels[k])",message="template.metadata.labels must contain the labels of selector.matchLabels",fieldPath=".template.metadata.labels"
// +kubebuilder:validation:XValidation:rule="!has(self.selector) || !has(self.selector.matchExpressions) || self.selector.matchExpressions.all(e, has(self.template.metadata) && has(self.template.metadata.labels) && e.key in self.template.metadata.labels ? e.operator == 'Exists' || (e.operator == 'In' && has(e.values) && self.template.metadata.labels[e.key] in e.values) || (e.operator == 'NotIn' && has(e.values) && !(self.template.metadata.labels[e.key] in e.values)) : e.operator in ['NotIn', 'DoesNotExist'])",message="template.metadata.labels must match selector.matchExpressions",fieldPath=".template.metadata.labels"
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
	// +kubebuilder:validation:XValidation:rule="!has(self.matchLabels) || self.matchLabels.all(k, self.matchLabels[k].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))",message="matchLabels must have label values: letters, digits, '-', '_' and '.'",fieldPath=".matchLabels"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn', 'Exists', 'DoesNotExist'] && (e.operator in ['In', 'NotIn']) == (has(e.values) && e.values.size() > 0))",message="matchExpressions must have the operator In or NotIn with values, or Exists or DoesNotExist without",fieldPath=".matchExpressions"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.key.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$'))",message="matchExpressions must have label names as keys",fieldPath=".matchExpressions"
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// ManualSelector true means that the selector and the matching labels of
	// the template are the author's, for adopting existing pods. It cannot be
	// changed.
	// +optional
	ManualSelector *bool `json:"manualSelector,omitempty"`

	// ManagedBy names the controller of this job. Unset,
	// kubernetes.io/job-controller and batch.stint.dev/controller mean Stint;
	// with any other value Stint does not touch the job. It cannot be changed.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[-A-Za-z0-9/._~%!$&()*+,;=:\\']+$')",message="managedBy must be a domain-prefixed path, such as acme.io/foo"
	// +optional
	ManagedBy *string `json:"managedBy,omitempty"`

	// Template is the pod to run. Its spec.restartPolicy must be Never or
	// OnFailure. Unlike in batch/v1 it can be changed: that starts a new run
	// (see rerunPolicy and updatePolicy).
	// https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#podtemplatespec-v1-core
	// +required
	// +kubebuilder:validation:XValidation:rule="self.?spec.?restartPolicy.orValue('') in ['Never', 'OnFailure']",message="template.spec.restartPolicy must be set to Never or OnFailure",fieldPath=".spec.restartPolicy",reason=FieldValueRequired
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
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a BatchJob: lower case letters, digits, '-' and '.'"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`

	// Namespace of the BatchJob. Unset means this job's own.
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$')",message="namespace must be the name of a namespace: lower case letters, digits and '-'"
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
//
// +kubebuilder:validation:XValidation:rule="!has(self.initialDelay) || !has(self.maxDelay) || duration(self.initialDelay) <= duration(self.maxDelay)",message="maxDelay must not be shorter than initialDelay",fieldPath=".maxDelay"
type Backoff struct {
	// InitialDelay follows the first failure, for example 500ms or 1m30s. Unset
	// means 10s, or maxDelay if that is shorter.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="initialDelay must be longer than 0s"
	// +optional
	InitialDelay *metav1.Duration `json:"initialDelay,omitempty"`

	// MaxDelay is the longest delay. Unset means 6m, or initialDelay if that is
	// longer.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="maxDelay must be longer than 0s"
	// +optional
	MaxDelay *metav1.Duration `json:"maxDelay,omitempty"`
}

// BatchJob runs pods until enough of them have succeeded: batch/v1's Job for
// GitOps. Its manifest can change; the object is the record of what ran.
//
// It is in the category batch and not in all, so that nobody who cleans up with
// kubectl delete all deletes that record, for the next reconciliation to run
// everything again.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.parallelism,statuspath=.status.active,selectorpath=.status.selector
// +kubebuilder:resource:path=batchjobs,singular=batchjob,shortName=bj,categories=batch
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Completions",type=string,JSONPath=`.status.progress`,description="Succeeded of wanted"
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.phase`,description="The state in one word"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.reason`,description="Why"
// +kubebuilder:printcolumn:name="Duration",type=string,JSONPath=`.status.duration`,description="How long the run took"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Revision",type=string,priority=1,JSONPath=`.status.revision`,description="Hash of the run-defining fields"
// +kubebuilder:printcolumn:name="Run",type=integer,priority=1,JSONPath=`.status.run.number`,description="Number of the run"
// +kubebuilder:printcolumn:name="Images",type=string,priority=1,JSONPath=`.status.images`,description="Images of the containers"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name must be no more than 63 characters, since it becomes a label of the pods",fieldPath=".metadata"
// +kubebuilder:validation:XValidation:rule="self.spec.?completionMode.orValue('NonIndexed') != 'Indexed' || self.spec.?completions.orValue(1) < 1 || self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name of an Indexed job must have no dots, since with -index it becomes a host name",fieldPath=".metadata"
// +kubebuilder:validation:XValidation:rule="self.spec.?completionMode.orValue('NonIndexed') != 'Indexed' || self.spec.?completions.orValue(1) < 1 || self.metadata.name.size() + 1 + string(self.spec.?completions.orValue(1) - 1).size() <= 63",message="metadata.name and -index for the largest index must be no more than 63 characters together, since they become a host name: shorten the name",fieldPath=".metadata"
// +kubebuilder:validation:XValidation:rule="[self.spec.template.?metadata.?labels].all(labels, ['controller-uid', 'batch.kubernetes.io/controller-uid'].all(l, !labels[?l].hasValue())) || self.spec.?manualSelector.orValue(false)",message="template.metadata.labels must not have controller-uid, which each job gets for itself: remove it, also with the prefix batch.kubernetes.io/",fieldPath=".spec.template.metadata.labels"
// +kubebuilder:validation:XValidation:rule="[self.spec.template.?metadata.?labels].all(labels, ['job-name', 'batch.kubernetes.io/job-name'].all(l, !labels[?l].hasValue() || labels[?l].value() == self.metadata.name)) || self.spec.?manualSelector.orValue(false)",message="the label job-name in template.metadata.labels must be the name of the job: remove it, also with the prefix batch.kubernetes.io/",fieldPath=".spec.template.metadata.labels"
// +kubebuilder:validation:XValidation:rule="has(self.spec.selector) ? has(oldSelf.spec.selector) && self.spec.selector == oldSelf.spec.selector : !has(oldSelf.spec.selector)",message="selector cannot be changed: restore it, or create a BatchJob with another name",fieldPath=".spec.selector"
// +kubebuilder:validation:XValidation:rule="self.spec.?manualSelector.orValue(false) == oldSelf.spec.?manualSelector.orValue(false)",message="manualSelector cannot be changed: restore it, or create a BatchJob with another name",fieldPath=".spec.manualSelector"
// +kubebuilder:validation:XValidation:rule="has(self.spec.managedBy) ? has(oldSelf.spec.managedBy) && self.spec.managedBy == oldSelf.spec.managedBy : !has(oldSelf.spec.managedBy)",message="managedBy cannot be changed: restore it, or create a BatchJob with another name",fieldPath=".spec.managedBy"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.dependsOn) || self.spec.dependsOn.all(d, d.name != self.metadata.name || has(d.namespace))",message="a BatchJob cannot depend on itself: remove it from dependsOn",fieldPath=".spec.dependsOn"
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

	// Ignored are the uids of failed pods that podFailurePolicy does not count;
	// their failure is in the back-off and nowhere else.
	// +listType=set
	// +optional
	Ignored []types.UID `json:"ignored,omitempty"`
}
