package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// scenario is a history without chance: the i-th pod that is created meets the
// i-th fate, and the user acts when a condition holds.
type scenario struct {
	name string
	spec func(*v1alpha1.BatchJobSpec)
	// fates: S succeeds, F fails, R restarts once and succeeds, E is evicted, D
	// is deleted by the user as soon as it runs. Pods beyond them succeed.
	fates string
	// when and then: what the user does, once.
	when func(*World) bool
	then func(*World, *v1alpha1.BatchJob)
	// want is how it ends, however often somebody crashes on the way.
	want string
}

func counts(parallelism, completions, limit *int32) func(*v1alpha1.BatchJobSpec) {
	return func(s *v1alpha1.BatchJobSpec) {
		s.Parallelism, s.Completions, s.BackoffLimit = parallelism, completions, limit
	}
}

func activePods(n int) func(*World) bool {
	return func(w *World) bool {
		found := 0
		for _, p := range w.Store.Pods() {
			if activePod(p) && p.Status.Phase == corev1.PodRunning {
				found++
			}
		}
		return found >= n
	}
}

func scaleTo(n int32) func(*World, *v1alpha1.BatchJob) {
	return func(w *World, j *v1alpha1.BatchJob) {
		w.User.Edit(j, func(s *v1alpha1.BatchJobSpec) { s.Parallelism = &n })
	}
}

func deleteBy(policy metav1.DeletionPropagation) func(*World, *v1alpha1.BatchJob) {
	return func(w *World, j *v1alpha1.BatchJob) { w.User.DeleteJob(j, policy) }
}

func complete(succeeded, failed int) string {
	return fmt.Sprintf("succeeded %d, failed %d, SuccessCriteriaMet/CompletionsReached, Complete/CompletionsReached", succeeded, failed)
}

func failed(succeeded, failed int) string {
	return fmt.Sprintf("succeeded %d, failed %d, FailureTarget/BackoffLimitExceeded, Failed/BackoffLimitExceeded", succeeded, failed)
}

func onFailure(s *v1alpha1.BatchJobSpec) {
	s.Parallelism, s.Completions, s.BackoffLimit = new(int32(2)), new(int32(2)), new(int32(1))
	s.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
}

func onlyFailed(s *v1alpha1.BatchJobSpec) {
	policy := v1alpha1.Failed
	s.Parallelism, s.Completions, s.PodReplacementPolicy = new(int32(2)), new(int32(2)), &policy
}

var scenarios = []scenario{
	{name: "one pod", spec: counts(nil, nil, nil), want: complete(1, 0)},
	{name: "one pod, second try", spec: counts(nil, nil, nil), fates: "FS", want: complete(1, 1)},
	{name: "no try left", spec: counts(nil, nil, new(int32(1))), fates: "FF", want: failed(0, 2)},
	{name: "three of five", spec: counts(new(int32(3)), new(int32(5)), nil), fates: "SFSSES", want: complete(5, 2)},
	{name: "failure stops the others", spec: counts(new(int32(3)), new(int32(3)), new(int32(0))), fates: "FDD", want: failed(0, 3)},
	{name: "a work queue", spec: counts(new(int32(3)), nil, nil), fates: "SSS", want: complete(3, 0)},
	{name: "restarts reach the limit", spec: onFailure, fates: "RR", want: failed(0, 2)},
	{name: "a pod deleted by hand", spec: counts(new(int32(2)), new(int32(2)), nil), fates: "DS", want: complete(2, 1)},
	{name: "a pod deleted by hand, replaced only when it has ended", spec: onlyFailed, fates: "DS", want: complete(2, 1)},
	{name: "scaled down", spec: counts(new(int32(4)), new(int32(4)), nil), fates: "....", when: activePods(4), then: scaleTo(1), want: complete(4, 0)},
	{name: "paused", spec: counts(new(int32(3)), new(int32(3)), nil), fates: "...", when: activePods(3), then: scaleTo(0), want: "succeeded 0, failed 0"},
	{name: "nothing to do", spec: counts(new(int32(2)), new(int32(0)), nil), want: complete(0, 0)},
	{name: "deleted in the background", spec: counts(new(int32(3)), new(int32(3)), nil), fates: "...", when: activePods(3), then: deleteBy(metav1.DeletePropagationBackground), want: "gone"},
	{name: "deleted in the foreground", spec: counts(new(int32(3)), new(int32(3)), nil), fates: "...", when: activePods(3), then: deleteBy(metav1.DeletePropagationForeground), want: "gone"},
	{name: "deleted, its pods orphaned", spec: counts(new(int32(3)), new(int32(3)), nil), fates: "...", when: activePods(3), then: deleteBy(metav1.DeletePropagationOrphan), want: "gone"},
}

// nth is the weather in which one write, the n-th, meets a fault.
type nth struct {
	calm
	n     int
	fault Fault
}

