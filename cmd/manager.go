package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/pprof"
	"github.com/fluxcd/pkg/runtime/probes"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// The metrics endpoint asks the API server who a caller is and what it may do.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

const (
	controllerName = "stint-controller"

	// crdWait bridges the moment between the API server accepting our CRDs and
	// serving them, when chart and operator are installed in one go.
	crdWait = 20 * time.Second

	// reconcileTimeout ends a reconcile that hangs on the API server, so that
	// it cannot hold its worker for ever. A reconcile may end anywhere.
	reconcileTimeout = 2 * time.Minute

	// drainTimeout is less than the pod's grace period, so that the lease is
	// given away before the kill.
	drainTimeout = 15 * time.Second
)

// start runs the operator until ctx ends or it cannot go on.
func start(ctx context.Context, o options) error {
	cfg, err := restConfig(o.api)
	if err != nil {
		return err
	}
	mgrOptions, err := managerOptions(o, os.Getenv(controller.EnvRuntimeNamespace))
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(cfg, mgrOptions)
	if err != nil {
		return fmt.Errorf("cannot prepare the manager: %w", err)
	}
	if err := awaitCRDs(ctx, mgr.GetRESTMapper(), crdWait); err != nil {
		return err
	}
	probes.SetupChecks(mgr, mgr.GetLogger())
	if err := mgr.AddReadyzCheck("informers", informersSynced(mgr.GetCache())); err != nil {
		return err
	}
	if err := setupControllers(mgr, o); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func restConfig(limits apiLimits) (*rest.Config, error) {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("no Kubernetes API server is known: run in a pod, or give --kubeconfig or KUBECONFIG: %w", err)
	}
	cfg.QPS, cfg.Burst = limits.qps, limits.burst
	cfg.UserAgent = controllerName + "/" + version
	return cfg, nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

func managerOptions(o options, namespace string) (ctrl.Options, error) {
	scheme, err := newScheme()
	if err != nil {
		return ctrl.Options{}, err
	}
	cacheOptions, err := cacheOptions(o.watch, namespace)
	if err != nil {
		return ctrl.Options{}, err
	}
	drain, recoverPanic := drainTimeout, true
	return ctrl.Options{
		Scheme:                  scheme,
		Logger:                  ctrl.Log,
		Cache:                   cacheOptions,
		Metrics:                 metricsOptions(o),
		HealthProbeBindAddress:  o.healthAddr,
		GracefulShutdownTimeout: &drain,

		LeaderElection:                o.leaderElection.Enable,
		LeaderElectionReleaseOnCancel: o.leaderElection.ReleaseOnCancel,
		LeaderElectionID:              leaseName(o.watch),
		LeaderElectionNamespace:       namespace,
		LeaseDuration:                 &o.leaderElection.LeaseDuration,
		RenewDeadline:                 &o.leaderElection.RenewDeadline,
		RetryPeriod:                   &o.leaderElection.RetryPeriod,

		Controller: config.Controller{
			MaxConcurrentReconciles: o.concurrent,
			ReconciliationTimeout:   reconcileTimeout,
			RecoverPanic:            &recoverPanic,
		},
	}, nil
}

// leaseName gives each shard a lease of its own.
func leaseName(watch controller.WatchOptions) string {
	if watch.LabelSelector == "" {
		return controllerName
	}
	return leaderelection.GenerateID(controllerName, watch.LabelSelector)
}

// metricsOptions puts the profiles beside the metrics, behind the same guard.
func metricsOptions(o options) metricsserver.Options {
	m := metricsserver.Options{BindAddress: o.metricsAddr, SecureServing: o.metricsSecure}
	if !o.metricsSecure {
		return m
	}
	m.ExtraHandlers = pprof.GetHandlers()
	m.FilterProvider = filters.WithAuthenticationAndAuthorization
	// HTTP/2 lets one client open streams without end; scraping has no need of it.
	m.TLSOpts = []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }}
	return m
}

// awaitCRDs makes the commonest mistake of an installation one sentence,
// where the informers would only report it again and again.
func awaitCRDs(ctx context.Context, mapper meta.RESTMapper, patience time.Duration) error {
	var missing error
	err := wait.PollUntilContextTimeout(ctx, time.Second, patience, true, func(context.Context) (bool, error) {
		missing = nil
		for _, kind := range []string{"BatchJob", "CronBatchJob"} {
			gk := v1alpha1.GroupVersion.WithKind(kind).GroupKind()
			switch _, err := mapper.RESTMapping(gk, v1alpha1.GroupVersion.Version); {
			case meta.IsNoMatchError(err):
				missing = fmt.Errorf("the API server does not know %s %s: "+
					"install the chart with crds.enabled=true, or apply the manifests in config/crd",
					v1alpha1.GroupVersion, kind)
			case err != nil:
				return false, fmt.Errorf("cannot ask the API server for its resources: %w", err)
			}
		}
		return missing == nil, nil
	})
	if wait.Interrupted(err) && missing != nil {
		return missing
	}
	return err
}

// informersSynced keeps the pod unready, and so `helm --wait` waiting, while a
// list that the operator needs is refused.
func informersSynced(c cache.Cache) func(*http.Request) error {
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), 500*time.Millisecond)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("the informers have not listed everything yet")
		}
		return nil
	}
}
