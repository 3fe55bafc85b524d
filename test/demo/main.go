// Command demo runs the samples of config/samples on the cluster of KUBECONFIG
// and shows them, as `kubectl get batchjobs` does, until each has reached the
// end that is meant for it.
//
//	make demo                          # on the local cluster, with everything before it
//	KUBECONFIG=<file> go run ./test/demo
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// demo is one run of the samples.
type demo struct {
	out       io.Writer
	client    client.Client
	core      kubernetes.Interface // for logs, events and tables
	namespace string
	samples   []client.Object
	began     time.Time // when the samples were applied
}

func main() {
	dir := flag.String("samples", "config/samples", "the `folder` of the samples and their kustomization.yaml")
	timeout := flag.Duration("timeout", 5*time.Minute, "how long the samples may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	err := run(ctx, *dir, os.Stdout)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, out io.Writer) error {
	d, err := newDemo(dir, out)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.clean, d.apply, d.follow, d.tell} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func newDemo(dir string, out io.Writer) (*demo, error) {
	samples, err := readSamples(dir)
	if err != nil {
		return nil, err
	}
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{})
	rest, err := config.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster is known; `make demo` starts one: %w", err)
	}
	namespace, _, err := config.Namespace()
	if err != nil {
		return nil, err
	}
	rest.QPS, rest.Burst = 50, 100
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	core, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, err
	}
	c, err := client.New(rest, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	return &demo{out: out, client: c, core: core, namespace: namespace, samples: samples}, nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
