//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	kustomizeAPI = "kustomize.toolkit.fluxcd.io/v1"
	// sometime is for what goes through several controllers on a machine that
	// runs all scenarios at once.
	sometime = 3 * time.Minute
)

// flux drives a namespace from a repository, by Flux's own controllers.
type flux struct {
	*repo
}

// newFlux makes the repository of a test and has Flux read it.
func (s *space) newFlux() *flux {
	f := &flux{repo: s.newRepo()}
	s.set(fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: repo}
spec: {interval: 10m, url: %q, ref: {branch: main}}
`, f.url))
	s.Cleanup(f.leave)
	return f
}

// leave takes Flux off the namespace before that goes: a health check would
// wait long for what the namespace has taken away.
func (f *flux) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), sometime)
	defer cancel()
	all := object(kustomizeAPI, "Kustomization")
	if err := api.DeleteAllOf(ctx, all, client.InNamespace(f.s.name)); err != nil {
		f.s.Errorf("deleting the Kustomizations: %v", err)
	}
	err := poll(ctx, func(ctx context.Context) error {
		var left unstructured.UnstructuredList
		left.SetAPIVersion(kustomizeAPI)
		left.SetKind("KustomizationList")
		if err := api.List(ctx, &left, client.InNamespace(f.s.name)); err != nil {
			return err
		}
		for i := range left.Items {
			return fmt.Errorf("%s is there: %s", left.Items[i].GetName(), condition(&left.Items[i], "Ready"))
		}
		return nil
	})
	if err != nil {
		f.s.Errorf("Flux does not let go of the namespace: %v", err)
	}
}

// set makes an object be as in the manifest, in the test's namespace.
func (s *space) set(manifest string) {
	s.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		s.Fatalf("%v:\n%s", err, manifest)
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(s.name)
	}
	err := api.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("e2e"), client.ForceOwnership)
	if err != nil {
		s.Fatalf("%v:\n%s", err, manifest)
	}
}

// kustomization has Flux apply the folder of its name, with more fields of the
// spec, and look for drift that often. Its timeout is far longer than any of it
// takes: what fails earlier fails for a reason.
func (f *flux) kustomization(name, interval string, more ...string) {
	f.s.Helper()
	f.s.set(fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %[1]s, labels: {%[5]s}}
spec:
  interval: %[3]s
  retryInterval: 5s
  timeout: 5m
  path: ./%[1]s
  prune: true
  targetNamespace: %[2]s
  sourceRef: {kind: GitRepository, name: repo}
  %[4]s
`, name, f.s.name, interval, strings.Join(more, "\n  "), f.s.shard))
}

// commit pushes, and tells Flux as a webhook would.
func (f *flux) commit(message string, c files) {
	f.s.Helper()
	f.repo.commit(message, c)
	f.announce()
}

func (f *flux) revert() {
	f.s.Helper()
	f.repo.revert()
	f.announce()
}

func (f *flux) announce() {
	f.s.Helper()
	f.s.annotate("source.toolkit.fluxcd.io/v1", "GitRepository", "repo", "reconcile.fluxcd.io/requestedAt", f.head)
}

// annotate sets one annotation, as a person with kubectl does.
func (s *space) annotate(apiVersion, kind, name, key, value string) {
	s.Helper()
	o := object(apiVersion, kind)
	o.SetNamespace(s.name)
	o.SetName(name)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if err := api.Patch(s.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		s.Fatalf("annotating %s %s: %v", kind, name, err)
	}
}

func object(apiVersion, kind string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	return o
}

// get reads an object of any kind.
func (s *space) object(ctx context.Context, apiVersion, kind, name string) (*unstructured.Unstructured, error) {
	o := object(apiVersion, kind)
	return o, api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, o)
}

// verdict is what Flux says of a Kustomization or HelmRelease.
type verdict struct {
	status, reason, message string
	after                   time.Duration // the commit, until it was seen
}

func (v verdict) String() string {
	return fmt.Sprintf("Ready=%s %s: %s", v.status, v.reason, v.message)
}

// condition reads one condition of an object; absent, its status is empty.
func condition(o *unstructured.Unstructured, kind string) verdict {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range list {
		m, _ := c.(map[string]any)
		if m["type"] == kind {
			text := func(k string) string { v, _ := m[k].(string); return v }
			return verdict{status: text("status"), reason: text("reason"), message: text("message")}
		}
	}
	return verdict{}
}

// says waits for Flux's verdict about the newest commit: Ready with this
// status, whatever came before.
func (f *flux) says(name string, want metav1.ConditionStatus) verdict {
	f.s.Helper()
	return f.saysOf(kustomizeAPI, "Kustomization", name, want, func(o *unstructured.Unstructured) error {
		return f.tried(o)
	})
}

// tried: the newest commit is what Flux has tried last.
func (f *flux) tried(o *unstructured.Unstructured) error {
	revision, _, _ := unstructured.NestedString(o.Object, "status", "lastAttemptedRevision")
	if !strings.HasSuffix(revision, f.head) {
		return fmt.Errorf("it has tried %s, want %s", revision, f.head)
	}
	return nil
}

// look has Flux apply once more in "app" what it has applied already.
func (f *flux) look() {
	f.s.Helper()
	const kind, name = "Kustomization", "app"
	now := time.Now().Format(time.RFC3339Nano)
	f.s.annotate(kustomizeAPI, kind, name, "reconcile.fluxcd.io/requestedAt", now)
	f.s.eventually(sometime, "Flux looks again", func(ctx context.Context) error {
		o, err := f.s.object(ctx, kustomizeAPI, kind, name)
		if err != nil {
			return err
		}
		if handled, _, _ := unstructured.NestedString(o.Object, "status", "lastHandledReconcileAt"); handled != now {
			return errors.New("it has not")
		}
		return nil
	})
}

func always(*unstructured.Unstructured) error { return nil }

func (f *flux) saysOf(apiVersion, kind, name string, want metav1.ConditionStatus, current func(*unstructured.Unstructured) error) verdict {
	f.s.Helper()
	var v verdict
	begin := time.Now()
	f.s.eventually(sometime, fmt.Sprintf("Flux says Ready=%s of %s", want, name), func(ctx context.Context) error {
		o, err := f.s.object(ctx, apiVersion, kind, name)
		if err != nil {
			return err
		}
		v = condition(o, "Ready")
		observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		if observed != o.GetGeneration() || v.status != string(want) {
			return errors.New(v.String())
		}
		return current(o)
	})
	v.after = time.Since(begin)
	return v
}

// holds fails unless check stays nil for so long.
func (s *space) holds(forSo time.Duration, what string, check func(context.Context) error) {
	s.Helper()
	for end := time.Now().Add(forSo); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if err := check(s.Context()); err != nil {
			s.Fatalf("%s: %v\n%s", what, err, s.describe())
		}
	}
}
