package main

import (
	"io"
	"reflect"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
)

// TestTheCacheKnowsWhoSuspended: of both kinds, and of managedFields keeps
// nothing else.
func TestTheCacheKnowsWhoSuspended(t *testing.T) {
	o, err := parseFlags(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	opts, err := cacheOptions(o.watch, "", &batchjob.PodCache{})
	if err != nil {
		t.Fatal(err)
	}
	fields := []metav1.ManagedFieldsEntry{
		{Manager: "git", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{}}}}`)},
		{Manager: "night-shift", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{}},"f:spec":{"f:suspend":{},"f:parallelism":{}}}`)},
		{Manager: "stint-controller", Subresource: "status", FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`)},
	}
	for _, suspended := range []bool{true, false} {
		job, cron := &v1alpha1.BatchJob{}, &v1alpha1.CronBatchJob{}
		job.Spec.Suspend, cron.Spec.Suspend = &suspended, &suspended
		for kind, object := range map[string]client.Object{"BatchJob": job, "CronBatchJob": cron} {
			object.SetManagedFields(fields)
			for of, by := range opts.ByObject {
				if reflect.TypeOf(of) != reflect.TypeOf(object) {
					continue
				}
				if _, err := by.Transform(object); err != nil {
					t.Fatal(err)
				}
			}
			who := v1alpha1.ManagersOf(object, "suspend")
			if suspended != slices.Equal(who, []string{"night-shift"}) {
				t.Errorf("%s, suspended %t: by %v", kind, suspended, who)
			}
			left := 0
			for _, entry := range object.GetManagedFields() {
				left += len(entry.FieldsV1.GetRawBytes())
			}
			if left > 40 {
				t.Errorf("%s, suspended %t: %d bytes are left", kind, suspended, left)
			}
		}
	}
}
