//go:build integration && differential

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
const within = 60 * time.Second

// alone is a BatchJob in a namespace of its own, with our operator looking after
// it.
func alone(t *testing.T, spec string) *side {
	t.Helper()
	return aloneIn(t, newNamespace(t), spec)
}

func aloneIn(t *testing.T, namespace, spec string) *side {
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
	s := &side{caches: c, kind: ourKind, key: types.NamespacedName{Namespace: namespace, Name: "job"}}
	eventually(t, within, "the service account", func(ctx context.Context) error {
		return api.Get(ctx, types.NamespacedName{Namespace: s.key.Namespace, Name: "default"}, &corev1.ServiceAccount{})
	})
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

// TestANamespaceGoesInMidRun: batch/v1 hangs here, as it holds the failed pod
// until a replacement comes that the namespace does not take.
func TestANamespaceGoesInMidRun(t *testing.T) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stint-test-"}}
	if err := api.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := aloneIn(t, ns.Name, `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 3}`)
	s.play(t, active(2), justFailed(0), active(1))
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
