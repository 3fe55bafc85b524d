//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// step is one thing that a user or a kubelet does to a job, or what is waited
// for before the next one. Nothing is said of how long anything takes.
type step struct {
	name string
	// prepare chooses what it is about, waiting for that if need be; do acts.
	prepare func(context.Context, *side) (do func(context.Context) error, err error)
	// looks compares the two sides when it is over.
	looks bool
	// differs names the deliberate difference that the step is about.
	differs string
}

func (one step) do(ctx context.Context, s *side) error {
	do, err := one.prepare(ctx, s)
	if err != nil {
		return err
	}
	return do(ctx)
}

// doing is a step that needs no preparation.
func doing(name string, do func(context.Context, *side) error) step {
	return step{name: name, prepare: func(_ context.Context, s *side) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return do(ctx, s) }, nil
	}}
}

// waitFor is a step that waits until check has nothing to say.
func waitFor(name string, check func(job *batchv1.Job, pods []*corev1.Pod) error) step {
	return doing(name, func(ctx context.Context, s *side) error {
		return s.await(ctx, func() error {
			job, err := s.job(ctx)
			if err != nil {
				return err
			}
			pods, err := s.pods(ctx)
			if err != nil {
				return err
			}
			if job == nil {
				return errors.New("the job is gone")
			}
			return check(job, pods)
		})
	})
}

func count(pods []*corev1.Pod, sort which) int {
	n := 0
	for _, p := range pods {
		if sort(p) {
			n++
		}
	}
	return n
}

// active waits for n active pods, in the world and in the status.
func active(n int) step {
	return waitFor(fmt.Sprintf("%d pods are active", n), func(job *batchv1.Job, pods []*corev1.Pod) error {
		if got := count(pods, isActive); got != n || int(job.Status.Active) != n {
			return fmt.Errorf("active are %d, and %d in the status; conditions %v", got, job.Status.Active, job.Status.Conditions)
		}
		return nil
	})
}

// terminating waits for n pods that are being deleted and have not ended.
func terminating(n int) step {
	return waitFor(fmt.Sprintf("%d pods are terminating", n), func(job *batchv1.Job, pods []*corev1.Pod) error {
		status := 0
		if job.Status.Terminating != nil {
			status = int(*job.Status.Terminating)
		}
		if got := count(pods, isTerminating); got != n || status != n {
			return fmt.Errorf("terminating are %d, and %d in the status", got, status)
		}
		return nil
	})
}

// counted waits until so many ends are counted, and the pods let go.
func counted(succeeded, failed int) step {
	return waitFor(fmt.Sprintf("%d successes and %d failures are counted", succeeded, failed), func(job *batchv1.Job, _ []*corev1.Pod) error {
		if int(job.Status.Succeeded) != succeeded || int(job.Status.Failed) != failed || uncounted(job) > 0 {
			return fmt.Errorf("counted are %d and %d, %d yet to be", job.Status.Succeeded, job.Status.Failed, uncounted(job))
		}
		return nil
	})
}

func uncounted(job *batchv1.Job) int {
	u := job.Status.UncountedTerminatedPods
	if u == nil {
		return 0
	}
	return len(u.Succeeded) + len(u.Failed)
}

// becomes waits for a condition to be True, and for a terminal one also until no
// pod that is left is held.
func becomes(condition batchv1.JobConditionType) step {
	return waitFor("it becomes "+string(condition), func(job *batchv1.Job, pods []*corev1.Pod) error {
		terminal := condition == batchv1.JobComplete || condition == batchv1.JobFailed
		for _, p := range pods {
			if terminal && hasEnded(p) && len(p.Finalizers) > 0 {
				return fmt.Errorf("pod %s is still held", p.Name)
			}
		}
		return wantCondition(job, condition, corev1.ConditionTrue)
	})
}

// resumed waits until a suspended job is not suspended any more.
func resumed() step {
	return waitFor("it is resumed", func(job *batchv1.Job, _ []*corev1.Pod) error {
		return wantCondition(job, batchv1.JobSuspended, corev1.ConditionFalse)
	})
}

