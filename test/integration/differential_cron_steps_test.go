//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// baseCron is what the spec of a scenario is merged into. Nobody binds its pods
// to a node.
const baseCron = `
schedule: "* * * * *"
jobTemplate:
  spec:
    backoffLimit: 0
    template:
      metadata:
        labels: {app: NAME}
      spec:
        restartPolicy: Never
        schedulerName: nobody
        containers:
        - name: main
          image: busybox
`

// create makes the schedule of a scenario.
func (p *cronPlay) create(ctx context.Context, s *cronSide, name string) error {
	texts := []string{baseCron, p.spec}
	if p.ends != "" {
		texts = append(texts, "jobTemplate: {spec: {template: {metadata: {labels: {"+cronEnds+": "+string(p.ends)+"}}}}}")
	}
	spec := map[string]any{}
	for _, text := range texts {
		part, err := yamlOf(text, name)
		if err != nil {
			return err
		}
		merge(spec, part)
	}
	u := objectOf(s.cron.GroupVersion().String(), s.cron.Kind, s.namespace, name)
	u.Object["spec"] = spec
	return api.Create(ctx, u, client.FieldValidation(metav1.FieldValidationStrict))
}

func yamlOf(text, name string) (map[string]any, error) {
	part := map[string]any{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "NAME", name)), &part); err != nil {
		return nil, fmt.Errorf("%w in:\n%s", err, text)
	}
	return toIntegers(part).(map[string]any), nil
}

func objectOf(version, kind, namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetAPIVersion(version)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

func (s *cronSide) schedule(name string) *unstructured.Unstructured {
	return objectOf(s.cron.GroupVersion().String(), s.cron.Kind, s.namespace, name)
}

// editCron merges into the spec of the schedule.
func editCron(text string) cronStep {
	return func(ctx context.Context, s *cronSide, name string) error {
		part, err := yamlOf(text, name)
		if err != nil {
			return err
		}
		patch := asJSON(map[string]any{"spec": part})
		return api.Patch(ctx, s.schedule(name), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
}

// deleteSchedule deletes it in some way; in none, as a client that does not say.
func deleteSchedule(how ...client.DeleteOption) cronStep {
	return func(ctx context.Context, s *cronSide, name string) error {
		return api.Delete(ctx, s.schedule(name), how...)
	}
}

// deleteRuns deletes all runs that there are, by hand.
func deleteRuns(ctx context.Context, s *cronSide, name string) error {
	sight, err := s.see(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, job := range sight.jobs[name] {
		run := objectOf(s.job.GroupVersion().String(), s.job.Kind, s.namespace, job.Name)
		errs = append(errs, api.Delete(ctx, run, client.PropagationPolicy(metav1.DeletePropagationBackground)))
	}
	return errors.Join(errs...)
}

// endRuns ends all pods that go on.
func endRuns(phase corev1.PodPhase) cronStep {
	return func(ctx context.Context, s *cronSide, name string) error {
		pods := &corev1.PodList{}
		if err := api.List(ctx, pods, client.InNamespace(s.namespace), client.MatchingLabels{appLabel: name}); err != nil {
			return err
		}
		var errs []error
		for i := range pods.Items {
			if pod := &pods.Items[i]; isActive(pod) {
				errs = append(errs, endPod(ctx, pod, phase))
			}
		}
		return errors.Join(errs...)
	}
}

// takeName makes somebody else's job with the name of the first run.
func takeName(ctx context.Context, s *cronSide, name string) error {
	job, err := s.someJob(name, fmt.Sprintf("%s-%d", name, s.first.Unix()/60))
	if err != nil {
		return err
	}
	return api.Create(ctx, job)
}

// runByHand makes a run as `kubectl create job --from` does.
func runByHand(ctx context.Context, s *cronSide, name string) error {
	cron := s.schedule(name)
	if err := api.Get(ctx, client.ObjectKeyFromObject(cron), cron); err != nil {
		return err
	}
	job, err := s.someJob(name, name+"-manual")
	if err != nil {
		return err
	}
	job.SetAnnotations(map[string]string{"cronjob.kubernetes.io/instantiate": "manual"})
	job.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(cron, s.cron)})
	return api.Create(ctx, job)
}

// someJob is one whose pods go on.
func (s *cronSide) someJob(cron, name string) (*unstructured.Unstructured, error) {
	spec, err := yamlOf(baseCron, cron)
	if err != nil {
		return nil, err
	}
	job := objectOf(s.job.GroupVersion().String(), s.job.Kind, s.namespace, name)
	job.Object["spec"] = spec["jobTemplate"].(map[string]any)["spec"]
	return job, nil
}
