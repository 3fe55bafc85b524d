package engine

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// setBy names the field managers of a field of the spec, for a message: a
// value that git does not have was set by somebody, and the API server knows
// by whom. Empty if nobody is known.
func setBy(job *v1alpha1.BatchJob, field string) string {
	var names []string
	for _, entry := range job.ManagedFields {
		if entry.Subresource == "" && entry.FieldsV1 != nil && ownsSpecField(entry.FieldsV1.GetRawBytes(), field) &&
			!slices.Contains(names, entry.Manager) {
			names = append(names, entry.Manager)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (set by " + strings.Join(names, ", ") + ")"
}

func ownsSpecField(fields []byte, field string) bool {
	var owned struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if json.Unmarshal(fields, &owned) != nil {
		return false
	}
	_, ok := owned.Spec[field]
	return ok
}
