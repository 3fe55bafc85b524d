package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// crons does for schedules what bareClient does for jobs: it takes all of them
// for "* * * * *", makes a job of each at the full minute, and writes twice into
// the schedule that it did: when it has, and when the job has ended.
func (b *bareClient) crons(ctx context.Context) {
	known := map[types.UID]*v1alpha1.CronBatchJob{}
	events := b.follow(ctx, &v1alpha1.CronBatchJobList{})
	for {
		minute := time.Now().Truncate(time.Minute).Add(time.Minute)
		full := time.After(time.Until(minute))
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return
			case e := <-events:
				if cron, ok := e.Object.(*v1alpha1.CronBatchJob); ok && known[cron.UID] == nil {
					known[cron.UID] = cron
				}
			case <-full:
				waiting = false
			}
		}
		for _, cron := range known {
			b.request(func() error { return b.run(ctx, cron, minute) })
		}
	}
}

// run makes the job of one schedule.
func (b *bareClient) run(ctx context.Context, cron *v1alpha1.CronBatchJob, minute time.Time) error {
	job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{
		Namespace: cron.Namespace, Name: fmt.Sprintf("%s-%d", cron.Name, minute.Unix()/60),
		Labels:          map[string]string{v1alpha1.LabelCronBatchJob: cron.Name},
		Annotations:     map[string]string{v1alpha1.AnnotationCronJobScheduledTimestamp: minute.UTC().Format(time.RFC3339)},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cron, v1alpha1.GroupVersion.WithKind("CronBatchJob"))},
	}, Spec: *cron.Spec.JobTemplate.Spec.DeepCopy()}
	if err := b.client.Create(ctx, job); err != nil {
		return err
	}
	b.request(func() error {
		cron := cron.DeepCopy()
		cron.ResourceVersion = ""
		cron.Status.LastScheduleTime = &metav1.Time{Time: minute}
		cron.Status.Active = []corev1.ObjectReference{{Kind: "BatchJob", Namespace: job.Namespace, Name: job.Name, UID: job.UID}}
		return b.client.Status().Update(ctx, cron)
	})
	return nil
}

// ran writes that the job of a schedule has ended.
func (b *bareClient) ran(ctx context.Context, job *v1alpha1.BatchJob) error {
	owner := metav1.GetControllerOf(job)
	if owner == nil {
		return nil
	}
	now := metav1.Now()
	cron := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: owner.Name}}
	if err := b.client.Get(ctx, types.NamespacedName{Namespace: job.Namespace, Name: owner.Name}, cron); err != nil {
		return err
	}
	cron.Status.Active, cron.Status.LastSuccessfulTime = nil, &now
	return b.client.Status().Update(ctx, cron)
}
