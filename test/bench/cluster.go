package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// follow gives the events of a kind, for ever. The API server ends the watch of
// whoever falls behind, which happens on two cores; then it begins anew, with
// all that is there once more.
func (c *cluster) follow(ctx context.Context, kind client.ObjectList, opts ...client.ListOption) <-chan watch.Event {
	events := make(chan watch.Event)
	go func() {
		defer close(events)
		for ctx.Err() == nil {
			w, err := c.client.Watch(ctx, kind, opts...)
			if err != nil {
				time.Sleep(100 * time.Millisecond)
				continue
			}
			forward(ctx, w, events)
		}
	}()
	return events
}

func forward(ctx context.Context, w watch.Interface, events chan<- watch.Event) {
	defer w.Stop()
	for e := range w.ResultChan() {
		select {
		case events <- e:
		case <-ctx.Done():
			return
		}
	}
}

// cluster is the benchmark's own access to the API server.
type cluster struct {
	client client.WithWatch
}

func newCluster(config *rest.Config, agent string) (*cluster, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.UserAgent = agent
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	return &cluster{client: c}, err
}

func (c *cluster) installCRDs(ctx context.Context, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(text, crd); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := c.client.Create(ctx, crd); err != nil {
			return err
		}
	}
	return poll(ctx, "serving our kinds", time.Minute, func() bool {
		return c.client.List(ctx, &v1alpha1.BatchJobList{}) == nil
	})
}

// namespace makes one in which pods can be made, though the controller that
// makes service accounts does not run.
func (c *cluster) namespace(ctx context.Context, name string) error {
	err := c.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	return errors.Join(err, c.client.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "default"}}))
}

// clear removes the jobs and pods of a namespace, so that no contender finds
// those of another. It runs while no contender does, so finalizers stay: the
// pods of unfinished jobs lose theirs here.
func (c *cluster) clear(ctx context.Context, namespace string) error {
	in := client.InNamespace(namespace)
	for _, kind := range []client.Object{&batchv1.Job{}, &v1alpha1.BatchJob{}, &corev1.Pod{}} {
		if err := c.client.DeleteAllOf(ctx, kind, in, client.PropagationPolicy(metav1.DeletePropagationBackground),
			client.GracePeriodSeconds(0)); err != nil {
			return err
		}
	}
	held := &corev1.PodList{}
	if err := c.client.List(ctx, held, in); err != nil {
		return err
	}
	for i := range held.Items {
		pod := &held.Items[i]
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		if err := c.client.Patch(ctx, pod, patch); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// jobSpec is the part that both kinds share.
type jobSpec struct {
	name                     string
	completions, parallelism int32
	indexed                  bool
}

// template is a pod like many: limits, a few variables, the API server's usual
// volume for its token.
func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "bench"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "work", Image: "registry.example.com/team/work:v1.2.3",
				Command: []string{"/bin/sh", "-c", "exec work --shard=$(JOB_COMPLETION_INDEX)"},
				Env:     []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}, {Name: "TARGET", Value: "db.example.com:5432"}},
			}},
		},
	}
}

// create makes a job of the contender's kind.
func (c *cluster) create(ctx context.Context, contender, namespace string, j jobSpec) error {
	spec := batchv1.JobSpec{Completions: &j.completions, Parallelism: &j.parallelism, Template: template()}
	if j.indexed {
		spec.CompletionMode = new(batchv1.IndexedCompletion)
	}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: j.name}
	if contender == builtIn {
		return c.client.Create(ctx, &batchv1.Job{ObjectMeta: meta, Spec: spec})
	}
	job := &v1alpha1.BatchJob{ObjectMeta: meta}
	job.Spec.Completions, job.Spec.Parallelism, job.Spec.Template = spec.Completions, spec.Parallelism, spec.Template
	if j.indexed {
		job.Spec.CompletionMode = new(v1alpha1.IndexedCompletion)
	}
	return c.client.Create(ctx, job)
}

// poll asks until the answer is yes.
func poll(ctx context.Context, what string, patience time.Duration, ok func() bool) error {
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %s", what, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// gone tells that an object went away meanwhile.
func gone(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsInvalid(err) }
