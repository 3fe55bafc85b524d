package v1alpha1

import corev1 "k8s.io/api/core/v1"

// CompletionMode says how the ends of a job's pods are counted.
// +kubebuilder:validation:Enum=NonIndexed;Indexed
type CompletionMode string

const (
	// NonIndexedCompletion counts succeeded pods, all of them alike.
	NonIndexedCompletion CompletionMode = "NonIndexed"
	// IndexedCompletion gives each pod an index from 0 to completions-1 and
	// needs one success for each of them.
	IndexedCompletion CompletionMode = "Indexed"
)

// PodReplacementPolicy says when the replacement of a pod is created.
// +kubebuilder:validation:Enum=TerminatingOrFailed;Failed
type PodReplacementPolicy string

const (
	// TerminatingOrFailed replaces a pod as soon as it is being deleted or has
	// failed; the old one may still run.
	TerminatingOrFailed PodReplacementPolicy = "TerminatingOrFailed"
	// Failed replaces a pod only when it has ended.
	Failed PodReplacementPolicy = "Failed"
)

// RerunPolicy says what a new revision of a job starts.
// +kubebuilder:validation:Enum=OnChange;OncePerRevision;Never
type RerunPolicy string

const (
	// RerunOnChange starts a new run for each new revision.
	RerunOnChange RerunPolicy = "OnChange"
	// RerunOncePerRevision starts a new run for a new revision unless that
	// revision has already succeeded.
	RerunOncePerRevision RerunPolicy = "OncePerRevision"
	// RerunNever records a new revision and starts nothing.
	RerunNever RerunPolicy = "Never"
)

// UpdatePolicy says what a new revision does to a run in progress.
// +kubebuilder:validation:Enum=Drain;Replace
type UpdatePolicy string

const (
	// UpdateDrain lets the running pods finish and starts no more of them.
	UpdateDrain UpdatePolicy = "Drain"
	// UpdateReplace deletes the running pods gracefully.
	UpdateReplace UpdatePolicy = "Replace"
)

// TTLPolicy says what ttlSecondsAfterFinished removes.
// +kubebuilder:validation:Enum=Delete;DeletePods
type TTLPolicy string

const (
	// TTLDelete removes the BatchJob with its pods, as batch/v1 does.
	TTLDelete TTLPolicy = "Delete"
	// TTLDeletePods removes the pods and keeps the BatchJob as the record that
	// it ran.
	TTLDeletePods TTLPolicy = "DeletePods"
)

// PodFailurePolicyAction is what a matching rule does with a failed pod.
// +kubebuilder:validation:Enum=FailJob;FailIndex;Ignore;Count
type PodFailurePolicyAction string

const (
	// PodFailurePolicyActionFailJob fails the whole job and ends its pods.
	PodFailurePolicyActionFailJob PodFailurePolicyAction = "FailJob"
	// PodFailurePolicyActionFailIndex fails the pod's index at once; it needs
	// backoffLimitPerIndex.
	PodFailurePolicyActionFailIndex PodFailurePolicyAction = "FailIndex"
	// PodFailurePolicyActionIgnore does not count the failure; the pod is
	// replaced after the back-off.
	PodFailurePolicyActionIgnore PodFailurePolicyAction = "Ignore"
	// PodFailurePolicyActionCount counts the failure, as without a policy.
	PodFailurePolicyActionCount PodFailurePolicyAction = "Count"
)

// PodFailurePolicyOnExitCodesOperator relates a container's exit code to a
// list of values.
// +kubebuilder:validation:Enum=In;NotIn
type PodFailurePolicyOnExitCodesOperator string

const (
	// PodFailurePolicyOnExitCodesOpIn holds when the exit code is in the list.
	PodFailurePolicyOnExitCodesOpIn PodFailurePolicyOnExitCodesOperator = "In"
	// PodFailurePolicyOnExitCodesOpNotIn holds when the exit code, not being 0,
	// is not in the list.
	PodFailurePolicyOnExitCodesOpNotIn PodFailurePolicyOnExitCodesOperator = "NotIn"
)

