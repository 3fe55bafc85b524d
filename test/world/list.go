package world

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// listInto fills a list with deep copies of the objects that the options ask
// for. A field selector without an index is an error, as in a real cache.
func listInto(out client.ObjectList, objects []client.Object, indexes map[string]client.IndexerFunc, opts []client.ListOption) error {
	o := client.ListOptions{}
	o.ApplyOptions(opts)
	var found []client.Object
	for _, object := range objects {
		ok, err := matches(object, &o, indexes)
		if err != nil {
			return err
		}
		if ok {
			found = append(found, object)
		}
	}
	switch list := out.(type) {
	case *corev1.PodList:
		list.Items = make([]corev1.Pod, len(found))
		for i, object := range found {
			if o.UnsafeDisableDeepCopy != nil && *o.UnsafeDisableDeepCopy {
				list.Items[i] = *object.(*corev1.Pod)
				continue
			}
			object.(*corev1.Pod).DeepCopyInto(&list.Items[i])
		}
		return nil
	case *v1alpha1.BatchJobList:
		list.Items = make([]v1alpha1.BatchJob, len(found))
		for i, object := range found {
			object.(*v1alpha1.BatchJob).DeepCopyInto(&list.Items[i])
		}
		return nil
	}
	copies := make([]runtime.Object, len(found))
	for i, object := range found {
		copies[i] = object.DeepCopyObject()
	}
	return meta.SetList(out, copies)
}

func matches(o client.Object, opts *client.ListOptions, indexes map[string]client.IndexerFunc) (bool, error) {
	if opts.Namespace != "" && o.GetNamespace() != opts.Namespace {
		return false, nil
	}
	if opts.LabelSelector != nil && !opts.LabelSelector.Matches(labels.Set(o.GetLabels())) {
		return false, nil
	}
	if opts.FieldSelector == nil {
		return true, nil
	}
	for _, r := range opts.FieldSelector.Requirements() {
		index, ok := indexes[r.Field]
		if !ok || r.Operator == selection.NotEquals {
			return false, fmt.Errorf("Index with name field:%s does not exist", r.Field) //nolint:staticcheck // client-go's words
		}
		if !has(index(o), r.Value) {
			return false, nil
		}
	}
	return true, nil
}
