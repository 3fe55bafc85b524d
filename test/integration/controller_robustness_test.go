//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// within is how long anything here may take: refusals are tried again after a
// second, then two, then four.
const within = patience

// alone is a BatchJob in a namespace of its own, with our operator looking after
// it.
func alone(t *testing.T, spec string) *side {
	t.Helper()
	return aloneIn(t, newNamespace(t), spec)
}

func aloneIn(t *testing.T, namespace, spec string) *side {
	t.Helper()
	return aloneWith(t, syncedCaches(t), namespace, "job", spec)
}

// syncedCaches skips the test where no cluster has what it needs.
func syncedCaches(t *testing.T) *caches {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("needs kube-controller-manager: KUBECONFIG has to name a cluster that has it")
	}
	c, err := newCaches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !c.ours.WaitForCacheSync(t.Context()) || !c.eyes.WaitForCacheSync(t.Context()) {
		t.Fatal("the caches do not sync")
	}
	return c
}

func aloneWith(t *testing.T, c *caches, namespace, name, spec string) *side {
	t.Helper()
	s := &side{caches: c, kind: ourKind, key: types.NamespacedName{Namespace: namespace, Name: name}}
	eventually(t, within, "the service account", func(ctx context.Context) error {
		return api.Get(ctx, types.NamespacedName{Namespace: s.key.Namespace, Name: "default"}, &corev1.ServiceAccount{})
	})
	var err error
	if s.operator, err = newOperator(t.Context(), c, s.key, -1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.operator.stop)
	if spec != "" {
		s.begin(t, spec)
	}
	return s
}

// begin creates the job. Its pods have no node: a scheduler finds none.
func (s *side) begin(t *testing.T, spec string) {
	t.Helper()
	sc := scenario{spec: "template: {spec: {nodeName: null, schedulerName: nobody}}"}
	object, err := sc.specFor(s.key.Name)
	if err != nil {
		t.Fatal(err)
	}
	merge(object, parse(t, spec))
	if err := s.create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func (s *side) play(t *testing.T, steps ...step) {
	t.Helper()
	for _, one := range steps {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		err := one.do(ctx, s)
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", one.name, err)
		}
	}
}

// says waits for a condition of the BatchJob with all these words in it.
func (s *side) says(t *testing.T, condition string, status metav1.ConditionStatus, reason string, words ...string) {
	t.Helper()
	eventually(t, within, "condition "+condition, func(ctx context.Context) error {
		job := &v1alpha1.BatchJob{}
		if err := api.Get(ctx, s.key, job); err != nil {
			return err
		}
		c := meta.FindStatusCondition(job.Status.Conditions, condition)
		if c == nil || c.Status != status || c.Reason != reason {
			return fmt.Errorf("it is %v", c)
		}
		for _, word := range words {
			if !strings.Contains(c.Message, word) {
				return fmt.Errorf("%q is not in: %s", word, c.Message)
			}
		}
		return nil
	})
}

func TestAFinalizerTakenByHandLosesNoEnd(t *testing.T) {
	s := alone(t, `{completions: 2, parallelism: 1}`)
	s.play(t, active(1), relabelled(`{"finalizers":null}`, 0),
		waitFor("the finalizer is back", func(_ *batchv1.Job, pods []*corev1.Pod) error {
			if len(pods) != 1 || len(pods[0].Finalizers) != 1 {
				return fmt.Errorf("there are %d pods", len(pods))
			}
			return nil
		}),
		succeed(0), counted(1, 0), active(1), succeed(0), becomes(complete))
}

