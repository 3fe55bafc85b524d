package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"

	"github.com/stint-dev/stint/controllers/report"
)

// options holds every flag. Names are Flux's, so that the patches people
// already have for Flux controllers (concurrency, sharding, API limits) apply.
type options struct {
	showVersion   bool
	metricsAddr   string
	metricsSecure bool
	healthAddr    string
	eventsAddr    string
	concurrent    int
	api           apiLimits

	hideTerminationMessages bool
	noCrossNamespaceRefs    bool

	leaderElection leaderelection.Options
	logger         logger.Options
	watch          controller.WatchOptions
	retry          controller.RateLimiterOptions
}

// apiLimits has the flags of fluxcd/pkg/runtime/client without its package,
// whose impersonation code would double the binary.
type apiLimits struct {
	qps   float32
	burst int
}

// flagDefaults are the places where a job controller wants something else
// than Flux does.
var flagDefaults = map[string]string{
	// Two operators at once would fight over status.
	"enable-leader-election": "true",
	// A crash must not hold up a schedule for Flux's 35 s.
	"leader-election-lease-duration": "15s",
	"leader-election-renew-deadline": "10s",
	"leader-election-retry-period":   "2s",
	// Quota that comes free is found within batch/v1's minute, not within 15.
	"max-retry-delay": "1m",
}

func parseFlags(args []string, help io.Writer) (options, error) {
	var o options
	fs := pflag.NewFlagSet("stint-controller", pflag.ContinueOnError)
	fs.SetOutput(help)
	o.bind(fs)
	fs.Usage = func() {
		fmt.Fprintf(help, "Usage: stint-controller [flags]\n       stint-controller release [flags], to leave a cluster\n\n%s", fs.FlagUsages())
	}
	for name, value := range flagDefaults {
		f := fs.Lookup(name)
		f.DefValue = value
		if err := f.Value.Set(value); err != nil {
			return o, fmt.Errorf("default of --%s: %w", name, err)
		}
	}
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return o, o.validate()
}

func (o *options) bind(fs *pflag.FlagSet) {
	fs.BoolVar(&o.showVersion, "version", false, "Print the version and exit.")
	fs.StringVar(&o.metricsAddr, "metrics-addr", ":8443",
		"The address the metrics endpoint binds to; 0 turns it off.")
	fs.BoolVar(&o.metricsSecure, "metrics-secure", true,
		"Serve metrics over HTTPS, only to callers that the API server authenticates and allows to get /metrics.")
	fs.StringVar(&o.healthAddr, "health-addr", ":9440", "The address the health endpoint binds to.")
	fs.StringVar(&o.eventsAddr, "events-addr", "",
		"The address of Flux's notification-controller, to which events are posted; empty posts none.")
	fs.IntVar(&o.concurrent, "concurrent", 10, "The number of objects of each kind reconciled at the same time.")
	fs.Float32Var(&o.api.qps, "kube-api-qps", 50.0, "The maximum queries-per-second of requests sent to the Kubernetes API.")
	fs.IntVar(&o.api.burst, "kube-api-burst", 300, "The maximum burst of requests sent to the Kubernetes API at once.")
	fs.BoolVar(&o.hideTerminationMessages, "hide-termination-messages", false,
		"Keep what failed containers wrote as their termination message out of conditions and events.")

	fs.BoolVar(&o.noCrossNamespaceRefs, "no-cross-namespace-refs", true,
		"Refuse a spec.dependsOn that names a BatchJob of another namespace.")

	o.leaderElection.BindFlags(fs)
	o.logger.BindFlags(fs)
	o.retry.BindFlags(fs)
	o.watch.BindFlags(fs)
	// It comes with the options, but Stint watches no ConfigMap and no Secret.
	if err := fs.MarkHidden("watch-configs-label-selector"); err != nil {
		panic(err)
	}
	// controller-runtime registers --kubeconfig on the standard flag set.
	if f := flag.CommandLine.Lookup("kubeconfig"); f != nil {
		fs.AddGoFlag(f)
	}
}

// validate refuses what would otherwise be ignored or fail far from its cause.
func (o *options) validate() error {
	if o.concurrent < 1 {
		return fmt.Errorf("--concurrent is %d, it must be at least 1", o.concurrent)
	}
	if o.eventsAddr != "" {
		if _, err := report.NewNotifier(o.eventsAddr); err != nil {
			return fmt.Errorf("--events-addr: %w", err)
		}
	}
	if o.api.qps <= 0 || o.api.burst < 1 {
		return errors.New("--kube-api-qps and --kube-api-burst must be greater than 0")
	}
	if levels := []string{"trace", "debug", "info", "error"}; !slices.Contains(levels, o.logger.LogLevel) {
		return fmt.Errorf("--log-level is %q, it must be one of %v", o.logger.LogLevel, levels)
	}
	if encodings := []string{"json", "console"}; !slices.Contains(encodings, o.logger.LogEncoding) {
		return fmt.Errorf("--log-encoding is %q, it must be one of %v", o.logger.LogEncoding, encodings)
	}
	return validateSelector(o.watch)
}

// maxSelector is what status.shard may take.
const maxSelector = 1024

// validateSelector refuses a selector that is none, or that selects everything:
// whoever gives one means to have a shard.
func validateSelector(watch controller.WatchOptions) error {
	if watch.LabelSelector == "" {
		return nil
	}
	selector, err := controller.GetWatchSelector(watch)
	switch {
	case err != nil:
		return fmt.Errorf("--watch-label-selector: %w", err)
	case selector.Empty():
		return errors.New("--watch-label-selector selects everything; leave it out if there are no shards")
	case len(watch.LabelSelector) > maxSelector:
		return fmt.Errorf("--watch-label-selector has %d characters, more than %d", len(watch.LabelSelector), maxSelector)
	}
	return nil
}
