package cronbatchjob

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

// JobIndex is the cache index from a CronBatchJob's name to its BatchJobs, of
// whatever UID.
const JobIndex = "stint.cron"

// IndexJob gives the value of JobIndex.
func IndexJob(obj client.Object) []string {
	if name, _ := ownerOf(obj); name != "" {
		return []string{name}
	}
	return nil
}

// ownerOf is the CronBatchJob that a BatchJob belongs to: its controller, or,
// where the garbage collector has orphaned it, the one that its label names, of
// no UID. The label alone makes nobody a run: only our finalizer does.
func ownerOf(job client.Object) (name string, uid types.UID) {
	if ref := metav1.GetControllerOfNoCopy(job); ref != nil {
		if ref.Kind == v1alpha1.CronBatchJobKind && ref.APIVersion == v1alpha1.GroupVersion.String() {
			return ref.Name, ref.UID
		}
	}
	if held(job) {
		return job.GetLabels()[v1alpha1.LabelCronBatchJob], ""
	}
	return "", ""
}

func held(job client.Object) bool {
	return controllerutil.ContainsFinalizer(job, v1alpha1.FinalizerCronRecorded)
}

// factsOf are what the judge needs to know of a run.
func factsOf(job *v1alpha1.BatchJob) engine.Child {
	c := engine.Child{
		ChildRef: engine.ChildRef{Name: job.Name, UID: job.UID},
		Token:    job.Annotations[v1alpha1.AnnotationRunToken],
		Held:     held(job), Deleting: job.DeletionTimestamp != nil,
	}
	if t, err := time.Parse(time.RFC3339, job.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp]); err == nil {
		c.Nominal = t
	}
	if job.Status.StartTime != nil {
		c.Started = job.Status.StartTime.Time
	}
	for kind, result := range map[string]engine.Result{v1alpha1.ConditionComplete: engine.Complete, v1alpha1.ConditionFailed: engine.Failed} {
		if end := meta.FindStatusCondition(job.Status.Conditions, kind); end != nil && end.Status == metav1.ConditionTrue {
			c.Result, c.Ended, c.Reason, c.Message = result, end.LastTransitionTime.Time, end.Reason, end.Message
		}
	}
	if c.Result == engine.Complete && job.Status.CompletionTime != nil {
		c.Ended = job.Status.CompletionTime.Time
	}
	return c
}
