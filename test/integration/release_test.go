//go:build integration

package integration

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/cmd/release"
)

// stranded makes a pod and a BatchJob that nobody but an operator would let go,
// and another finalizer on each that is none of its business.
func stranded(t *testing.T, namespace string) (pod *corev1.Pod, job *v1alpha1.BatchJob) {
	t.Helper()
	const foreign = "example.com/other"
	template := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "busybox"}}}
	pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "stranded",
		Finalizers: []string{foreign, v1alpha1.FinalizerJobTracking}}, Spec: template}
	job = &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "stranded",
		Finalizers: []string{v1alpha1.FinalizerCronRecorded, foreign}}, Spec: v1alpha1.BatchJobSpec{Template: corev1.PodTemplateSpec{Spec: template}}}
	for _, object := range []client.Object{pod, job} {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			object.SetFinalizers(nil)
			object.SetResourceVersion("")
			if err := api.Patch(context.Background(), object, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
				t.Error(err)
			}
		})
	}
	return pod, job
}

func finalizers(t *testing.T, object client.Object) []string {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	return object.GetFinalizers()
}

// releasing in one namespace, with the leases of another.
func releasing(t *testing.T, namespace, leases string, whileActive bool) (said string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = release.Run(t.Context(), api, release.Options{Namespace: namespace, LeaseNamespace: leases,
		LeaseName: "stint-controller", WhileActive: whileActive}, &out)
	return out.String(), err
}

// TestRelease: ours go, others' stay, in this namespace only, and a second time
// there is nothing to do.
func TestRelease(t *testing.T) {
	t.Parallel()
	here, there := newNamespace(t), newNamespace(t)
	pod, job := stranded(t, here)
	otherPod, otherJob := stranded(t, there)

	said, err := releasing(t, here, here, false)
	if err != nil || strings.Count(said, here+": took ") != 2 || !strings.Contains(said, "off 1 of kind Pod") {
		t.Errorf("%v, it says %q", err, said)
	}
	for _, object := range []client.Object{pod, job} {
		if got := finalizers(t, object); !slices.Equal(got, []string{"example.com/other"}) {
			t.Errorf("%T keeps %v", object, got)
		}
	}
	for _, object := range []client.Object{otherPod, otherJob} {
		if got := finalizers(t, object); len(got) != 2 {
			t.Errorf("%T of another namespace has %v", object, got)
		}
	}
	if said, err = releasing(t, here, here, false); err != nil || !strings.Contains(said, "nothing holds") {
		t.Errorf("again: %v, it says %q", err, said)
	}
}

// TestReleaseWhileAnOperatorIsAtWork is refused, unless one insists; a lease
// that was given away or has run out is nobody's.
func TestReleaseWhileAnOperatorIsAtWork(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	pod, _ := stranded(t, ns)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "stint-controller-shard"},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: new("pod-a"), LeaseDurationSeconds: new(int32(15)), RenewTime: &metav1.MicroTime{Time: time.Now()}}}
	if err := api.Create(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	said, err := releasing(t, ns, ns, false)
	if err == nil || !strings.Contains(err.Error(), "pod-a holds the lease "+ns+"/stint-controller-shard") || said != "" {
		t.Errorf("%v, it says %q", err, said)
	}
	if got := finalizers(t, pod); len(got) != 2 {
		t.Errorf("refused, and yet %v is left", got)
	}
	if _, err = releasing(t, ns, ns, true); err != nil || len(finalizers(t, pod)) != 1 {
		t.Errorf("insisting: %v", err)
	}
	lease.Spec.RenewTime = &metav1.MicroTime{Time: time.Now().Add(-time.Minute)}
	if err := api.Update(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if _, err = releasing(t, ns, ns, false); err != nil {
		t.Errorf("a lease that has run out: %v", err)
	}
	lease.Spec.RenewTime, lease.Spec.HolderIdentity = &metav1.MicroTime{Time: time.Now()}, new("")
	if err := api.Update(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if _, err = releasing(t, ns, ns, false); err != nil {
		t.Errorf("a lease that was given away: %v", err)
	}
}

// TestReleaseWaitsForAnOperatorThatStops: as after its Deployment was scaled to
// 0, when its pod is still ending.
func TestReleaseWaitsForAnOperatorThatStops(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	pod, _ := stranded(t, ns)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "stint-controller"},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: new("pod-a"), LeaseDurationSeconds: new(int32(15)), RenewTime: &metav1.MicroTime{Time: time.Now()}}}
	if err := api.Create(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	time.AfterFunc(1500*time.Millisecond, func() {
		lease.Spec.HolderIdentity = new("")
		gone <- api.Update(context.Background(), lease)
	})
	var out bytes.Buffer
	err := release.Run(t.Context(), api, release.Options{Namespace: ns, LeaseNamespace: ns, LeaseName: "stint-controller", Wait: soon}, &out)
	if err := <-gone; err != nil {
		t.Fatal(err)
	}
	if err != nil || strings.Count(out.String(), "waiting up to ") != 1 || len(finalizers(t, pod)) != 1 {
		t.Errorf("%v, it says %q, %v is left", err, out.String(), pod.Finalizers)
	}
}
