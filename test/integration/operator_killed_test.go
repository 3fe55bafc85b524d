//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const (
	manyPods    = 5000
	manyAtOnce  = 500
	manyKills   = 10
	manyKubelet = 24
	// failEvery: the last of so many pods fails, and another takes its place.
	failEvery = 50
	// manyWithin is for all of it, on a machine that does much else.
	manyWithin = 8 * time.Minute
)

// TestKilledTenTimes runs a job of 5,000 pods with the operator's own binary,
// which is killed ten times on the way: each time at once, in the middle of
// making pods or of counting them. The job without indexes is the hard one: what
// is counted stands nowhere but in numbers.
func TestKilledTenTimes(t *testing.T) {
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("needs the operator as a process of its own: KUBECONFIG has to name a cluster for it")
	}
	began := time.Now()
	crowd := newCrowd(t, newNamespace(t), manyPods, manyAtOnce)
	binary := buildOperator(t)
	crowd.create(t)
	for kill := 1; kill <= manyKills; kill++ {
		operator, share := startBinary(t, binary, crowd.namespace), kill*manyPods/(manyKills+1)
		crowd.await(t, operator, func(ctx context.Context) error {
			// Not every pod that is made is counted yet: half of those at once go
			// on top, or the operator would be killed before it did anything.
			job, err := crowd.job(ctx)
			if made := crowd.count(); err == nil && (kill%2 == 0 && made < share+manyAtOnce/2 || kill%2 == 1 && int(job.Status.Succeeded) < share) {
				err = fmt.Errorf("made are %d pods, counted %d successes and %d failures", made, job.Status.Succeeded, job.Status.Failed)
			}
			return err
		})
		operator.kill()
	}
	crowd.await(t, startBinary(t, binary, crowd.namespace), crowd.over)
	crowd.verdict(t)
	crowd.clear(t)
	fmt.Printf("killed: %d pods with %d at once, the operator killed %d times in between: exactly %d counted, and %d failures, %s\n",
		manyPods, manyAtOnce, manyKills, manyPods, crowd.failed, time.Since(began).Round(time.Second))
}

// buildOperator makes the binary that is shipped.
func buildOperator(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stint-controller")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "../../cmd").CombinedOutput(); err != nil {
		t.Fatalf("building the operator: %v\n%s", err, out)
	}
	return path
}

// crowd is the pods of one job, ended by a kubelet for all, and what can be seen
// of them from outside.
type crowd struct {
	namespace string
	// pods have to succeed, so many atOnce.
	pods, atOnce int

	cache cache.Cache
	born  chan *corev1.Pod

	mu sync.Mutex
	// active are the pods that have not ended; most is how many there were.
	active map[types.UID]struct{}
	most   int
	// made is how many pods were created, ended how many the kubelets ended and
	// failed how many of them badly.
	made, ended, failed int
	trouble             error
}

func newCrowd(t *testing.T, namespace string, want, atOnce int) *crowd {
	t.Helper()
	c := &crowd{namespace: namespace, pods: want, atOnce: atOnce, active: map[types.UID]struct{}{}, born: make(chan *corev1.Pod, 2*want)}
	eventually(t, time.Minute, "the service account", func(ctx context.Context) error {
		return api.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "default"}, &corev1.ServiceAccount{})
	})
	var err error
	if c.cache, err = cache.New(config, cache.Options{Scheme: scheme, DefaultNamespaces: map[string]cache.Config{namespace: {}}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait() })
	all.Go(func() { c.report(c.cache.Start(ctx)) })
	for _, kind := range []client.Object{&corev1.Pod{}, &v1alpha1.BatchJob{}} {
		if _, err := c.cache.GetInformer(ctx, kind); err != nil {
			t.Fatal(err)
		}
	}
	pods, err := c.cache.GetInformer(ctx, &corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pods.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { c.saw(obj.(*corev1.Pod), true) }, UpdateFunc: func(_, obj any) { c.saw(obj.(*corev1.Pod), false) },
	}); err != nil {
		t.Fatal(err)
	}
	for range manyKubelet {
		all.Go(func() { c.kubelet(ctx) })
	}
	return c
}

// create makes the job.
func (c *crowd) create(t *testing.T, patches ...string) {
	t.Helper()
	spec := fmt.Sprintf("completions: %d\nparallelism: %d\nbackoffLimit: 1000000\ntemplate: {spec: {schedulerName: nobody}}", c.pods, c.atOnce)
	job := manifest(t, minimalJob, append([]string{indent("spec", spec)}, patches...)...)
	job.SetNamespace(c.namespace)
	if err := api.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
}

func (c *crowd) report(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = errors.Join(c.trouble, err)
}

func (c *crowd) troubled() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble
}

func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}

func (c *crowd) saw(pod *corev1.Pod, created bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if created {
		c.made++
		c.active[pod.UID] = struct{}{}
		c.born <- pod
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		delete(c.active, pod.UID)
	}
	c.most = max(c.most, len(c.active))
}

// kubelet ends one pod after the other.
func (c *crowd) kubelet(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case pod := <-c.born:
			phase := corev1.PodSucceeded
			c.mu.Lock()
			if c.ended++; c.ended%failEvery == 0 {
				phase = corev1.PodFailed
				c.failed++
			}
			c.mu.Unlock()
			if err := endPod(ctx, pod, phase); err != nil && ctx.Err() == nil {
				c.report(fmt.Errorf("ending pod %s: %w", pod.Name, err))
			}
		}
	}
}

