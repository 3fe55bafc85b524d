// Command stint-controller is the Stint operator: it runs BatchJobs and
// CronBatchJobs in the cluster that it is pointed at. With release as its first
// argument it takes the operator's finalizers off, for an uninstall.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set by the linker from the chart's appVersion.
var version = "dev"

// What the process tells whoever started it.
const (
	exitClean  = 0 // asked to stop, or answered --help or --version
	exitFailed = 1 // could not start, or could not go on: worth a restart
	exitUsage  = 2 // a flag is wrong: a restart will not help
)

func main() {
	os.Exit(run(ctrl.SetupSignalHandler(), os.Args[1:], os.Stdout, os.Stderr))
}

// run returns only when everything has stopped, and the process must end with
// it at once: by then the leader's lease is given away.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == releaseCommand {
		return leave(ctx, args[1:], stdout, stderr)
	}
	opts, err := parseFlags(args, stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return exitClean
	case err != nil:
		fmt.Fprintf(stderr, "stint-controller: %v (see --help)\n", err)
		return exitUsage
	case opts.showVersion:
		fmt.Fprintln(stdout, "stint-controller "+version)
		return exitClean
	}

	collectLess()
	logger.SetLogger(logger.NewLogger(opts.logger))
	log := ctrl.Log.WithName("setup")
	log.Info("starting stint-controller", "version", version)
	if err := start(ctx, opts); err != nil && !errors.Is(err, context.Canceled) {
		log.Error(err, "stint-controller cannot go on")
		return exitFailed
	}
	log.Info("stint-controller has stopped")
	return exitClean
}

// leave is the command release.
func leave(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := releaseFlags(args, stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return exitClean
	case err != nil:
		fmt.Fprintf(stderr, "stint-controller release: %v (see --help)\n", err)
		return exitUsage
	}
	if err := runRelease(ctx, opts, stdout); err != nil {
		fmt.Fprintln(stderr, "stint-controller release:", err)
		return exitFailed
	}
	return exitClean
}

// collectLess lets garbage grow to three times what is alive before it is
// collected. What is alive is small, so Go's default would spend a fifth of the
// CPU on collecting; GOMEMLIMIT, which the chart sets from the pod's limit,
// bounds it where there is much. GOGC in the environment decides otherwise.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}