// PodFailurePolicy says how failed pods count, as in batch/v1 (KEP-3329).
type PodFailurePolicy struct {
	// Rules are tried in order for each failed pod; the first that matches
	// decides, and a failure that none matches is counted. At most 20.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Rules []PodFailurePolicyRule `json:"rules,omitempty"`
}

// PodFailurePolicyRule is an action with exactly one requirement: onExitCodes
// or onPodConditions.
//
// +kubebuilder:validation:XValidation:rule="has(self.onExitCodes) != (has(self.onPodConditions) && self.onPodConditions.size() > 0)",message="a rule must have exactly one of onExitCodes and onPodConditions"
type PodFailurePolicyRule struct {
	// Action is what happens when the requirement holds: FailJob, FailIndex
	// (needs backoffLimitPerIndex), Ignore or Count.
	// +required
	Action PodFailurePolicyAction `json:"action"`

	// OnExitCodes requires an exit code of the pod's containers.
	// +optional
	OnExitCodes *PodFailurePolicyOnExitCodesRequirement `json:"onExitCodes,omitempty"`

	// OnPodConditions requires a condition of the pod; one matching pattern is
	// enough. At most 20.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	OnPodConditions []PodFailurePolicyOnPodConditionsPattern `json:"onPodConditions,omitempty"`
}

// PodFailurePolicyOnExitCodesRequirement looks at the exit codes of the
// containers and init containers that have terminated, those with 0 left out.
//
// +kubebuilder:validation:XValidation:rule="self.operator != 'In' || !self.values.exists(v, v == 0)",message="values must not contain 0 with the operator In: a container that ends with 0 has not failed",fieldPath=".values"
// +kubebuilder:validation:XValidation:rule="self.values.isSorted()",message="values must be in increasing order",fieldPath=".values"
type PodFailurePolicyOnExitCodesRequirement struct {
	// ContainerName restricts the requirement to one container or init
	// container of the template. Unset: any container.
	// +optional
	ContainerName *string `json:"containerName,omitempty"`

	// Operator is In or NotIn.
	// +required
	Operator PodFailurePolicyOnExitCodesOperator `json:"operator"`

	// Values are 1 to 255 exit codes in increasing order, each once. 0 cannot
	// be used with In. Negative codes (Windows) are allowed.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=255
	Values []int32 `json:"values"`
}

// PodFailurePolicyOnPodConditionsPattern matches one condition of a pod.
type PodFailurePolicyOnPodConditionsPattern struct {
	// Type of the pod condition, for example DisruptionTarget, or
	// batch.stint.dev/StartTimeout for pods deleted by podStartTimeoutSeconds.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=316
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$')",message="type must be a qualified name: letters, digits, '-', '_' and '.', after an optional domain and '/'"
	// +required
	Type corev1.PodConditionType `json:"type"`

	// Status of the pod condition: True, False or Unknown. Unset means True.
	// +kubebuilder:validation:Enum=True;False;Unknown
	// +optional
	Status corev1.ConditionStatus `json:"status,omitempty"`
}

// SuccessPolicy says when an Indexed job has succeeded before all its indexes
// have, as in batch/v1 (KEP-3998).
type SuccessPolicy struct {
	// Rules are tried in order; the first that holds ends the job as Complete
	// and the pods that are left are deleted. 1 to 20.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Rules []SuccessPolicyRule `json:"rules"`
}

// SuccessPolicyRule needs succeededIndexes, succeededCount or both.
//
// +kubebuilder:validation:XValidation:rule="has(self.succeededIndexes) || has(self.succeededCount)",message="a rule must have succeededIndexes, succeededCount or both",reason=FieldValueRequired
type SuccessPolicyRule struct {
	// SucceededIndexes are the indexes that must have succeeded, in increasing
	// order, single or as ranges: "1,3-5,7". With succeededCount they are the
	// indexes among which is counted.
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:Pattern=`^([0-9]{1,10}(-[0-9]{1,10})?(,[0-9]{1,10}(-[0-9]{1,10})?)*)?$`
	// +optional
	SucceededIndexes *string `json:"succeededIndexes,omitempty"`

	// SucceededCount is how many indexes must have succeeded, at most
	// completions and at most the number of succeededIndexes.
	// +kubebuilder:validation:Minimum=0
	// +optional
	SucceededCount *int32 `json:"succeededCount,omitempty"`
}