// endPod writes the status that a kubelet writes. The end was long ago, so that
// no back-off follows a failure.
func endPod(ctx context.Context, pod *corev1.Pod, phase corev1.PodPhase) error {
	code := 0
	if phase == corev1.PodFailed {
		code = 1
	}
	patch := fmt.Sprintf(`{"status":{"phase":%q,"containerStatuses":[{"name":"main","image":"busybox","imageID":"","ready":false,"restartCount":0,`+
		`"state":{"terminated":{"exitCode":%d,"finishedAt":"2020-01-01T00:00:00Z"}}}]}}`, phase, code)
	return api.Status().Patch(ctx, pod.DeepCopy(), client.RawPatch(types.StrategicMergePatchType, []byte(patch)))
}

func (c *crowd) job(ctx context.Context) (*v1alpha1.BatchJob, error) {
	job := &v1alpha1.BatchJob{}
	return job, c.cache.Get(ctx, types.NamespacedName{Namespace: c.namespace, Name: "job"}, job)
}

// over tells that the job has ended and holds no pod any more.
func (c *crowd) over(ctx context.Context) error {
	job, err := c.job(ctx)
	if err != nil {
		return err
	}
	if !job.IsFinished() {
		return fmt.Errorf("counted are %d successes and %d failures", job.Status.Succeeded, job.Status.Failed)
	}
	pods := &corev1.PodList{}
	if err := c.cache.List(ctx, pods, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range pods.Items {
		if len(pods.Items[i].Finalizers) > 0 {
			return fmt.Errorf("pod %s is still held", pods.Items[i].Name)
		}
	}
	return nil
}

// await calls check until it returns nil, while the operator lives.
func (c *crowd) await(t *testing.T, operator *binary, check func(context.Context) error) {
	t.Helper()
	eventually(t, manyWithin, "going on", func(ctx context.Context) error {
		if operator.ended() {
			t.Fatalf("the operator ended by itself:\n%s", operator.lastWords())
		}
		if err := c.troubled(); err != nil {
			t.Fatal(err)
		}
		return check(ctx)
	})
}

// verdict compares what was counted with what was done.
func (c *crowd) verdict(t *testing.T) {
	t.Helper()
	job := &v1alpha1.BatchJob{}
	if err := api.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: "job"}, job); err != nil {
		t.Fatal(err)
	}
	status := &job.Status
	if !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionComplete) {
		t.Errorf("it is not complete: %v", status.Conditions)
	}
	c.mu.Lock()
	failed, most := c.failed, c.most
	c.mu.Unlock()
	if int(status.Succeeded) != c.pods || int(status.Failed) != failed || status.Active != 0 || failed == 0 {
		t.Errorf("counted are %d successes, %d failures and %d active pods, want %d, %d and none", status.Succeeded, status.Failed, status.Active, c.pods, failed)
	}
	if most > c.atOnce {
		t.Errorf("%d pods were active at once, allowed are %d", most, c.atOnce)
	}
	pods := &corev1.PodList{}
	if err := api.List(t.Context(), pods, client.InNamespace(c.namespace)); err != nil {
		t.Fatal(err)
	}
	phases := map[corev1.PodPhase]int{}
	for i := range pods.Items {
		phases[pods.Items[i].Status.Phase]++
	}
	if phases[corev1.PodSucceeded] != c.pods || phases[corev1.PodFailed] != failed || len(pods.Items) != c.pods+failed {
		t.Errorf("the API server has %v, want %d Succeeded and %d Failed", phases, c.pods, failed)
	}
}

// clear removes the pods before their job goes: the garbage collector would ask
// for each of them, and everything else would wait behind that.
func (c *crowd) clear(t *testing.T) {
	t.Helper()
	eventually(t, manyWithin, "no pods", func(ctx context.Context) error {
		err := api.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(c.namespace), client.GracePeriodSeconds(0))
		pods := &corev1.PodList{}
		if err = errors.Join(err, api.List(ctx, pods, client.InNamespace(c.namespace), client.Limit(1))); err == nil && len(pods.Items) > 0 {
			err = errors.New("there are pods")
		}
		return err
	})
}

// binary is a process of the operator.
type binary struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// startBinary starts the operator for one namespace.
func startBinary(t *testing.T, path, namespace string, more ...string) *binary {
	t.Helper()
	b := &binary{log: filepath.Join(t.TempDir(), "log"), done: make(chan struct{})}
	log, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	args := append([]string{"--enable-leader-election=false", "--metrics-addr=0", "--health-addr=127.0.0.1:0",
		"--kube-api-qps=5000", "--kube-api-burst=5000", "--watch-all-namespaces=false"}, more...)
	b.cmd = exec.CommandContext(t.Context(), path, args...)
	b.cmd.Env = append(os.Environ(), "RUNTIME_NAMESPACE="+namespace)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = b.cmd.Wait() // it is always killed
		close(b.done)
	}()
	t.Cleanup(b.kill)
	return b
}

func (b *binary) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// kill is SIGKILL: the process has no last word. Again is no harm.
func (b *binary) kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

func (b *binary) lastWords() string {
	data, err := os.ReadFile(b.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