func wantCondition(job *batchv1.Job, condition batchv1.JobConditionType, status corev1.ConditionStatus) error {
	for _, c := range job.Status.Conditions {
		if c.Type == condition && c.Status == status {
			return nil
		}
	}
	return fmt.Errorf("no condition %s=%s among %v; active %d, succeeded %d, failed %d", condition, status,
		job.Status.Conditions, job.Status.Active, job.Status.Succeeded, job.Status.Failed)
}

// gone waits until the job is deleted, and so many pods are left.
func gone(pods int) step {
	return doing("it is gone", func(ctx context.Context, s *side) error {
		return s.await(ctx, func() error {
			job, err := s.job(ctx)
			if err != nil {
				return err
			}
			left, err := s.pods(ctx)
			if err != nil {
				return err
			}
			if job != nil || len(left) != pods {
				return fmt.Errorf("the job is gone: %t, left are %d pods", job == nil, len(left))
			}
			for _, p := range left {
				if len(p.Finalizers)+len(p.OwnerReferences) > 0 {
					return fmt.Errorf("pod %s has finalizers %v and owners %v", p.Name, p.Finalizers, p.OwnerReferences)
				}
			}
			return nil
		})
	})
}

// look compares the two sides in the middle of a scenario; at the end they are
// compared anyway. Both controllers take their time to say that pods are ready:
// it waits for that, or it could compare what neither has said yet.
func look() step {
	one := doing("look", func(ctx context.Context, s *side) error {
		return s.await(ctx, func() error {
			job, err := s.job(ctx)
			if err != nil || job == nil || job.DeletionTimestamp != nil {
				return err
			}
			pods, err := s.pods(ctx)
			if got := count(pods, func(p *corev1.Pod) bool { return isReady(p, job) }); err == nil && got != int(ptr.Deref(job.Status.Ready, 0)) {
				err = fmt.Errorf("ready are %d pods, and %d in the status", got, ptr.Deref(job.Status.Ready, 0))
			}
			return err
		})
	})
	one.looks = true
	return one
}

// isReady tells whether it is an active pod of the job that is ready.
func isReady(p *corev1.Pod, job *batchv1.Job) bool {
	return isActive(p) && metav1.IsControlledBy(p, job) && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// edit merges a patch into the job, as a user does.
func edit(patch string) step {
	return doing("edit "+patch, func(ctx context.Context, s *side) error {
		data, err := yaml.YAMLToJSON([]byte(patch))
		if err != nil {
			return err
		}
		job := s.object()
		if err := api.Patch(ctx, job, client.RawPatch(types.MergePatchType, data)); err != nil {
			return err
		}
		return s.seen(ctx, job, false)
	})
}

// remove deletes the job.
func remove(propagation metav1.DeletionPropagation) step {
	return doing("delete the job, "+string(propagation), func(ctx context.Context, s *side) error {
		if propagation == "" {
			return api.Delete(ctx, s.object())
		}
		return api.Delete(ctx, s.object(), client.PropagationPolicy(propagation))
	})
}

// deletePods deletes active pods as a user does. They go on until they are
// terminated, those without a node are gone.
func deletePods(pods ...int) step { return eachPod("delete", isActive, pods, deletePod) }

func deletePod(ctx context.Context, s *side, pod *corev1.Pod) error {
	if err := api.Delete(ctx, pod); err != nil {
		return err
	}
	return s.await(ctx, func() error {
		for _, reader := range []client.Reader{s.caches.eyes, s.caches.ours} {
			now := &corev1.Pod{}
			err := reader.Get(ctx, client.ObjectKeyFromObject(pod), now)
			if err == nil && (now.DeletionTimestamp == nil || goes(now)) {
				return errors.New("the cache does not show the deletion")
			}
			if err = client.IgnoreNotFound(err); err != nil {
				return err
			}
		}
		return nil
	})
}

// goes tells that nothing holds a pod any more that is shown as it was a moment
// before it went.
func goes(p *corev1.Pod) bool {
	return p.DeletionTimestamp != nil && ptr.Deref(p.DeletionGracePeriodSeconds, 1) == 0 && len(p.Finalizers) == 0
}

// podsAre waits for n pods of a sort, whatever the status says.
func podsAre(name string, sort which, n int) step {
	return doing(fmt.Sprintf("%d pods are %s", n, name), func(ctx context.Context, s *side) error {
		return s.await(ctx, func() error {
			pods, err := s.pods(ctx)
			if got := count(pods, sort); err == nil && got != n {
				return fmt.Errorf("they are %d of %d", got, len(pods))
			}
			return err
		})
	})
}

// evict asks the API to evict active pods, as kubectl drain does.
func evict(pods ...int) step {
	return eachPod("evict", isActive, pods, func(ctx context.Context, _ *side, pod *corev1.Pod) error {
		return api.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
	})
}

// terminated ends pods that are being deleted, as a kubelet does after SIGTERM:
// their containers exit with the code, and the objects go when nothing holds
// them.
func terminated(code int32, pods ...int) step {
	return eachPod(fmt.Sprintf("terminated with %d", code), isTerminating, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		phase := corev1.PodFailed
		if code == 0 {
			phase = corev1.PodSucceeded
		}
		return s.end(ctx, pod, ends(phase, exit{code: code}))
	})
}

