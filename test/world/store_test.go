package world

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

var somebody = Actor{Name: "somebody"}

func newStore() (*Store, *Clock) {
	c := NewClock()
	return NewStore(c), c
}

func pod(name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	for _, f := range change {
		f(p)
	}
	return p
}

func withFinalizer(p *corev1.Pod) { p.Finalizers = []string{v1alpha1.FinalizerJobTracking} }
func bound(p *corev1.Pod)         { p.Spec.NodeName = "node" }

func mustCreate[T client.Object](t *testing.T, s *Store, o T) T {
	t.Helper()
	out, err := s.create(somebody, o)
	if err != nil {
		t.Fatal(err)
	}
	return out.(T)
}

func mustUpdate[T client.Object](t *testing.T, s *Store, o T, status bool) T {
	t.Helper()
	out, err := s.update(somebody, o, status)
	if err != nil {
		t.Fatal(err)
	}
	return out.(T)
}

func stored(s *Store, o client.Object) client.Object {
	got, err := s.get(kindOf(o), client.ObjectKeyFromObject(o))
	if err != nil {
		return nil
	}
	return got
}

func TestCreate(t *testing.T) {
	s, c := newStore()
	p := mustCreate(t, s, pod("a", func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }))
	if p.UID == "" || p.ResourceVersion != "1" || !p.CreationTimestamp.Time.Equal(c.Now().Truncate(time.Second)) {
		t.Errorf("metadata: %+v", p.ObjectMeta)
	}
	if p.Status.Phase != corev1.PodPending {
		t.Errorf("a new object brings its status: %s", p.Status.Phase)
	}
	if _, err := s.create(somebody, pod("a")); !apierrors.IsAlreadyExists(err) {
		t.Errorf("again: %v", err)
	}
	if q := mustCreate(t, s, pod("b")); q.UID == p.UID || q.ResourceVersion != "2" {
		t.Errorf("the second: %+v", q.ObjectMeta)
	}
	j := mustCreate(t, s, &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a"}})
	if j.Generation != 1 || j.Status.ObservedGeneration != -1 {
		t.Errorf("a job: generation %d, observed %d", j.Generation, j.Status.ObservedGeneration)
	}
}