func TestOurLabelsTakenByHandLoseNoPod(t *testing.T) {
	for _, label := range []string{v1alpha1.LabelJobUID, v1alpha1.LabelRun} {
		t.Run(label, func(t *testing.T) {
			s := alone(t, `{completions: 2, parallelism: 1}`)
			s.play(t, active(1), relabelled(`{"labels":{"`+label+`":null}}`, 0),
				waitFor("the label is back", func(_ *batchv1.Job, pods []*corev1.Pod) error {
					if len(pods) != 1 || pods[0].Labels[label] == "" {
						return fmt.Errorf("there are %d pods", len(pods))
					}
					return nil
				}),
				succeed(0), counted(1, 0), active(1), succeed(0), becomes(complete))
		})
	}
}

// TestAPodThatWasGivenUpBlocksNoName: it keeps the name that the next pod would
// have had.
func TestAPodThatWasGivenUpBlocksNoName(t *testing.T) {
	s := alone(t, `{completions: 4, parallelism: 1}`)
	s.play(t, owned(1), relabelled(`{"labels":{"batch.kubernetes.io/controller-uid":null}}`, 0), givenUp(), owned(1),
		edit(`spec: {parallelism: 4}`), owned(4), givenUp())
	s.says(t, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonProgressing)
}

// TestAPodThatLostItsFinalizerAndEnded: whether its end was counted can nobody
// tell any more, so another pod does the work.
func TestAPodThatLostItsFinalizerAndEnded(t *testing.T) {
	s := alone(t, `{completions: 1}`)
	s.play(t, active(1), together(relabelled(`{"finalizers":null}`, 0), succeed(0)), active(1), counted(0, 0),
		succeed(0), becomes(complete), counted(1, 0))
}

// TestAPodThatVanished: without its finalizer a deletion leaves no trace.
func TestAPodThatVanished(t *testing.T) {
	for _, mode := range []string{"completions: 2", "completionMode: Indexed\ncompletions: 2"} {
		t.Run(mode, func(t *testing.T) {
			s := alone(t, mode+"\nparallelism: 2")
			s.play(t, active(2), together(relabelled(`{"finalizers":null}`, 0), deletePods(0)), owned(2), active(2), counted(0, 0),
				together(succeed(0), succeed(1)), becomes(complete), counted(2, 0))
		})
	}
}

