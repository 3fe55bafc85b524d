//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
	"github.com/stint-dev/stint/controllers/cronbatchjob"
)

// timetable is a namespace in which the controller of CronBatchJobs works, in a
// manager, as cmd sets it up. The test is the author of the schedules, and ends
// their runs, as the controller of BatchJobs does.
type timetable struct {
	t         *testing.T
	namespace string
	stop      context.CancelFunc
	done      chan error
	// requests counts those of the controller, but for watches and events.
	requests atomic.Int32
}

func newTimetable(t *testing.T) *timetable {
	t.Helper()
	silence()
	w := &timetable{t: t, namespace: newNamespace(t)}
	w.open()
	t.Cleanup(w.clear)
	return w
}

// open starts an operator: a process that remembers nothing.
func (w *timetable) open() {
	w.t.Helper()
	own := rest.CopyConfig(config)
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return &counter{&w.requests, next} })
	objects := &batchjob.PodCache{}
	cached := cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}}
	if err := objects.AddTo(&cached); err != nil {
		w.t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(own, ctrl.Options{Scheme: scheme, Cache: cached, Metrics: metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0", Controller: ctrlconfig.Controller{SkipNameValidation: new(true)}})
	if err != nil {
		w.t.Fatalf("preparing the operator: %v", err)
	}
	if err := cronbatchjob.SetupWithManager(mgr, cronbatchjob.Options{Concurrent: 2, Jobs: objects.Jobs(),
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](20*time.Millisecond, time.Second)}); err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.done = stop, make(chan error, 1)
	go func() { w.done <- mgr.Start(ctx) }()
}

// shut stops the operator and waits for its end.
func (w *timetable) shut() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		w.t.Errorf("the operator: %v", err)
	}
}

// clear deletes everything while somebody is there to let go of it.
func (w *timetable) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	in := client.InNamespace(w.namespace)
	if err := errors.Join(api.DeleteAllOf(ctx, &v1alpha1.CronBatchJob{}, in), api.DeleteAllOf(ctx, &v1alpha1.BatchJob{}, in)); err != nil {
		w.t.Error(err)
	}
	for list := (&v1alpha1.BatchJobList{}); ; time.Sleep(20 * time.Millisecond) {
		if err := api.List(ctx, list, in); err != nil {
			w.t.Errorf("%d BatchJobs are still held: %v", len(list.Items), err)
			break
		}
		if len(list.Items) == 0 {
			break
		}
	}
	w.shut()
}

type counter struct {
	requests *atomic.Int32
	next     http.RoundTripper
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.RawQuery, "watch=") && !strings.Contains(r.URL.Path, "/events") {
		c.requests.Add(1)
	}
	return c.next.RoundTrip(r)
}

// plan creates a schedule: minimalCron with a patch for its spec.
func (w *timetable) plan(name, spec string) {
	w.t.Helper()
	object := manifest(w.t, minimalCron, indent("spec", spec))
	object.SetName(name)
	object.SetNamespace(w.namespace)
	if err := api.Create(w.t.Context(), object); err != nil {
		w.t.Fatalf("creating CronBatchJob %s: %v", name, err)
	}
}

// edit merges a patch into the schedule.
func (w *timetable) edit(name, patch string) {
	w.t.Helper()
	cron := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
	if err := api.Patch(w.t.Context(), cron, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		w.t.Fatalf("editing CronBatchJob %s: %v", name, err)
	}
}

// until waits for a schedule to be so.
func (w *timetable) until(name, what string, check func(*v1alpha1.CronBatchJob) error) *v1alpha1.CronBatchJob {
	w.t.Helper()
	cron := &v1alpha1.CronBatchJob{}
	eventually(w.t, soon, name+": "+what, func(ctx context.Context) error {
		cron = &v1alpha1.CronBatchJob{}
		if err := api.Get(ctx, types.NamespacedName{Namespace: w.namespace, Name: name}, cron); err != nil {
			return err
		}
		if cron.Status.ObservedGeneration != cron.Generation {
			return fmt.Errorf("generation %d has not been looked at", cron.Generation)
		}
		return check(cron)
	})
	return cron
}

// says waits for a condition, status/reason, with all these words in it.
func (w *timetable) says(name, condition, verdict string, words ...string) *v1alpha1.CronBatchJob {
	w.t.Helper()
	return w.until(name, condition+" "+verdict, func(cron *v1alpha1.CronBatchJob) error {
		c := meta.FindStatusCondition(cron.Status.Conditions, condition)
		if c == nil {
			return fmt.Errorf("there is none among %v", cron.Status.Conditions)
		}
		if got := string(c.Status) + "/" + c.Reason; got != verdict {
			return fmt.Errorf("it is %s: %s", got, c.Message)
		}
		for _, word := range words {
			if !strings.Contains(c.Message, word) {
				return fmt.Errorf("%q is not in: %s", word, c.Message)
			}
		}
		return nil
	})
}

// runs are those of a schedule, the oldest time first.
func (w *timetable) runs(ctx context.Context, name string) ([]v1alpha1.BatchJob, error) {
	list := &v1alpha1.BatchJobList{}
	err := api.List(ctx, list, client.InNamespace(w.namespace), client.MatchingLabels{v1alpha1.LabelCronBatchJob: name})
	return list.Items, err
}

// awaitRuns waits for so many unfinished runs.
func (w *timetable) awaitRuns(name string, n int) (open []v1alpha1.BatchJob) {
	w.t.Helper()
	eventually(w.t, soon, fmt.Sprintf("%s: %d runs", name, n), func(ctx context.Context) error {
		all, err := w.runs(ctx, name)
		open = nil
		for i := range all {
			if len(all[i].Status.Conditions) == 0 {
				open = append(open, all[i])
			}
		}
		if len(open) != n {
			return errors.Join(err, fmt.Errorf("there are %d of %d", len(open), len(all)))
		}
		return err
	})
	return open
}

// end ends a run: v1alpha1.ConditionComplete or ConditionFailed.
func (w *timetable) end(job *v1alpha1.BatchJob, condition string) {
	w.t.Helper()
	before, now := job.DeepCopy(), metav1.Now()
	job.Status.StartTime = &now
	if condition == v1alpha1.ConditionComplete {
		job.Status.CompletionTime = &now
	}
	job.Status.Conditions = []metav1.Condition{{Type: condition, Status: metav1.ConditionTrue, Reason: "Test", Message: "as the test wants", LastTransitionTime: now}}
	if err := api.Status().Patch(w.t.Context(), job, client.MergeFrom(before)); err != nil {
		w.t.Fatalf("ending BatchJob %s: %v", job.Name, err)
	}
}
