package world

import (
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func job(name string) *v1alpha1.BatchJob {
	j := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	return j
}

func owned(by *v1alpha1.BatchJob) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(by, jobKind.gvk)}
	}
}

func TestPropagation(t *testing.T) {
	for _, tc := range []struct {
		policy metav1.DeletionPropagation
		// first is how much is there right after the request, last after the
		// collector and the kubelets are done and our finalizer is off.
		jobFirst, podFirst, jobHeld, podLast bool
	}{
		{metav1.DeletePropagationBackground, false, true, false, false},
		{metav1.DeletePropagationForeground, true, true, true, false},
		{metav1.DeletePropagationOrphan, true, true, false, true},
	} {
		t.Run(string(tc.policy), func(t *testing.T) {
			s, _ := newStore()
			j := mustCreate(t, s, job("a"))
			p := mustCreate(t, s, pod("a-1", withFinalizer, owned(j)))
			g := &Collector{store: s, story: NewStory(s.clock)}
			if g.Step() {
				t.Error("the collector collects what is owned")
			}
			if err := s.remove(somebody, jobKind, client.ObjectKeyFromObject(j), client.DeleteOptions{PropagationPolicy: &tc.policy}); err != nil {
				t.Fatal(err)
			}
			if (stored(s, j) != nil) != tc.jobFirst || (stored(s, p) != nil) != tc.podFirst {
				t.Errorf("first: job %v, pod %v", stored(s, j) != nil, stored(s, p) != nil)
			}
			for g.Step() {
			}
			if (stored(s, j) != nil) != tc.jobHeld {
				t.Errorf("while our finalizer holds the pod: job %v", stored(s, j) != nil)
			}
			next := stored(s, p).(*corev1.Pod).DeepCopy()
			next.Finalizers = nil
			mustUpdate(t, s, next, false)
			for g.Step() {
			}
			if stored(s, j) != nil || (stored(s, p) != nil) != tc.podLast {
				t.Errorf("last: job %v, pod %v", stored(s, j) != nil, stored(s, p) != nil)
			}
		})
	}
}

// Every pod ends, whatever its node does to it.
func TestNodesEndEveryPod(t *testing.T) {
	for seed := range uint64(200) {
		s, c := newStore()
		rng := rand.New(rand.NewPCG(seed, 1))
		n := &Nodes{store: s, story: NewStory(c), rng: rng, FailPercent: 40, Harsh: seed%2 == 0}
		for i, policy := range []corev1.RestartPolicy{corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure} {
			mustCreate(t, s, pod(string(rune('a'+i)), withFinalizer, func(p *corev1.Pod) {
				p.Spec.RestartPolicy = policy
				p.Spec.Containers = []corev1.Container{{Name: "main"}}
			}))
		}
		if seed%3 == 0 {
			if err := s.remove(somebody, podKind, client.ObjectKeyFromObject(s.Pods()[0]), client.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for steps := 0; n.Step(); steps++ {
			if steps > 500 {
				t.Fatalf("seed %d: pods never end\n%s", seed, n.story)
			}
		}
		for _, p := range s.Pods() {
			if !podEnded(p) {
				t.Errorf("seed %d: pod %s is %s\n%s", seed, p.Name, p.Status.Phase, n.story)
			}
		}
	}
}
