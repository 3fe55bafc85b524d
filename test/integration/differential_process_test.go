//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
	"github.com/stint-dev/stint/controllers/report"
)

// operator is ours for one job: a process, and after its end the next one. All
// processes of a test read one cache, made as cmd makes it; what a process
// remembers is its own, and it hears of every object anew when it starts.
type operator struct {
	caches *caches
	job    types.NamespacedName
	// gate is held during a reconcile: whoever holds it has the operator look
	// away.
	gate sync.Mutex
	// limit is after how many writes the first process dies; negative: never.
	limit  int32
	writes atomic.Int32
	// voice collects the reasons of events.
	voice *ear

	mu      sync.Mutex
	current *process
	stopped bool
}

// process is one life of the operator.
type process struct {
	// mortal is set on the first one, which writes no more than the limit.
	mortal     bool
	reconciler *batchjob.Reconciler
	queue      workqueue.TypedRateLimitingInterface[reconcile.Request]
	cancel     context.CancelFunc
	done       chan struct{}
	listening  []func()
}

// errCut is what a process that has been cut off gets for every request.
var errCut = errors.New("the operator was cut off")

func newOperator(ctx context.Context, c *caches, job types.NamespacedName, limit int32) (*operator, error) {
	o := &operator{caches: c, job: job, limit: limit, voice: &ear{}}
	return o, o.start(ctx)
}

// start begins a process. The first one fails at its limit of writes, and then
// the next one is started, which has none.
func (o *operator) start(ctx context.Context) error {
	config := rest.CopyConfig(config)
	mortal := o.current == nil
	if mortal {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &scissors{operator: o, next: next} })
	}
	live, err := client.New(config, client.Options{Scheme: scheme, Mapper: o.caches.mapper})
	if err != nil {
		return err
	}
	cached, err := client.New(config, client.Options{Scheme: scheme, Mapper: o.caches.mapper, Cache: &client.CacheOptions{Reader: o.caches.ours}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &process{
		mortal: mortal, cancel: cancel, done: make(chan struct{}),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()),
		reconciler: &batchjob.Reconciler{Client: cached, Live: live, Pods: &o.caches.pods, Clock: clock.RealClock{},
			Voice: &report.Voice{Recorder: o.voice}},
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		cancel()
		return nil
	}
	o.current = p
	if err := errors.Join(o.listen(ctx, p, &v1alpha1.BatchJob{}), o.listen(ctx, p, &corev1.Pod{})); err != nil {
		cancel()
		return err
	}
	context.AfterFunc(ctx, p.queue.ShutDown)
	go o.work(ctx, p)
	return nil
}

// listen has the process hear of all objects of a kind in the job's namespace.
func (o *operator) listen(ctx context.Context, p *process, kind client.Object) error {
	informer, err := o.caches.ours.GetInformer(ctx, kind)
	if err != nil {
		return err
	}
	saw := func(obj any, gone bool) {
		if last, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
			obj = last.Obj
		}
		object, ok := obj.(client.Object)
		if !ok || object.GetNamespace() != o.job.Namespace {
			return
		}
		key := client.ObjectKeyFromObject(object)
		if pod, ok := object.(*corev1.Pod); ok {
			key, _ = p.reconciler.SawPod(pod, gone)
		}
		if key == o.job {
			p.queue.Add(reconcile.Request{NamespacedName: key})
		}
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { saw(obj, false) },
		UpdateFunc: func(_, obj any) { saw(obj, false) },
		DeleteFunc: func(obj any) { saw(obj, true) },
	})
	if err == nil {
		p.listening = append(p.listening, func() { _ = informer.RemoveEventHandler(registration) })
	}
	return err
}

// work is the loop of the controller, until the process dies.
func (o *operator) work(ctx context.Context, p *process) {
	defer close(p.done)
	for {
		request, shutdown := p.queue.Get()
		if shutdown {
			return
		}
		o.gate.Lock()
		result, err := p.reconciler.Reconcile(ctx, request)
		p.after(request, result, err)
		o.gate.Unlock()
		if p.mortal && o.wasCut() {
			o.end(p)
			p.cancel()
			if err := o.start(context.WithoutCancel(ctx)); err != nil {
				panic(fmt.Sprintf("starting the operator again: %v", err))
			}
			return
		}
	}
}

