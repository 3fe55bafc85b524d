package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/stint-dev/stint/controllers/batchjob"
)

// serving is an API server that serves these kinds, or fails.
type serving struct {
	discovery.ServerResourcesInterface
	kinds []string
	err   error
}

func (s serving) ServerResourcesForGroupVersion(string) (*metav1.APIResourceList, error) {
	var list metav1.APIResourceList
	for _, kind := range s.kinds {
		list.APIResources = append(list.APIResources, metav1.APIResource{Kind: kind})
	}
	return &list, s.err
}

func TestMissingCRDsAreOneSentence(t *testing.T) {
	notFound := apierrors.NewNotFound(schema.GroupResource{}, "")
	for name, tc := range map[string]struct {
		server serving
		want   string
	}{
		"none":        {serving{err: notFound}, "does not know BatchJob and CronBatchJob of batch.stint.dev/v1alpha1"},
		"one":         {serving{kinds: []string{"BatchJob"}}, "does not know CronBatchJob of batch.stint.dev/v1alpha1"},
		"both":        {serving{kinds: []string{"BatchJob", "BatchJob", "CronBatchJob"}}, ""},
		"unreachable": {serving{err: errors.New("connection refused")}, "does not say what it serves: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			err := awaitCRDs(t.Context(), tc.server, 10*time.Millisecond)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// Being stopped while it waits is no failure of the cluster's.
func TestStoppedWhileWaitingForCRDs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := awaitCRDs(ctx, serving{}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestShardsHaveLeasesOfTheirOwn(t *testing.T) {
	names := map[string]bool{}
	for _, selector := range []string{"", "shard=a", "shard=b"} {
		names[leaseName(controller.WatchOptions{LabelSelector: selector})] = true
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
	if _, err := managerOptions(o, "", &batchjob.PodCache{}); err == nil {
		t.Error("want an error that names RUNTIME_NAMESPACE")
	}
	m, err := managerOptions(o, "team-a", &batchjob.PodCache{})
	if err != nil {
		t.Fatal(err)
	}
	if _, only := m.Cache.DefaultNamespaces["team-a"]; !only || len(m.Cache.DefaultNamespaces) != 1 {
		t.Errorf("caches %v", m.Cache.DefaultNamespaces)
	}
}
