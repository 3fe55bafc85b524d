//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
)

// soon is how long anything may take in a workshop: it is mostly there in less
// than a second, the rest is for machines that have other things to do.
const soon = 60 * time.Second

// workshop is a few namespaces in which an operator of its own works: the
// controller of BatchJobs in a manager, as cmd sets it up. The test is the author
// of the manifests and the kubelet of the only node, and a witness watches.
type workshop struct {
	t *testing.T
	// namespace is the first one, node where all pods are.
	namespace, node string
	namespaces      []string
	options         batchjob.Options
	seen            *witness

	stop context.CancelFunc
	done chan error
	// writes counts those on BatchJobs and pods since the operator was opened.
	writes atomic.Int32
}

// silence keeps the log of the operators out of the output of the tests.
var silence = sync.OnceFunc(func() { ctrl.SetLogger(logr.Discard()) })

// newWorkshop opens one. The operator stops before the namespaces go.
func newWorkshop(t *testing.T, change ...func(*batchjob.Options)) *workshop {
	t.Helper()
	silence()
	w := &workshop{t: t, namespace: newNamespace(t)}
	w.namespaces = []string{w.namespace}
	w.options = batchjob.Options{Concurrent: 2,
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](20*time.Millisecond, time.Second)}
	for _, do := range change {
		do(&w.options)
	}
	w.startNode()
	w.seen = newWitness(t, w.namespace)
	w.open()
	t.Cleanup(func() {
		if w.stop != nil {
			w.shut()
		}
		w.seen.judge(t)
	})
	return w
}

// startNode makes the node: pods of a node that does not exist are collected.
func (w *workshop) startNode() {
	w.t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "workshop-"}}
	if err := api.Create(w.t.Context(), node); err != nil {
		w.t.Fatalf("making a node: %v", err)
	}
	w.node = node.Name
	w.t.Cleanup(func() {
		if err := api.Delete(context.Background(), node); err != nil {
			w.t.Error(err)
		}
	})
}

// open starts an operator: a process that remembers nothing.
func (w *workshop) open() {
	w.t.Helper()
	w.writes.Store(0)
	own := rest.CopyConfig(config)
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return &ledger{&w.writes, next} })
	pods := &batchjob.PodCache{}
	cached := cache.Options{DefaultNamespaces: map[string]cache.Config{}}
	for _, namespace := range w.namespaces {
		cached.DefaultNamespaces[namespace] = cache.Config{}
	}
	if err := pods.AddTo(&cached); err != nil {
		w.t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(own, ctrl.Options{Scheme: scheme, Cache: cached, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0", Controller: ctrlconfig.Controller{SkipNameValidation: new(true)}})
	if err != nil {
		w.t.Fatalf("preparing the operator: %v", err)
	}
	options := w.options
	options.Pods = pods
	if err := batchjob.SetupWithManager(mgr, options); err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.done = stop, make(chan error, 1)
	go func() { w.done <- mgr.Start(ctx) }()
}

// shut stops the operator and waits for its end.
func (w *workshop) shut() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		w.t.Errorf("the operator: %v", err)
	}
	w.stop = nil
}

// ledger counts the writes on BatchJobs and pods.
type ledger struct {
	writes *atomic.Int32
	next   http.RoundTripper
}

func (l *ledger) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	if r.Method != http.MethodGet && !strings.Contains(r.URL.RawQuery, "dryRun=") && (strings.Contains(path, "/batchjobs") || strings.Contains(path, "/pods")) {
		l.writes.Add(1)
	}
	return l.next.RoundTrip(r)
}

// author is the field manager of what git says.
const author = client.FieldOwner("git")

// baseJob is the manifest that others are made from; its pods are on the node.
const baseJob = minimalJob + `
      terminationGracePeriodSeconds: 1000
      tolerations:
      - operator: Exists
`

// apply sends a manifest as a GitOps tool does: what it does not say any more
// goes away. The patches are merged into baseJob.
func (w *workshop) apply(name string, patches ...string) *v1alpha1.BatchJob {
	w.t.Helper()
	job := manifest(w.t, baseJob, append([]string{"spec: {template: {spec: {nodeName: " + w.node + "}}}"}, patches...)...)
	job.SetName(name)
	if job.GetNamespace() == "" {
		job.SetNamespace(w.namespace)
	}
	if err := api.Apply(w.t.Context(), client.ApplyConfigurationFromUnstructured(job), author, client.ForceOwnership); err != nil {
		w.t.Fatalf("applying BatchJob %s: %v", name, err)
	}
	applied := &v1alpha1.BatchJob{}
	if err := api.Get(w.t.Context(), client.ObjectKeyFromObject(job), applied); err != nil {
		w.t.Fatal(err)
	}
	return applied
}

// image is a patch for apply: the container's image.
func withImage(image string) string {
	return "spec: {template: {spec: {containers: [{name: main, image: " + image + "}]}}}"
}

