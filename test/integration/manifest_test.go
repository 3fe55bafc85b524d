//go:build integration

package integration

import (
	"errors"
	"maps"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// minimalJob is the shortest BatchJob that is accepted.
const minimalJob = `
apiVersion: batch.stint.dev/v1alpha1
kind: BatchJob
metadata:
  name: job
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: busybox
`

// minimalCron is the shortest CronBatchJob that is accepted.
const minimalCron = `
apiVersion: batch.stint.dev/v1alpha1
kind: CronBatchJob
metadata:
  name: cron
spec:
  schedule: "*/5 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: busybox
`

// manifest reads YAML and merges patches into it, as a JSON merge patch does:
// null removes, lists are replaced.
func manifest(t *testing.T, base string, patches ...string) *unstructured.Unstructured {
	t.Helper()
	object := parse(t, base)
	for _, patch := range patches {
		merge(object, parse(t, patch))
	}
	return &unstructured.Unstructured{Object: object}
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	json, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	object := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal(json, &object.Object); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return toIntegers(object.Object).(map[string]any)
}

// toIntegers gives whole numbers the type that unstructured objects want.
func toIntegers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = toIntegers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = toIntegers(value)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}

func merge(into, patch map[string]any) {
	for key, value := range patch {
		if value == nil {
			delete(into, key)
			continue
		}
		inner, ok := into[key].(map[string]any)
		if part, isMap := value.(map[string]any); ok && isMap {
			inner = maps.Clone(inner)
			merge(inner, part)
			value = inner
		}
		into[key] = value
	}
}

// indent shifts a YAML text below keys: indent("spec.jobTemplate", text).
func indent(path, text string) string {
	var b strings.Builder
	depth := 0
	for key := range strings.SplitSeq(path, ".") {
		b.WriteString(strings.Repeat("  ", depth) + key + ":\n")
		depth++
	}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		b.WriteString(strings.Repeat("  ", depth) + line + "\n")
	}
	return b.String()
}

// tryCreate sends the object as kubectl does, unknown fields being errors, and
// stores nothing.
func tryCreate(t *testing.T, object *unstructured.Unstructured, namespace string) error {
	t.Helper()
	object.SetNamespace(namespace)
	return api.Create(t.Context(), object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
}

// wantCause fails unless err is a rejection that names the field and says the
// words. An empty field wants the object accepted.
func wantCause(t *testing.T, err error, field, words string) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Errorf("refused, want it accepted: %v", err)
		}
		return
	}
	if err == nil {
		t.Errorf("accepted, want it refused for %s (%s)", field, words)
		return
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		t.Errorf("want a rejection for %s, got: %v", field, err)
		return
	}
	for _, cause := range status.Status().Details.Causes {
		if cause.Field == field && strings.Contains(cause.Message, words) {
			return
		}
	}
	t.Errorf("no cause for field %s with %q in: %v", field, words, err)
}

// typed reads an object of this kind back through the Go types.
func typedJob(t *testing.T, object *unstructured.Unstructured) *v1alpha1.BatchJob {
	t.Helper()
	job := &v1alpha1.BatchJob{}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), job); err != nil {
		t.Fatal(err)
	}
	return job
}
