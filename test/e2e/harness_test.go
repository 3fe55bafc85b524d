//go:build e2e

// Package e2e tests the operator as its chart installs it, on nodes that run
// containers.
//
//	make test-e2e                                        # starts a cluster with Flux and Argo CD, runs the demo first
//	KUBECONFIG=<file> go test -tags e2e ./test/e2e/...   # kubectl and helm on the PATH; without Flux and Argo CD
//
// It kills the operator, upgrades and uninstalls it: use a cluster for tests.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const (
	// system is where `make install` puts the release, and its name.
	system  = "stint-system"
	release = "stint"
	// soon is for what needs no more than a pod's start on a busy machine.
	soon = 90 * time.Second
)

var (
	// config reaches the API server as an administrator.
	config *rest.Config
	api    client.Client
	core   kubernetes.Interface
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait far more than they compute.
	if err := errors.Join(flag.Set("test.parallel", "24"), connect()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func connect() error {
	if os.Getenv("KUBECONFIG") == "" {
		return errors.New("these tests need a cluster that may be disturbed: run `make test-e2e`, which starts one, or set KUBECONFIG")
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		return err
	}
	var err error
	if config, err = clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")); err != nil {
		return err
	}
	config.QPS, config.Burst = 1000, 2000
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if core, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	api, err = client.New(config, client.Options{Scheme: scheme})
	return err
}

// space is a namespace of one test.
type space struct {
	*testing.T
	name string
	// shard is a label of the Kustomizations, by which another controller than
	// Flux's usual one takes them.
	shard string
}

// newSpace creates a namespace, deletes it at the end, and fails if it does
// not go: a finalizer that is left behind must not stay unseen.
func newSpace(t *testing.T) *space {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stint-e2e-"}}
	if err := api.Create(t.Context(), ns); err != nil {
		t.Fatalf("creating a namespace: %v", err)
	}
	s := &space{T: t, name: ns.Name}
	// A pod is refused until its ServiceAccount is there.
	s.eventually(soon, "the default ServiceAccount exists", func(ctx context.Context) error {
		_, err := core.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := api.Delete(ctx, ns); client.IgnoreNotFound(err) != nil {
			t.Errorf("deleting namespace %s: %v", ns.Name, err)
		}
		if err := poll(ctx, func(ctx context.Context) error { return s.namespaceGone(ctx) }); err != nil {
			t.Errorf("namespace %s does not go: %v\n%s", ns.Name, err, s.pods(ctx))
		}
	})
	return s
}

func (s *space) namespaceGone(ctx context.Context) error {
	err := api.Get(ctx, client.ObjectKey{Name: s.name}, &corev1.Namespace{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return errors.Join(err, errors.New("it is still there"))
}

// poll calls check until it returns nil or ctx ends, and returns its last error.
func poll(ctx context.Context, check func(context.Context) error) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// eventually fails with the last error of check, and with all that the
// namespace can tell.
func (s *space) eventually(within time.Duration, what string, check func(context.Context) error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	var last error
	err := poll(ctx, func(ctx context.Context) error {
		err := check(ctx)
		if err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "would exceed context deadline") {
			last = err // and not that it was cut off
		}
		return err
	})
	if err != nil {
		s.Fatalf("%s: not within %s: %v\n%s", what, within, errors.Join(last), s.describe())
	}
}

// apply creates the object of a manifest, or changes it, as GitOps tools do: by
// server-side apply, an unknown field being an error.
func (s *space) apply(manifest string) {
	s.Helper()
	if out, err := s.try("apply", "--server-side", "--field-manager=e2e", "--validate=strict", "-f", "-", manifest); err != nil {
		s.Fatalf("kubectl apply: %s\n%s", out, manifest)
	}
}

// kubectl runs a command in the namespace that must succeed.
func (s *space) kubectl(args ...string) string {
	s.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.Fatalf("kubectl %s: %s\n%s", strings.Join(args, " "), out, s.describe())
	}
	return out
}

// try runs a command that may fail. What follows "-f -" is its input.
func (s *space) try(args ...string) (string, error) {
	s.Helper()
	var input string
	if n := len(args); n > 2 && args[n-2] == "-" {
		args, input = args[:n-1], args[n-1]
	}
	return command(s.Context(), input, "kubectl", append([]string{"--namespace=" + s.name}, args...)...)
}

func command(ctx context.Context, input, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// job reads a BatchJob.
func (s *space) job(ctx context.Context, name string) (*v1alpha1.BatchJob, error) {
	job := &v1alpha1.BatchJob{}
	return job, api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, job)
}

// podsOf lists the pods of a job.
func (s *space) podsOf(ctx context.Context, job string) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := api.List(ctx, &list, client.InNamespace(s.name), client.MatchingLabels{v1alpha1.LabelJobName: job})
	return list.Items, err
}

// describe tells what is known of the jobs and pods of the namespace.
func (s *space) describe() string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var jobs v1alpha1.BatchJobList
	var out strings.Builder
	if err := api.List(ctx, &jobs, client.InNamespace(s.name)); err != nil {
		fmt.Fprintln(&out, err)
	}
	for i := range jobs.Items {
		b, err := yaml.Marshal(jobs.Items[i].Status)
		fmt.Fprintf(&out, "--- status of BatchJob %s (%v)\n%s", jobs.Items[i].Name, err, b)
	}
	events, err := core.CoreV1().Events(s.name).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Fprintln(&out, err)
		return out.String()
	}
	out.WriteString("--- events\n")
	for _, e := range events.Items {
		fmt.Fprintf(&out, "%s/%s %s %s: %s\n", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Type, e.Reason, e.Message)
	}
	return out.String() + s.pods(ctx)
}

func (s *space) pods(ctx context.Context) string {
	var list corev1.PodList
	if err := api.List(ctx, &list, client.InNamespace(s.name)); err != nil {
		return err.Error()
	}
	var out strings.Builder
	out.WriteString("--- pods\n")
	for i := range list.Items {
		p := &list.Items[i]
		fmt.Fprintf(&out, "%s %s %s deleted=%v finalizers=%v\n", p.Name, p.Status.Phase, p.Status.Reason, p.DeletionTimestamp, p.Finalizers)
	}
	return out.String()
}
