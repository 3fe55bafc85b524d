//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestDefaults stores the shortest manifests: what is promised is added to
// them, and nothing else.
func TestDefaults(t *testing.T) {
	ns := newNamespace(t)
	jobDefaults := "completionMode: NonIndexed\nrerunPolicy: OnChange\nupdatePolicy: Drain\npodHistoryLimit: 1\n"
	cronDefaults := "concurrencyPolicy: Allow\nqueueLimit: 10\nmissedRunPolicy: Latest\nmissedRunLimit: 10\n" +
		"successfulJobsHistoryLimit: 3\nfailedJobsHistoryLimit: 1\n"
	for _, c := range []struct {
		base     string
		defaults []string
	}{
		{minimalJob, []string{indent("spec", jobDefaults)}},
		{minimalCron, []string{indent("spec", cronDefaults), indent("spec.jobTemplate.spec", jobDefaults)}},
	} {
		object := manifest(t, c.base)
		object.SetNamespace(ns)
		want := manifest(t, c.base, c.defaults...)
		t.Run(object.GetKind(), func(t *testing.T) {
			if err := api.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Object["spec"], object.Object["spec"]); diff != "" {
				t.Errorf("spec as written and promised (-), as stored (+):\n%s", diff)
			}
			status := map[string]any{"observedGeneration": int64(-1)}
			if diff := cmp.Diff(status, object.Object["status"]); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

// fullTemplate has what batch/v1 takes and a schema made from core/v1 would
// refuse, prune or complete: duplicates in lists, ports without protocol, a
// quantity with a fraction, metadata, nulls, empty objects.
const fullTemplate = `
metadata:
  name: given
  labels: {app: x, empty: null}
  annotations: {note: z}
  creationTimestamp: null
spec:
  restartPolicy: Never
  imagePullSecrets: [{name: a}, {name: a}, {}]
  hostAliases: [{ip: 127.0.0.1, hostnames: [a]}, {ip: 127.0.0.1, hostnames: [b]}]
  nodeSelector: null
  securityContext: {}
  containers:
  - name: main
    image: busybox
    command: null
    env:
    - {name: A, value: "1"}
    - {name: A, value: "2"}
    - {name: B, value: null}
    - {name: C, valueFrom: {secretKeyRef: {key: k}}}
    envFrom: [{configMapRef: {}}]
    ports:
    - {containerPort: 80}
    - {containerPort: 80, name: again}
    - {containerPort: 80, protocol: UDP}
    resources:
      limits: {cpu: 0.5, memory: 1e9, example.com/gpu: 1}
      requests: {cpu: 250m, memory: "1.5Gi", ephemeral-storage: 100000000}
      claims: [{name: c, request: a}, {name: c, request: b}]
    livenessProbe: {grpc: {port: 80}}
    readinessProbe: {httpGet: {port: http}}
    restartPolicy: Never
    restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1, 1]}}]
  volumes:
  - {name: a, configMap: {}}
  - {name: b, emptyDir: {sizeLimit: 0.5Gi}}
  - {name: c, iscsi: {iqn: i, lun: 0, targetPortal: p}}
  - name: d
    ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b}}, spec: {}}}
`

func TestTemplateIsStoredAsWritten(t *testing.T) {
	written := func() *unstructured.Unstructured {
		object := manifest(t, minimalJob)
		object.Object["spec"].(map[string]any)["template"] = parse(t, fullTemplate)
		return object
	}
	ns, other := newNamespace(t), newNamespace(t)
	created := written()
	created.SetNamespace(ns)
	if err := api.Create(t.Context(), created, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		t.Fatal(err)
	}
	wantAsWritten(t, created)
	job := typedJob(t, created)
	if got := job.Spec.Template.Spec.Containers[0].Resources.Limits.Cpu().MilliValue(); got != 500 {
		t.Errorf("cpu: 0.5 is read as %dm", got)
	}

	// Server-side apply, Flux's way, goes through other code: it merges lists by
	// their keys and keeps nulls. The first creates, the second changes nothing.
	for range 2 {
		applied := written()
		applied.SetNamespace(other)
		apply := client.ApplyConfigurationFromUnstructured(applied)
		if err := api.Apply(t.Context(), apply, client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatalf("server-side apply: %v", err)
		}
		wantAsWritten(t, applied)
		if applied.GetGeneration() != 1 {
			t.Errorf("applying the same manifest again made generation %d", applied.GetGeneration())
		}
	}
}

func wantAsWritten(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	template, _, _ := unstructured.NestedMap(object.Object, "spec", "template")
	if diff := cmp.Diff(parse(t, fullTemplate), template); diff != "" {
		t.Errorf("template as written (-), as stored (+):\n%s", diff)
	}
}

// TestSizes: plain kubectl apply keeps the manifest in an annotation, and the
// annotations of an object may have 262,144 bytes.
func TestSizes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(crdDir, "*.yaml"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d CRDs in %s, want 2 (%v)", len(files), crdDir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(text, crd); err != nil {
			t.Fatal(err)
		}
		crd.Annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(compact) + "\n"
		if err := api.Patch(t.Context(), crd, client.Merge, client.DryRunAll); err != nil {
			t.Errorf("%s with last-applied-configuration: %v", filepath.Base(file), err)
		}
		if len(compact) >= 262144 {
			t.Errorf("%s has %d bytes as compact JSON", filepath.Base(file), len(compact))
		}
		t.Logf("%s: %d bytes", filepath.Base(file), len(compact))
	}
}

// TestExplain: kubectl explain reads this document. Our own fields speak, those
// inside the pod template are silent.
func TestExplain(t *testing.T) {
	for _, kind := range []string{"BatchJob", "CronBatchJob"} {
		spoken, silent := descriptions(publishedSchema(t, kind), nil)
		if len(spoken) < 60 {
			t.Errorf("%s: only %d fields have a description", kind, len(spoken))
		}
		for _, path := range silent {
			if !strings.Contains(path, ".template.") && !strings.HasPrefix(path, "spec.jobTemplate.metadata.") {
				t.Errorf("%s: %s has no description", kind, path)
			}
		}
		for _, path := range spoken {
			if strings.Contains(path, ".template.") {
				t.Errorf("%s: %s has a description, which costs bytes", kind, path)
			}
		}
	}
}

// publishedSchema waits for it: the API server publishes some time after the
// CRD is established.
func publishedSchema(t *testing.T, kind string) (root map[string]any) {
	t.Helper()
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the schema of "+kind, func(ctx context.Context) error {
		raw, err := disco.RESTClient().Get().AbsPath("/openapi/v3/apis/batch.stint.dev/v1alpha1").DoRaw(ctx)
		if err != nil {
			return err
		}
		var document struct {
			Components struct {
				Schemas map[string]map[string]any `json:"schemas"`
			} `json:"components"`
		}
		if err := json.Unmarshal(raw, &document); err != nil {
			return err
		}
		if root = document.Components.Schemas["dev.stint.batch.v1alpha1."+kind]; root == nil {
			return errors.New("not published")
		}
		return nil
	})
	return root
}

