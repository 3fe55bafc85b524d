package cronbatchjob

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/mould"
	"github.com/stint-dev/stint/controllers/shard"
)

// newJob makes the BatchJob of a run: labels, annotations and spec of the
// jobTemplate, batch/v1's annotation with the time, the schedule as controller,
// and our finalizer, which makes the name a lock that outlives it. The labels
// that decide about the shard are the schedule's.
func newJob(cron *v1alpha1.CronBatchJob, start engine.Start, of shard.Shard) *v1alpha1.BatchJob {
	t := &cron.Spec.JobTemplate
	job := &v1alpha1.BatchJob{
		ObjectMeta: metav1.ObjectMeta{
			Name:            start.Name,
			Namespace:       cron.Namespace,
			Labels:          map[string]string{},
			Annotations:     map[string]string{},
			Finalizers:      []string{v1alpha1.FinalizerCronRecorded},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cron, v1alpha1.GroupVersion.WithKind(v1alpha1.CronBatchJobKind))},
		},
		Spec: *t.Spec.DeepCopy(),
	}
	maps.Copy(job.Labels, t.Labels)
	of.Follow(job, cron)
	maps.Copy(job.Annotations, t.Annotations)
	job.Labels[v1alpha1.LabelCronBatchJob] = cron.Name
	job.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp] = start.Nominal.Format(time.RFC3339)
	if start.Token != "" {
		job.Annotations[v1alpha1.AnnotationRunToken] = start.Token
	}
	return job
}

// trialJob is a run for now, which is never made.
func trialJob(cron *v1alpha1.CronBatchJob, now time.Time, of shard.Shard) *v1alpha1.BatchJob {
	return newJob(cron, engine.Start{Name: engine.RunName(cron.Name, now.Truncate(time.Second)), Nominal: now}, of)
}

// trialPod is a pod as a run would make it.
func trialPod(trial *v1alpha1.BatchJob) *corev1.Pod {
	job := trial.DeepCopy()
	job.UID = job.OwnerReferences[0].UID // a valid one; the pod is never made
	order := mould.Order{Name: job.Name + "-trial", Run: 1, Indexed: job.Spec.IsIndexed()}
	if n, _ := job.Spec.GetCompletions(); order.Indexed && n > 1 {
		order.Index = int(n) - 1 // the longest host name
	}
	return mould.Pod(job, order)
}
