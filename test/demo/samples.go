package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// readSamples reads what `kubectl apply -k` of the folder would apply. An
// unknown field is an error.
func readSamples(dir string) ([]client.Object, error) {
	b, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var list struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	var samples []client.Object
	for _, file := range list.Resources {
		o, err := readSample(filepath.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		samples = append(samples, o)
	}
	return samples, nil
}

func readSample(file string) (client.Object, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(b, &kind); err != nil {
		return nil, err
	}
	var o client.Object
	switch kind.Kind {
	case v1alpha1.BatchJobKind:
		o = &v1alpha1.BatchJob{}
	case v1alpha1.CronBatchJobKind:
		o = &v1alpha1.CronBatchJob{}
	case "Secret":
		o = &corev1.Secret{}
	default:
		return nil, fmt.Errorf("the demo does not know the kind %q", kind.Kind)
	}
	return o, yaml.UnmarshalStrict(b, o)
}

// jobs are the samples that run.
func (d *demo) jobs() []*v1alpha1.BatchJob {
	var jobs []*v1alpha1.BatchJob
	for _, o := range d.samples {
		if job, ok := o.(*v1alpha1.BatchJob); ok {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// clean deletes what an earlier demo has left, so that this one begins anew: jobs,
// and schedules with their runs.
func (d *demo) clean(ctx context.Context) error {
	var left []client.Object
	var names []string
	for _, sample := range d.samples {
		if _, ok := sample.(*corev1.Secret); ok {
			continue
		}
		gone := sample.DeepCopyObject().(client.Object) //nolint:forcetypeassert // the copy of an object is one
		gone.SetNamespace(d.namespace)
		err := d.client.Delete(ctx, gone, client.PropagationPolicy(metav1.DeletePropagationForeground))
		switch {
		case meta.IsNoMatchError(err):
			return fmt.Errorf("this cluster does not know the kinds of Stint: `make install` installs the operator: %w", err)
		case err == nil:
			left, names = append(left, gone), append(names, gone.GetName())
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("deleting %s of an earlier demo: %w", gone.GetName(), err)
		}
	}
	if len(left) > 0 {
		d.say("deleting what an earlier demo has left: %s\n", strings.Join(names, " "))
	}
	for _, o := range left {
		err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			err := d.client.Get(ctx, client.ObjectKeyFromObject(o), o)
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		})
		if err != nil {
			return fmt.Errorf("waiting for %s of an earlier demo to be gone: %w", o.GetName(), err)
		}
	}
	return nil
}

// apply creates the samples, or updates them, as `kubectl apply` does: with the
// annotation that it leaves, so that it can go on from here.
func (d *demo) apply(ctx context.Context) error {
	d.began = time.Now()
	d.say("$ kubectl apply -k config/samples")
	for _, sample := range d.samples {
		o := sample.DeepCopyObject().(client.Object) //nolint:forcetypeassert // the copy of an object is one
		o.SetNamespace(d.namespace)
		kind := o.GetObjectKind().GroupVersionKind()
		applied, err := json.Marshal(o)
		if err != nil {
			return err
		}
		o.SetAnnotations(map[string]string{corev1.LastAppliedConfigAnnotation: string(applied) + "\n"})
		done := "created"
		err = d.client.Create(ctx, o, client.FieldOwner("kubectl-client-side-apply"))
		if apierrors.IsAlreadyExists(err) {
			done = "configured"
			err = d.client.Update(ctx, o, client.FieldOwner("kubectl-client-side-apply"))
		}
		if err != nil {
			return fmt.Errorf("applying %s: %w", o.GetName(), err)
		}
		d.say("%s/%s %s", strings.ToLower(kind.GroupKind().String()), o.GetName(), done)
	}
	return nil
}
