package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const next = `
Every sample has reached its end (%s). To look around:

  eval "$(go -C test/cluster run . env)"      # kubectl, and the cluster it talks to
  kubectl get batchjobs -o wide
  kubectl describe batchjob failing-import
  kubectl get pods -l job-name=failing-import
  kubectl explain batchjob.spec.backoff
  kubectl -n stint-system logs deployment/stint-controller

To run a Job of your own, change two lines of its manifest:

  sed 's,batch/v1$,batch.stint.dev/v1alpha1,; s,kind: Job,kind: BatchJob,' job.yaml | kubectl apply -f -

To clean up:

  kubectl delete -k config/samples            # the samples
  make cluster-down                           # the cluster
`

// tell shows what came out of the samples, and says what to try.
func (d *demo) tell(ctx context.Context) error {
	pi, err := d.logs(ctx, "pi")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(pi, "3.14159265358979323846") || len(strings.TrimSpace(pi)) < 2000 {
		return fmt.Errorf("the log of pi is not pi: %q", pi)
	}
	d.say("\n$ kubectl logs -l job-name=pi\n%s", strings.TrimSpace(pi))
	migration, err := d.logs(ctx, "db-migration")
	if err != nil {
		return err
	}
	d.say("\n$ kubectl logs -l job-name=db-migration\n%s", strings.TrimSpace(migration))
	for name := range fails {
		message, err := d.failure(ctx, name)
		if err != nil {
			return err
		}
		d.say("\n$ kubectl get batchjob %s -o jsonpath='{.status.conditions[?(@.type==\"Failed\")].message}'\n%s", name, message)
	}
	d.say(next, time.Since(d.began).Round(time.Second))
	return nil
}

// logs reads what the pods of a job that succeeded have printed.
func (d *demo) logs(ctx context.Context, job string) (string, error) {
	pods, err := d.pods(ctx, job)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, pod := range pods {
		if pod.Status.Phase != corev1.PodSucceeded {
			continue
		}
		b, err := d.core.CoreV1().Pods(d.namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		if err != nil {
			return "", fmt.Errorf("the log of pod %s: %w", pod.Name, err)
		}
		out.Write(b)
	}
	return out.String(), nil
}

func (d *demo) pods(ctx context.Context, job string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := d.client.List(ctx, &pods, client.InNamespace(d.namespace), client.MatchingLabels{v1alpha1.LabelJobName: job})
	return pods.Items, err
}

func (d *demo) failure(ctx context.Context, name string) (string, error) {
	job := &v1alpha1.BatchJob{}
	if err := d.client.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: name}, job); err != nil {
		return "", err
	}
	c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionFailed)
	if c == nil {
		return "", fmt.Errorf("%s has no condition Failed", name)
	}
	return c.Message, nil
}

// explain prints what is known of the samples that have not ended as they
// should, and returns cause.
func (d *demo) explain(p *progress, cause error) error {
	if errors.Is(cause, context.Canceled) {
		return cause // somebody pressed ^C, and wants no reading
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // the demo's own may have ended
	defer cancel()
	for _, sample := range d.jobs() {
		if p.ended[sample.Name] {
			continue
		}
		job := &v1alpha1.BatchJob{}
		if err := d.client.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: sample.Name}, job); err != nil {
			d.say("\n%s: %v", sample.Name, err)
			continue
		}
		if job.Status.ObservedGeneration < 0 {
			d.say("\n%s: no operator has looked at it; does it run? kubectl -n stint-system get pods", job.Name)
			continue
		}
		d.say("\n%s: %s %s, %s", job.Name, job.Status.Phase, job.Status.Reason, job.Status.Progress)
		for _, c := range job.Status.Conditions {
			d.say("  condition %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
		}
		pods, err := d.pods(ctx, job.Name)
		if err != nil {
			d.say("  pods: %v", err)
		}
		for _, pod := range pods {
			d.say("  pod %s %s %s", pod.Name, pod.Status.Phase, pod.Status.Reason)
		}
		d.events(ctx, job)
	}
	return cause
}

func (d *demo) events(ctx context.Context, job *v1alpha1.BatchJob) {
	list, err := d.core.CoreV1().Events(d.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(job.UID)})
	if err != nil {
		d.say("  events: %v", err)
		return
	}
	for _, e := range list.Items {
		d.say("  event %s %s: %s", e.Type, e.Reason, e.Message)
	}
}