// endedAgo does, and says that they ended so long ago.
func endedAgo(before time.Duration, n int) step {
	return endAll(n, exit{code: 143, later: -before})
}

func endAll(n int, how exit) step {
	return doing(fmt.Sprintf("all %d are terminated", n), func(ctx context.Context, s *side) error {
		var doomed []*corev1.Pod
		err := s.await(ctx, func() (err error) {
			doomed, err = s.pods(ctx)
			doomed = slices.DeleteFunc(doomed, func(p *corev1.Pod) bool { return !isTerminating(p) })
			if err == nil && len(doomed) != n {
				err = fmt.Errorf("terminating are %d", len(doomed))
			}
			return err
		})
		for _, pod := range doomed {
			err = errors.Join(err, s.end(ctx, pod.DeepCopy(), ends(corev1.PodFailed, how)))
		}
		return err
	})
}

// together does the steps while our operator looks away, so that it sees all of
// their effects at once. The built-in controller mostly does, as it waits a
// second for company; where it does not, the end is the same, as failures come
// first and what must not be replaced in between has failed just now.
func together(all ...step) step {
	return step{name: "together: " + names(all), prepare: func(ctx context.Context, s *side) (func(context.Context) error, error) {
		var acts []func(context.Context) error
		for _, one := range all {
			act, err := one.prepare(ctx, s)
			if err != nil {
				return nil, err
			}
			acts = append(acts, act)
		}
		return func(ctx context.Context) error {
			if s.operator != nil {
				s.operator.gate.Lock()
				defer s.operator.gate.Unlock()
			}
			for _, act := range acts {
				if err := act(ctx); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}}
}

// differently has each side do what it does by a deliberate difference.
func differently(difference string, builtin, ours step) step {
	one := doing(builtin.name+"; ours: "+ours.name, func(ctx context.Context, s *side) error {
		if s.ours() {
			return ours.do(ctx, s)
		}
		return builtin.do(ctx, s)
	})
	one.differs = difference
	return one
}

// all makes one step of several.
func all(parts ...step) step {
	return doing(names(parts), func(ctx context.Context, s *side) error {
		for _, one := range parts {
			if err := one.do(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
		return nil
	})
}

func names(steps []step) string {
	var list []string
	for _, one := range steps {
		list = append(list, one.name)
	}
	return strings.Join(list, ", ")
}

// eachPod acts on pods that are all chosen before the first is touched.
func eachPod(name string, sort which, pods []int, do func(context.Context, *side, *corev1.Pod) error) step {
	return step{name: fmt.Sprintf("%s %v", name, pods), prepare: func(ctx context.Context, s *side) (func(context.Context) error, error) {
		chosen := make([]*corev1.Pod, len(pods))
		for n, i := range pods {
			pod, err := s.pod(ctx, sort, i)
			if err != nil {
				return nil, err
			}
			chosen[n] = pod
		}
		return func(ctx context.Context) error {
			for _, pod := range chosen {
				if err := do(ctx, s, pod); err != nil && !apierrors.IsNotFound(err) {
					return fmt.Errorf("pod %s: %w", pod.Name, err)
				}
			}
			return nil
		}, nil
	}}
}
