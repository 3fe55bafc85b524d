package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/cmd/release"
)

// releaseCommand is the first argument that makes the operator leave.
const releaseCommand = "release"

const releaseHelp = `Usage: stint-controller release [flags]

Takes Stint's finalizers off pods and BatchJobs, so that nothing is left that
only the operator could let go. Run it when the operator has been stopped for
good, before or after its removal. What has been released already is left alone.

`

func releaseFlags(args []string, help io.Writer) (release.Options, error) {
	o := release.Options{LeaseName: controllerName}
	fs := pflag.NewFlagSet(releaseCommand, pflag.ContinueOnError)
	fs.SetOutput(help)
	fs.Usage = func() { fmt.Fprint(help, releaseHelp, fs.FlagUsages()) }
	fs.StringVarP(&o.Namespace, "namespace", "n", "", "Release in this namespace only.")
	fs.StringVar(&o.LeaseNamespace, "lease-namespace", cmp.Or(os.Getenv(controller.EnvRuntimeNamespace), "stint-system"),
		"The namespace of the operator's Deployment, where its lease is.")
	fs.DurationVar(&o.Wait, "wait", time.Minute, "How long to wait for an operator that is stopping.")
	fs.BoolVar(&o.WhileActive, "while-active", false, "Release although an operator is at work.")
	if f := flag.CommandLine.Lookup("kubeconfig"); f != nil {
		fs.AddGoFlag(f)
	}
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return o, nil
}

// runRelease connects and releases.
func runRelease(ctx context.Context, o release.Options, out io.Writer) error {
	cfg, err := restConfig(apiLimits{qps: 50, burst: 300})
	if err != nil {
		return err
	}
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	api, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	return release.Run(ctx, api, o, out)
}
