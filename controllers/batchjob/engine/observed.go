package engine

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Observed is everything that Decide may look at.
type Observed struct {
	// Now is the time of the observation.
	Now time.Time
	// Job is the job as it was read; nil means that it does not exist any
	// more, which only a live read may claim. Decide does not change it.
	Job *v1alpha1.BatchJob
	// Revisions are those of Job's spec, which change with it alone; zero lets
	// Decide compute them.
	Revisions Revisions
	// Pods are the pods that belong to Job, of every run.
	Pods []Pod
	// Strays are pods that carry our finalizer and name this job, but belong
	// to an object with another UID: a former job of the same name, deleted
	// with its pods orphaned or not.
	Strays []PodRef
	// Taken are names that pods of others have.
	Taken []string
	// RetryAt is until when no pod is made because the API server refused the
	// last one for now; zero if it did not.
	RetryAt time.Time
	// Dependencies are what is known of spec.dependsOn, one for each entry.
	Dependencies []Dependency
	// Closing is set when the namespace is being deleted: no pod will be made
	// in it any more.
	Closing bool
}

// Pod holds what the judge needs to know of one pod. Pointers of the API type
// end in the hands: a missing value is the zero value here.
type Pod struct {
	PodRef
	// Run is the number in the label batch.stint.dev/run.
	Run int64
	// Revision is the annotation batch.stint.dev/revision.
	Revision string
	Phase    corev1.PodPhase
	// Deleting is set when the pod has a deletionTimestamp.
	Deleting bool
	// Forced is set when that deletion leaves no time to end: by force, or
	// before the pod had a node. Only finalizers hold such a pod.
	Forced bool
	// GoneBy is when a pod that is being deleted should be gone, its time to end
	// being over; zero for others.
	GoneBy time.Time
	// Tracked is set while the pod carries our finalizer.
	Tracked bool
	// Labelled is set while the pod has our labels: batch.stint.dev/job-uid, by
	// which pods are cached (without it this one was found by a live read), and
	// batch.stint.dev/run.
	Labelled bool
	// Orphan is set when the pod has no controller, Foreign when its labels do
	// not match the job's selector.
	Orphan, Foreign bool
	// Assigned is set once the pod has a node, which Node names.
	Assigned bool
	Node     string
	Ready    bool
	// ReadySince is when Ready last changed; zero if unknown.
	ReadySince time.Time
	Created    time.Time
	// Finished is when the pod ended: see FinishTime in the hands for how it
	// is told. Zero while it runs.
	Finished time.Time
	// Started is set once a container runs, or has run; init containers too.
	Started bool
	// Index is the completion index, -1 if the pod has none. IndexFailures and
	// IndexIgnored are how often its index had failed before.
	Index                       int
	IndexFailures, IndexIgnored int32
	// Exits are the containers that terminated with an exit code other than 0,
	// init containers last; Conditions are the pod's own.
	Exits      []Exit
	Conditions []PodCondition
	// Restarts is the sum over all containers and init containers,
	// MaxRestarts the largest of them.
	Restarts, MaxRestarts int32
	// Why says why the pod failed or why its containers do not start.
	Why Why
}

// PodRef names one pod; the UID guards against a later pod of the same name.
type PodRef struct {
	Name string
	UID  types.UID
}

// Why is the reason a pod gives for not having succeeded.
type Why struct {
	// Container is empty where the pod itself is the cause (an eviction).
	Container string
	// Reason is the kubelet's word: Error, OOMKilled, ImagePullBackOff, Evicted.
	Reason string
	// ExitCode is that of the container; 0 where there is none.
	ExitCode int32
	// Message is the end of the termination message, or the kubelet's
	// explanation.
	Message string
}

// ended tells whether the pod's phase is a final one.
func (p *Pod) ended() bool {
	return p.Phase == corev1.PodSucceeded || p.Phase == corev1.PodFailed
}

// active is batch/v1's word for a pod that neither ended nor is being deleted.
func (p *Pod) active() bool { return !p.ended() && !p.Deleting }

// terminating is a pod that is being deleted and has not ended yet.
func (p *Pod) terminating() bool { return !p.ended() && p.Deleting }