// edit merges a patch into a job as somebody with kubectl does.
func (w *workshop) edit(name, patch string) {
	w.t.Helper()
	json, err := yaml.YAMLToJSON([]byte(patch))
	if err != nil {
		w.t.Fatal(err)
	}
	job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
	if err := api.Patch(w.t.Context(), job, client.RawPatch(types.MergePatchType, json), client.FieldOwner("kubectl-edit")); err != nil {
		w.t.Fatalf("editing BatchJob %s: %v", name, err)
	}
}

// job is as the API server has it.
func (w *workshop) job(name string) *v1alpha1.BatchJob {
	w.t.Helper()
	job := &v1alpha1.BatchJob{}
	if err := api.Get(w.t.Context(), types.NamespacedName{Namespace: w.namespace, Name: name}, job); err != nil {
		w.t.Fatal(err)
	}
	return job
}

// until waits for a job to be so, with a status that speaks of its generation.
func (w *workshop) until(name, what string, check func(*v1alpha1.BatchJob) error) *v1alpha1.BatchJob {
	w.t.Helper()
	job := &v1alpha1.BatchJob{}
	eventually(w.t, soon, name+": "+what, func(ctx context.Context) error {
		job = &v1alpha1.BatchJob{}
		if err := api.Get(ctx, types.NamespacedName{Namespace: w.namespace, Name: name}, job); err != nil {
			return err
		}
		if job.Status.ObservedGeneration != job.Generation {
			return fmt.Errorf("generation %d has not been looked at", job.Generation)
		}
		return check(job)
	})
	return job
}

// says waits for a condition with all these words in it: status/reason.
func (w *workshop) says(name, condition, verdict string, words ...string) *v1alpha1.BatchJob {
	w.t.Helper()
	return w.until(name, condition+" "+verdict, func(job *v1alpha1.BatchJob) error {
		c := meta.FindStatusCondition(job.Status.Conditions, condition)
		if c == nil {
			return fmt.Errorf("there is none among %v", job.Status.Conditions)
		}
		if got := string(c.Status) + "/" + c.Reason; got != verdict {
			return fmt.Errorf("it is %s: %s", got, c.Message)
		}
		if c.ObservedGeneration != job.Generation {
			return fmt.Errorf("it is of generation %d", c.ObservedGeneration)
		}
		for _, word := range words {
			if !strings.Contains(c.Message, word) {
				return fmt.Errorf("%q is not in: %s", word, c.Message)
			}
		}
		return nil
	})
}

// runs waits until the job is in a run with so many active pods, all of it.
func (w *workshop) runs(name string, run int64, active int) *v1alpha1.BatchJob {
	w.t.Helper()
	return w.until(name, fmt.Sprintf("run %d with %d pods", run, active), func(job *v1alpha1.BatchJob) error {
		if job.GetRun() != run || int(job.Status.Active) != active {
			return fmt.Errorf("run %d, %d active, %s: %s", job.GetRun(), job.Status.Active, job.Status.Phase, ready(job))
		}
		if n := len(w.pods(name, func(p *corev1.Pod) bool { return alive(p) && runOf(p) == fmt.Sprint(run) })); n != active {
			return fmt.Errorf("there are %d active pods", n)
		}
		return nil
	})
}

// ends waits until the run has its verdict, and no pod is held by us.
func (w *workshop) ends(name string, run int64, phase v1alpha1.Phase) *v1alpha1.BatchJob {
	w.t.Helper()
	return w.until(name, fmt.Sprintf("run %d %s", run, phase), func(job *v1alpha1.BatchJob) error {
		if job.GetRun() != run || job.Status.Phase != phase {
			return fmt.Errorf("run %d, %s: %s", job.GetRun(), job.Status.Phase, ready(job))
		}
		if held := w.pods(name, func(p *corev1.Pod) bool { return len(p.Finalizers) > 0 }); len(held) > 0 {
			return fmt.Errorf("pod %s is held", held[0].Name)
		}
		return nil
	})
}

func ready(job *v1alpha1.BatchJob) string {
	if c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return fmt.Sprintf("Ready=%s/%s: %s", c.Status, c.Reason, c.Message)
	}
	return "not Ready"
}

// stays looks for a while that a job does not change: the operator has nothing
// to do. It compares versions, so that no write goes unnoticed.
func (w *workshop) stays(name string) {
	w.t.Helper()
	before := w.settled(name)
	time.Sleep(300 * time.Millisecond)
	if now := w.job(name); now.ResourceVersion != before.ResourceVersion {
		w.t.Errorf("BatchJob %s changed, from\n%+v\nto\n%+v", name, before.Status, now.Status)
	}
}

// settled waits until a job has not been written for a moment.
func (w *workshop) settled(name string) *v1alpha1.BatchJob {
	w.t.Helper()
	last, since := "", time.Now()
	return w.until(name, "settled", func(job *v1alpha1.BatchJob) error {
		if job.ResourceVersion != last {
			last, since = job.ResourceVersion, time.Now()
		}
		if quiet := time.Since(since); quiet < 200*time.Millisecond {
			return fmt.Errorf("it was written %s ago", quiet)
		}
		return nil
	})
}