// TestAStatusOfSomebodyElse: what the operator knows better is put right, and
// nothing that is written there stops the job.
func TestAStatusOfSomebodyElse(t *testing.T) {
	for _, c := range []struct{ name, spec, status string }{
		{"summaries", `{completions: 2}`, `{"phase":"Failed","reason":"Nonsense","progress":"9/9","active":9,"ready":0,"terminating":3,"conditions":[]}`},
		{"conditions of others", `{completions: 2}`, `{"conditions":[{"type":"Ready","status":"True","reason":"Mine","message":"ready","lastTransitionTime":"2020-01-01T00:00:00Z"},` +
			`{"type":"Stalled","status":"True","reason":"Mine","message":"stalled","lastTransitionTime":"2020-01-01T00:00:00Z"}]}`},
		{"no status", `{completions: 2}`, `null`},
		{"no such pods", `{completions: 2}`, `{"uncountedTerminatedPods":{"succeeded":["1a2b"],"failed":["3c4d"]}}`},
		{"no indexes", indexed + "parallelism: 1", `{"completedIndexes":"one,two"}`},
		{"indexes out of range", indexed + "parallelism: 1", `{"completedIndexes":"7-9","failedIndexes":"-1"}`},
		{"no start", `{completions: 2, activeDeadlineSeconds: 1000}`, `{"startTime":null}`},
		{"another generation", `{completions: 2}`, `{"observedGeneration":77}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := alone(t, c.spec)
			s.play(t, active(1), statusBy(c.status), active(1))
			s.says(t, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonProgressing)
			s.says(t, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing)
			s.play(t, toTheEnd())
		})
	}
}

// toTheEnd lets one active pod after the other succeed until the job is complete.
func toTheEnd() step {
	return doing("to the end", func(ctx context.Context, s *side) error {
		return s.await(ctx, func() error {
			job, err := s.job(ctx)
			if err != nil || job == nil {
				return errors.Join(err, errors.New("there is no job"))
			}
			if err = wantCondition(job, complete, corev1.ConditionTrue); err == nil {
				return nil
			}
			pods, listErr := s.pods(ctx)
			for _, pod := range pods {
				if isActive(pod) {
					return errors.Join(err, s.kubelet(ctx, pod.DeepCopy(), ends(corev1.PodSucceeded, exit{})))
				}
			}
			return errors.Join(err, listErr)
		})
	})
}

// TestANamespaceGoesInMidRun: batch/v1 hangs here, as it holds the failed pod
// until a replacement comes that the namespace does not take.
func TestANamespaceGoesInMidRun(t *testing.T) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stint-test-"}}
	if err := api.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := aloneIn(t, ns.Name, `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 3}`)
	s.play(t, active(2), justFailed(0), active(1))
	leaves(t, ns)
}

// TestANamespaceGoesThatChangesNoPod: the one that is held was being deleted
// before, and the job is suspended, so nothing tells of the namespace.
func TestANamespaceGoesThatChangesNoPod(t *testing.T) {
	t.Parallel() // it is looked for once a minute
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stint-test-"}}
	if err := api.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := aloneIn(t, ns.Name, `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 3}`)
	s.play(t, active(2), justFailed(0), active(1), edit(`spec: {suspend: true}`), becomes("Suspended"),
		eachPod("delete", hasEnded, []int{0}, func(ctx context.Context, _ *side, pod *corev1.Pod) error { return api.Delete(ctx, pod) }))
	eventually(t, within, "one pod is held, and being deleted", func(ctx context.Context) error {
		pods, err := s.pods(ctx)
		if err == nil && (len(pods) != 1 || pods[0].DeletionTimestamp == nil || len(pods[0].Finalizers) == 0) {
			err = fmt.Errorf("there are %d pods", len(pods))
		}
		return err
	})
	time.Sleep(5 * time.Second) // by then the operator has looked at what that changed
	leaves(t, ns)
}

// leaves deletes a namespace and waits until it is gone.
func leaves(t *testing.T, ns *corev1.Namespace) {
	t.Helper()
	if err := api.Delete(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	eventually(t, within, "the namespace is gone", func(ctx context.Context) error {
		err := api.Get(ctx, client.ObjectKeyFromObject(ns), ns)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("it is there: %v", ns.Status.Conditions))
	})
}

func TestAQuotaOfZeroHoldsTheJobUntilItIsRaised(t *testing.T) {
	s := alone(t, "")
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: "none"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}}
	if err := api.Create(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	eventually(t, within, "the quota is in force", func(ctx context.Context) error {
		if err := api.Get(ctx, client.ObjectKeyFromObject(quota), quota); err != nil {
			return err
		}
		if len(quota.Status.Hard) == 0 {
			return errors.New("it has no status")
		}
		return nil
	})
	s.begin(t, `{completions: 1}`)
	s.says(t, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProgressingWithRetry, "exceeded quota", "pods=0", "tried again")
	s.says(t, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressingWithRetry)
	quota.Spec.Hard[corev1.ResourcePods] = resource.MustParse("3")
	if err := api.Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	s.play(t, active(1))
	s.says(t, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonProgressing)
	s.play(t, succeed(0), becomes(complete))
}

func TestALimitRangeHoldsTheJobUntilItIsGone(t *testing.T) {
	s := alone(t, "")
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: "small"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer,
			Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}}}}}
	if err := api.Create(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	s.begin(t, `{template: {spec: {containers: [{name: main, image: busybox, resources: {requests: {cpu: "1"}, limits: {cpu: "1"}}}]}}}`)
	s.says(t, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProgressingWithRetry, "maximum cpu usage per Container is 100m")
	if err := api.Delete(t.Context(), limits); err != nil {
		t.Fatal(err)
	}
	s.play(t, active(1), succeed(0), becomes(complete))
}