func TestUpdateSeparatesSpecAndStatus(t *testing.T) {
	s, _ := newStore()
	j := mustCreate(t, s, &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a"}})
	n := int32(3)
	both := j.DeepCopy()
	both.Spec.Parallelism, both.Status.Succeeded, both.Labels = &n, 5, map[string]string{"x": "y"}

	afterStatus := mustUpdate(t, s, both.DeepCopy(), true)
	if afterStatus.Spec.Parallelism != nil || afterStatus.Status.Succeeded != 5 || afterStatus.Generation != 1 || afterStatus.Labels != nil {
		t.Errorf("a status update: %+v", afterStatus)
	}
	both.ResourceVersion = ""
	both.Status.Succeeded = 9
	afterSpec := mustUpdate(t, s, both, false)
	if *afterSpec.Spec.Parallelism != 3 || afterSpec.Status.Succeeded != 5 || afterSpec.Generation != 2 {
		t.Errorf("a spec update: %+v", afterSpec)
	}
	again := mustUpdate(t, s, afterSpec.DeepCopy(), false)
	if again.ResourceVersion != afterSpec.ResourceVersion || len(s.logs[jobKind]) != 3 {
		t.Errorf("an update that changes nothing is an event")
	}
}

func TestUpdateRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*corev1.Pod)
		refuse func(error) bool
	}{
		{"an old version", func(p *corev1.Pod) { p.ResourceVersion = "1" }, apierrors.IsConflict},
		{"another uid", func(p *corev1.Pod) { p.UID = "other" }, apierrors.IsConflict},
		{"an unknown name", func(p *corev1.Pod) { p.Name = "b" }, apierrors.IsNotFound},
		{"a new finalizer while being deleted", func(p *corev1.Pod) { p.Finalizers = append(p.Finalizers, "x/y") }, apierrors.IsInvalid},
		{"nothing", func(*corev1.Pod) {}, func(err error) bool { return err == nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := newStore()
			p := mustCreate(t, s, pod("a", withFinalizer))
			if err := s.remove(somebody, podKind, client.ObjectKeyFromObject(p), client.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			next := stored(s, p).(*corev1.Pod).DeepCopy()
			tc.change(next)
			if _, err := s.update(somebody, next, false); !tc.refuse(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	ended := func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
	five, zero := int64(5), int64(0)
	for _, tc := range []struct {
		name    string
		pod     func(*corev1.Pod)
		status  func(*corev1.Pod)
		options client.DeleteOptions
		gone    bool
		grace   int64
	}{
		{"an unassigned pod goes at once", func(*corev1.Pod) {}, nil, client.DeleteOptions{}, true, 0},
		{"a finalizer holds it", withFinalizer, nil, client.DeleteOptions{}, false, 0},
		{"an assigned pod gets its grace", bound, nil, client.DeleteOptions{}, false, 30},
		{"or the one asked for", bound, nil, client.DeleteOptions{GracePeriodSeconds: &five}, false, 5},
		{"or none, by force", bound, nil, client.DeleteOptions{GracePeriodSeconds: &zero}, true, 0},
		{"an ended pod goes at once", bound, ended, client.DeleteOptions{}, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, c := newStore()
			p := mustCreate(t, s, pod("a", tc.pod))
			if tc.status != nil {
				next := p.DeepCopy()
				tc.status(next)
				p = mustUpdate(t, s, next, true)
			}
			if err := s.remove(somebody, podKind, client.ObjectKeyFromObject(p), tc.options); err != nil {
				t.Fatal(err)
			}
			got := stored(s, p)
			if (got == nil) != tc.gone {
				t.Fatalf("gone: %v", got == nil)
			}
			if tc.gone {
				return
			}
			at := c.Now().Truncate(time.Second).Add(seconds(tc.grace))
			if *got.GetDeletionGracePeriodSeconds() != tc.grace || !got.GetDeletionTimestamp().Time.Equal(at) {
				t.Errorf("grace %d, at %v", *got.GetDeletionGracePeriodSeconds(), got.GetDeletionTimestamp())
			}
		})
	}
}

func TestDeletePreconditions(t *testing.T) {
	s, _ := newStore()
	p := mustCreate(t, s, pod("a"))
	key := client.ObjectKeyFromObject(p)
	otherUID, otherRV := types.UID("other"), "99"
	for _, pre := range []metav1.Preconditions{{UID: &otherUID}, {UID: &p.UID, ResourceVersion: &otherRV}} {
		if err := s.remove(somebody, podKind, key, client.DeleteOptions{Preconditions: &pre}); !apierrors.IsConflict(err) {
			t.Errorf("%v: %v", pre, err)
		}
	}
	if err := s.remove(somebody, podKind, key, client.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.UID, ResourceVersion: &p.ResourceVersion}}); err != nil {
		t.Error(err)
	}
	if err := s.remove(somebody, podKind, key, client.DeleteOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("again: %v", err)
	}
}

func TestLastFinalizerLetsGo(t *testing.T) {
	s, _ := newStore()
	running := mustCreate(t, s, pod("running", withFinalizer, bound))
	pending := mustCreate(t, s, pod("pending", withFinalizer))
	for _, p := range []*corev1.Pod{running, pending} {
		if err := s.remove(somebody, podKind, client.ObjectKeyFromObject(p), client.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		next := stored(s, p).(*corev1.Pod).DeepCopy()
		next.Finalizers = nil
		mustUpdate(t, s, next, false)
	}
	if stored(s, pending) != nil {
		t.Error("the pending pod is still there")
	}
	if stored(s, running) == nil {
		t.Error("the running pod is gone before its kubelet ended it")
	}
	n := &Nodes{store: s, story: NewStory(s.clock)}
	n.removeNow(stored(s, running).(*corev1.Pod))
	if stored(s, running) != nil {
		t.Error("the running pod outlives its kubelet's word")
	}
	last := s.logs[podKind][len(s.logs[podKind])-1]
	if !last.Deleted || last.Object.GetName() != "running" {
		t.Errorf("the log ends with %+v", last)
	}
}
