package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func TestMissingCRDsAreOneSentence(t *testing.T) {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion})
	mapper.Add(v1alpha1.GroupVersion.WithKind("BatchJob"), meta.RESTScopeNamespace)

	err := awaitCRDs(t.Context(), mapper, 10*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "does not know batch.stint.dev/v1alpha1 CronBatchJob") ||
		!strings.Contains(err.Error(), "crds.enabled=true") {
		t.Errorf("got %v", err)
	}

	mapper.Add(v1alpha1.GroupVersion.WithKind("CronBatchJob"), meta.RESTScopeNamespace)
	if err := awaitCRDs(t.Context(), mapper, 10*time.Millisecond); err != nil {
		t.Errorf("with both kinds there: %v", err)
	}
}

type unreachable struct{ meta.RESTMapper }

func (unreachable) RESTMapping(schema.GroupKind, ...string) (*meta.RESTMapping, error) {
	return nil, errors.New("connection refused")
}

func TestUnreachableAPIServerIsNotWaitedFor(t *testing.T) {
	err := awaitCRDs(t.Context(), unreachable{}, time.Hour)
	if err == nil || !strings.Contains(err.Error(), "cannot ask the API server") {
		t.Errorf("got %v", err)
	}
}

func TestShardsHaveLeasesOfTheirOwn(t *testing.T) {
	names := map[string]bool{}
	for _, args := range [][]string{nil, {"--watch-label-selector=shard=a"}, {"--watch-label-selector=shard=b"}} {
		o, err := parseFlags(args, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		names[leaseName(o.watch)] = true
	}
	if len(names) != 3 {
		t.Errorf("leases %v", names)
	}
}

func TestOneNamespaceNeedsItsName(t *testing.T) {
	o, err := parseFlags([]string{"--watch-all-namespaces=false"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := managerOptions(o, ""); err == nil {
		t.Error("want an error that names RUNTIME_NAMESPACE")
	}
	m, err := managerOptions(o, "team-a")
	if err != nil {
		t.Fatal(err)
	}
	if _, only := m.Cache.DefaultNamespaces["team-a"]; !only || len(m.Cache.DefaultNamespaces) != 1 {
		t.Errorf("caches %v", m.Cache.DefaultNamespaces)
	}
}
