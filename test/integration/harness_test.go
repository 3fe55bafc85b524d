//go:build integration

// Package integration tests against a real kube-apiserver.
//
//	make test                                                     # starts one
//	KUBEBUILDER_ASSETS=<dir> go test -tags integration ./test/integration/...
//	KUBECONFIG=<file> go test -tags integration ./test/integration/...
//
// Each test works in a namespace of its own, so that tests may run in parallel
// and on a cluster that is in use.
package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/stint-dev/stint/api/v1alpha1"
)

var (
	// config reaches the API server as an administrator.
	config *rest.Config
	// api is a typed client without a cache.
	api client.Client
	// scheme knows the built-in kinds, CRDs and ours.
	scheme = runtime.NewScheme()
	codecs = serializer.NewCodecFactory(scheme)

	crdDir = filepath.Join("..", "..", "config", "crd", "bases")
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))

	stop, err := connect()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	config.QPS, config.Burst = 2000, 4000
	ctrl.SetLogger(logr.Discard()) // a process that is cut off has much to say
	if _, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{Paths: []string{crdDir}, ErrorIfPathMissing: true}); err != nil {
		return 1, fmt.Errorf("installing %s: %w", crdDir, err)
	}
	if api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// connect sets config from the environment and returns what ends it.
func connect() (stop func() error, err error) {
	switch {
	case os.Getenv("KUBECONFIG") != "":
		config, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
		return func() error { return nil }, err
	case os.Getenv("KUBEBUILDER_ASSETS") != "":
		server := &envtest.Environment{}
		config, err = server.Start()
		return server.Stop, err
	}
	return nil, errors.New("these tests need an API server: run `make test`, which starts one, " +
		"or set KUBECONFIG to a cluster for tests, or KUBEBUILDER_ASSETS to a directory with etcd and kube-apiserver")
}

// newNamespace creates a namespace for one test and deletes it at the end.
func newNamespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stint-test-"}}
	if err := api.Create(t.Context(), ns); err != nil {
		t.Fatalf("creating a namespace: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := api.Delete(ctx, ns); err != nil {
			t.Errorf("deleting namespace %s: %v", ns.Name, err)
		}
	})
	return ns.Name
}

// eventually calls check until it returns nil; its last error fails the test.
// It ends as soon as check succeeds.
func eventually(t *testing.T, within time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, within, err)
		case <-tick.C:
		}
	}
}