func (p *process) after(request reconcile.Request, result ctrl.Result, err error) {
	p.queue.Done(request)
	switch {
	case err != nil:
		p.queue.AddRateLimited(request)
	case result.RequeueAfter > 0:
		p.queue.Forget(request)
		p.queue.AddAfter(request, result.RequeueAfter)
	default:
		p.queue.Forget(request)
	}
}

// end is that of a process: it hears of nothing more, and its last look at the
// job is over.
func (o *operator) end(p *process) {
	for _, stop := range p.listening {
		stop()
	}
	p.queue.ShutDown()
}

// stop ends the operator for good.
func (o *operator) stop() {
	o.mu.Lock()
	o.stopped = true
	p := o.current
	o.mu.Unlock()
	o.end(p)
	<-p.done
	p.cancel()
}

// wasCut tells that the first process has come to its end.
func (o *operator) wasCut() bool { return o.limit >= 0 && o.writes.Load() > o.limit }

// idle tells that the operator has nothing to do at the moment.
func (o *operator) idle() bool {
	if !o.gate.TryLock() {
		return false
	}
	defer o.gate.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.current.queue.Len() == 0
}

// scissors counts the writes of a process and cuts it off after the limit: a
// process that is dead reaches nobody, neither to write nor to read.
type scissors struct {
	operator *operator
	next     http.RoundTripper
}

func (s *scissors) RoundTrip(request *http.Request) (*http.Response, error) {
	o := s.operator
	if writes(request) {
		o.writes.Add(1)
	}
	if o.wasCut() {
		return nil, errCut
	}
	return s.next.RoundTrip(request)
}

func writes(request *http.Request) bool {
	return request.Method != http.MethodGet && !strings.Contains(request.URL.RawQuery, "dryRun=")
}

// ear is a recorder of events that remembers what kind they were.
type ear struct {
	mu    sync.Mutex
	heard map[string]struct{}
}

// Eventf implements report.Recorder.
func (e *ear) Eventf(_, _ runtime.Object, kind, reason, _, _ string, _ ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heard == nil {
		e.heard = map[string]struct{}{}
	}
	e.heard[kind+" "+reason] = struct{}{}
}

func (e *ear) reasons() map[string]struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]struct{}{}
	for k := range e.heard {
		out[k] = struct{}{}
	}
	return out
}

// caches are shared by everything in one test.
type caches struct {
	mapper meta.RESTMapper
	// ours is the operator's cache, eyes the test's own, which shows pods whole.
	ours, eyes cache.Cache
	pods       batchjob.PodCache // those of ours
	news       news
}

func newCaches(ctx context.Context) (*caches, error) {
	c := &caches{mapper: api.RESTMapper()}
	options := cache.Options{Scheme: scheme, Mapper: c.mapper}
	err := c.pods.AddTo(&options)
	if err != nil {
		return nil, err
	}
	if c.ours, err = cache.New(config, options); err != nil {
		return nil, err
	}
	if c.eyes, err = cache.New(config, cache.Options{Scheme: scheme, Mapper: c.mapper}); err != nil {
		return nil, err
	}
	if err := c.ours.IndexField(ctx, &corev1.Pod{}, batchjob.PodIndex, batchjob.IndexPod); err != nil {
		return nil, err
	}
	if err := c.eyes.IndexField(ctx, &corev1.Pod{}, appIndex, func(pod client.Object) []string {
		return []string{pod.GetLabels()[appLabel]}
	}); err != nil {
		return nil, err
	}
	for _, one := range []cache.Cache{c.ours, c.eyes} {
		go func() {
			if err := one.Start(ctx); err != nil {
				panic(err)
			}
		}()
		kinds := []client.Object{&corev1.Pod{}, &v1alpha1.BatchJob{}}
		if one == c.eyes {
			kinds = append(kinds, &batchv1.Job{})
		}
		for _, kind := range kinds {
			informer, err := one.GetInformer(ctx, kind)
			if err != nil {
				return nil, err
			}
			if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
				AddFunc: c.news.tell, UpdateFunc: func(_, obj any) { c.news.tell(obj) }, DeleteFunc: c.news.tell,
			}); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}
