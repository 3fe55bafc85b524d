package world

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func TestPatch(t *testing.T) {
	ok := func(err error) bool { return err == nil }
	const uid = "00000000-0000-4000-8000-000000000001"
	for _, tc := range []struct {
		name   string
		how    types.PatchType
		data   string
		answer func(error) bool
		held   bool
	}{
		{"merge", types.MergePatchType, `{"metadata":{"finalizers":null}}`, ok, false},
		{"merge with the uid", types.MergePatchType, `{"metadata":{"uid":"` + uid + `","finalizers":[]}}`, ok, false},
		{"merge with another uid", types.MergePatchType, `{"metadata":{"uid":"x","finalizers":null}}`, apierrors.IsInvalid, true},
		{"merge with the version", types.MergePatchType, `{"metadata":{"resourceVersion":"1","finalizers":null}}`, ok, false},
		{"merge with another version", types.MergePatchType, `{"metadata":{"resourceVersion":"7","finalizers":null}}`, apierrors.IsConflict, true},
		{"merge of more than metadata", types.MergePatchType, `{"metadata":{"finalizers":null},"spec":{"priority":3}}`, ok, false},
		{"json", types.JSONPatchType, `[{"op":"test","path":"/metadata/uid","value":"` + uid + `"},{"op":"remove","path":"/metadata/finalizers/0"}]`, ok, false},
		{"json with a failed test", types.JSONPatchType, `[{"op":"test","path":"/metadata/uid","value":"x"},{"op":"remove","path":"/metadata/finalizers"}]`, apierrors.IsInvalid, true},
		{"strategic", types.StrategicMergePatchType, `{"metadata":{"$deleteFromPrimitiveList/finalizers":["` + v1alpha1.FinalizerJobTracking + `"]}}`, ok, false},
		{"strategic with the uid and another version", types.StrategicMergePatchType, `{"metadata":{"uid":"` + uid + `","resourceVersion":"7","$deleteFromPrimitiveList/finalizers":["` + v1alpha1.FinalizerJobTracking + `"]}}`, apierrors.IsConflict, true},
		{"strategic of another's finalizer", types.StrategicMergePatchType, `{"metadata":{"$deleteFromPrimitiveList/finalizers":["x/y"]}}`, ok, true},
		{"strategic of more", types.StrategicMergePatchType, `{"metadata":{"labels":{"a":"b"},"$deleteFromPrimitiveList/finalizers":["` + v1alpha1.FinalizerJobTracking + `"]}}`, ok, false},
		{"status cannot be patched here", types.MergePatchType, `{"status":{"phase":"Failed"}}`, ok, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := newStore()
			p := mustCreate(t, s, pod("a", withFinalizer))
			_, err := s.patch(somebody, podKind, client.ObjectKeyFromObject(p), tc.how, []byte(tc.data), false)
			if !tc.answer(err) {
				t.Errorf("answer: %v", err)
			}
			got := stored(s, p).(*corev1.Pod)
			if held(got) != tc.held || got.Status.Phase != corev1.PodPending {
				t.Errorf("now %v, %s", got.Finalizers, got.Status.Phase)
			}
		})
	}
}

func TestPatchOfCustomResource(t *testing.T) {
	s, _ := newStore()
	j := mustCreate(t, s, job("a"))
	key := client.ObjectKeyFromObject(j)
	if _, err := s.patch(somebody, jobKind, key, types.StrategicMergePatchType, []byte(`{}`), true); err == nil {
		t.Error("custom resources take no strategic merge patch")
	}
	next := j.DeepCopy()
	next.Status.Succeeded = 2
	data, err := client.MergeFromWithOptions(j, client.MergeFromWithOptimisticLock{}).Data(next)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.patch(somebody, jobKind, key, types.MergePatchType, data, true); err != nil {
		t.Fatal(err)
	}
	if got := stored(s, j).(*v1alpha1.BatchJob).Status.Succeeded; got != 2 {
		t.Errorf("succeeded: %d", got)
	}
	if _, err := s.patch(somebody, jobKind, key, types.MergePatchType, data, true); !apierrors.IsConflict(err) {
		t.Errorf("the same patch again: %v", err)
	}
}
