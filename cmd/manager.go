package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/pprof"
	"github.com/fluxcd/pkg/runtime/probes"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
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
	pods, namespace := &batchjob.PodCache{}, os.Getenv(controller.EnvRuntimeNamespace)
	mgrOptions, err := managerOptions(o, namespace, pods)
	if err != nil {
		return err
	}
	server, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return err
	}
	if err := awaitCRDs(ctx, server, crdWait); err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(cfg, mgrOptions)
	if err != nil {
		return fmt.Errorf("cannot prepare the manager: %w", err)
	}
	probes.SetupChecks(mgr, mgr.GetLogger())
	if err := mgr.AddReadyzCheck("informers", informersSynced(mgr.GetCache())); err != nil {
		return err
	}
	if err := setupControllers(mgr, o, namespace, pods); err != nil {
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

func managerOptions(o options, namespace string, pods *batchjob.PodCache) (ctrl.Options, error) {
	scheme, err := newScheme()
	if err != nil {
		return ctrl.Options{}, err
	}
	cacheOptions, err := cacheOptions(o.watch, namespace, pods)
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

// awaitCRDs makes the commonest mistake of an installation one sentence; the
// manager would fail without them too, but in its own words.
func awaitCRDs(ctx context.Context, server discovery.ServerResourcesInterface, patience time.Duration) error {
	missing := missingCRDs(nil)
	err := wait.PollUntilContextTimeout(ctx, time.Second, patience, true, func(context.Context) (bool, error) {
		served, err := server.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
		if err != nil && !apierrors.IsNotFound(err) {
			return false, fmt.Errorf("the API server does not say what it serves: %w", err)
		}
		missing = missingCRDs(served)
		return len(missing) == 0, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("the API server does not know %s of %s: install the chart with crds.enabled=true, "+
			"or apply the manifests in config/crd", strings.Join(missing, " and "), v1alpha1.GroupVersion)
	}
	return err
}

// missingCRDs names our kinds that are not served; nil serves nothing.
func missingCRDs(served *metav1.APIResourceList) []string {
	missing := []string{v1alpha1.BatchJobKind, v1alpha1.CronBatchJobKind}
	if served == nil {
		return missing
	}
	for _, r := range served.APIResources {
		missing = slices.DeleteFunc(missing, func(kind string) bool { return r.Kind == kind })
	}
	return missing
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