func (f *nth) Write(Op) (Fault, int) {
	f.n--
	if f.n == 0 {
		return f.fault, 2
	}
	return Fine, 0
}

// TestCrashAtEveryWrite cuts each scenario off before and after its n-th
// write, for every n, and loses the answer or the request of it. A new process
// goes on, once with current lists and once with those of the beginning of the
// world. The end is always the same.
func TestCrashAtEveryWrite(t *testing.T) {
	runs := 0
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			if got, w := sc.play(&nth{}, false); got != sc.want {
				t.Fatalf("undisturbed: %s, want %s\n%s", got, sc.want, w.Story)
			}
			for _, fault := range []Fault{CrashBefore, CrashAfter, LostRequest, LostAnswer, Refused} {
				for n := 1; ; n++ {
					weather := &nth{n: n, fault: fault}
					got, w := sc.play(weather, n%2 == 0)
					runs++
					if got != sc.want {
						t.Fatalf("%v at write %d: %s, want %s\n%s", fault, n, got, sc.want, w.Story)
					}
					if weather.n > 0 {
						break
					}
				}
			}
		})
	}
	t.Logf("world: %d scenarios, %d runs", len(scenarios), runs)
}

// retries come within this time; the operator has it before pods move on, so
// that a fault changes nothing but the operator's way.
const retries = 6 * time.Second

// play plays a scenario to its end.
func (sc *scenario) play(weather Weather, oldLists bool) (end string, w *World) {
	w = New(stint)
	w.Nodes.rng = rand.New(rand.NewPCG(1, 1)) // it decides nothing here
	w.Weather = weather
	defer func() {
		if v, ok := recover().(violation); ok {
			end = v.text
		}
	}()
	j := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "job"}}
	j.Spec.Template.Spec = corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "busybox"}}}
	sc.spec(&j.Spec)
	j = w.User.Create(j)
	acted := false
	for step := 0; ; step++ {
		if step > maxSettling {
			w.fail("it goes on for ever")
		}
		if !acted && sc.when != nil && sc.when(w) {
			acted = true
			sc.then(w, w.Truth.jobs[j.UID].now)
		}
		if w.live() == nil && oldLists {
			w.start(0, 0).workAll()
		}
		if !w.quietStep() && !w.passTime(retries) && !sc.fate(w, acted) && !w.passTime(time.Hour) {
			break
		}
	}
	w.judge()
	return w.ending(j), w
}

// fate moves one pod on.
func (sc *scenario) fate(w *World, acted bool) bool {
	for i, p := range w.Truth.order {
		if p.gone || podEnded(p.now) && p.now.DeletionTimestamp == nil || podEnded(p.now) && *p.now.DeletionGracePeriodSeconds == 0 {
			continue
		}
		fate := byte('S')
		if i < len(sc.fates) {
			fate = sc.fates[i]
		}
		if fate == '.' && !acted && p.now.Status.Phase == corev1.PodRunning {
			continue
		}
		w.Nodes.meet(p.now, fate, w.User)
		return true
	}
	return false
}

func (n *Nodes) meet(p *corev1.Pod, fate byte, u *User) {
	switch {
	case podEnded(p):
		n.removeNow(p)
	case p.DeletionTimestamp != nil:
		n.set(p, "is killed", func(p *corev1.Pod) { n.end(p, corev1.PodFailed, 143) })
	case p.Spec.NodeName == "":
		n.bind(p)
	case p.Status.Phase == corev1.PodPending:
		n.set(p, "runs", running)
	case fate == 'F':
		n.set(p, "fails", func(p *corev1.Pod) { n.end(p, corev1.PodFailed, 1) })
	case fate == 'R' && podRestarts(p) == 0:
		n.set(p, "restarts", n.restart)
	case fate == 'E':
		n.set(p, "is evicted", func(p *corev1.Pod) { n.end(p, corev1.PodFailed, 137); p.Status.Reason = "Evicted" })
	case fate == 'D':
		u.DeletePod(p, false)
	default:
		n.set(p, "succeeds", func(p *corev1.Pod) { n.end(p, corev1.PodSucceeded, 0) })
	}
}

// ending is what is left of a job, without times and versions.
func (w *World) ending(j *v1alpha1.BatchJob) string {
	now := w.Truth.jobs[j.UID].now
	if now == nil {
		return "gone"
	}
	out := []string{fmt.Sprintf("succeeded %d, failed %d", now.Status.Succeeded, now.Status.Failed)}
	for _, t := range []string{v1alpha1.ConditionFailureTarget, v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionComplete, v1alpha1.ConditionFailed} {
		for _, c := range now.Status.Conditions {
			if c.Type == t && c.Status == metav1.ConditionTrue {
				out = append(out, c.Type+"/"+c.Reason)
			}
		}
	}
	return strings.Join(out, ", ")
}
