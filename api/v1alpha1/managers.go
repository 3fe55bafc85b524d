package v1alpha1

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ManagersOf names the field managers of a field of an object's spec, each once.
// A value that git does not have was set by somebody, and the API server knows by
// whom.
func ManagersOf(object metav1.Object, field string) []string {
	var names []string
	for _, entry := range object.GetManagedFields() {
		if owns(&entry, field) && !slices.Contains(names, entry.Manager) {
			names = append(names, entry.Manager)
		}
	}
	return names
}

// OnlyManagersOf takes out of an object's managedFields all but what ManagersOf
// says of the field. What is left must not be written back.
func OnlyManagersOf(object metav1.Object, field string) {
	var kept []metav1.ManagedFieldsEntry
	for _, manager := range ManagersOf(object, field) {
		kept = append(kept, metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:` + field + `":{}}}`)})
	}
	object.SetManagedFields(kept)
}

// owns tells of the main resource: a subresource that owns a field of spec (scale)
// is how somebody wrote it, and no one's name.
func owns(entry *metav1.ManagedFieldsEntry, field string) bool {
	if entry.Subresource != "" || entry.FieldsV1 == nil {
		return false
	}
	var owned struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) != nil {
		return false
	}
	_, ok := owned.Spec["f:"+field]
	return ok
}