func descriptions(node map[string]any, path []string) (spoken, silent []string) {
	properties, _ := node["properties"].(map[string]any)
	for name, property := range properties {
		if len(path) == 0 && name == "metadata" {
			continue
		}
		at := append(slices.Clone(path), name)
		child := property.(map[string]any)
		if text, _ := child["description"].(string); text != "" {
			spoken = append(spoken, strings.Join(at, "."))
		} else {
			silent = append(silent, strings.Join(at, "."))
		}
		if items, ok := child["items"].(map[string]any); ok {
			child = items
		}
		more, less := descriptions(child, at)
		spoken, silent = append(spoken, more...), append(silent, less...)
	}
	return spoken, silent
}

// TestColumns: what kubectl get prints.
func TestColumns(t *testing.T) {
	for resource, want := range map[string][]string{
		"batchjobs": {"Name", "Completions", "Status", "Reason", "Duration", "Age", "Revision", "Run", "Images"},
		"cronbatchjobs": {
			"Name", "Schedule", "Timezone", "Suspend", "Active", "Last", "Next", "Last Result", "Age", "Ready", "Message",
		},
	} {
		table := &metav1.Table{}
		if err := restClient(t).Get().Resource(resource).Namespace("default").
			SetHeader("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1").Do(t.Context()).Into(table); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, column := range table.ColumnDefinitions {
			got = append(got, column.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", resource, diff)
		}
	}
}

func restClient(t *testing.T) rest.Interface {
	t.Helper()
	c := rest.CopyConfig(config)
	c.APIPath, c.GroupVersion = "/apis", &schema.GroupVersion{Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version}
	c.NegotiatedSerializer = codecs.WithoutConversion()
	restClient, err := rest.RESTClientFor(c)
	if err != nil {
		t.Fatal(err)
	}
	return restClient
}

// TestNames: the short names and the category that people type.
func TestNames(t *testing.T) {
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := disco.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, resource := range list.APIResources {
		got[resource.Name] = append(slices.Clone(resource.ShortNames), resource.Categories...)
	}
	want := map[string][]string{
		"batchjobs": {"bj", "batch"}, "batchjobs/status": nil, "batchjobs/scale": nil,
		"cronbatchjobs": {"cbj", "batch"}, "cronbatchjobs/status": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestScaleAndFieldSelector: HPA and KEDA write the scale subresource; phases
// can be selected.
func TestScaleAndFieldSelector(t *testing.T) {
	ns := newNamespace(t)
	object := manifest(t, minimalJob, indent("spec", "parallelism: 2\ncompletions: 9"))
	object.SetNamespace(ns)
	if err := api.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	job := typedJob(t, object)
	job.Status.Active, job.Status.Selector, job.Status.Phase = 2, "app=x", v1alpha1.PhaseRunning
	if err := api.Status().Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}

	scale := &autoscalingv1.Scale{}
	if err := api.SubResource("scale").Get(t.Context(), job, scale); err != nil {
		t.Fatal(err)
	}
	if scale.Spec.Replicas != 2 || scale.Status.Replicas != 2 || scale.Status.Selector != "app=x" {
		t.Errorf("scale: %+v %+v", scale.Spec, scale.Status)
	}
	scale.Spec.Replicas = 5
	if err := api.SubResource("scale").Update(t.Context(), job, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	if got := typedJob(t, object).Spec.GetParallelism(); got != 5 {
		t.Errorf("parallelism %d after scaling to 5", got)
	}

	for phase, want := range map[v1alpha1.Phase]int{v1alpha1.PhaseRunning: 1, v1alpha1.PhaseComplete: 0} {
		jobs := &v1alpha1.BatchJobList{}
		if err := api.List(t.Context(), jobs, client.InNamespace(ns), client.MatchingFields{"status.phase": string(phase)}); err != nil {
			t.Fatal(err)
		}
		if len(jobs.Items) != want {
			t.Errorf("%d jobs are %s, want %d", len(jobs.Items), phase, want)
		}
	}
}
