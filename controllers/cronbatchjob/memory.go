package cronbatchjob

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// Memory writes down all that this process remembers between two looks, the
// same for the same memory, as that of BatchJobs does.
func (r *Reconciler) Memory() string {
	r.init()
	var b strings.Builder
	r.fresh.mu.Lock()
	for _, key := range byName(r.fresh.owed) {
		d := r.fresh.owed[key]
		fmt.Fprintf(&b, "owed %s of %s cron %s jobs %s floor %s doubt %t since %d deleted %v\n", key, d.of,
			d.cron, d.jobs, d.floor, d.doubt, d.since.UnixNano(), slices.Sorted(maps.Keys(d.deleted)))
	}
	r.fresh.mu.Unlock()
	r.refused.mu.Lock()
	defer r.refused.mu.Unlock()
	for _, key := range byName(r.refused.crons) {
		fmt.Fprintf(&b, "refused %s %+v\n", key, r.refused.crons[key])
	}
	return b.String()
}

func byName[V any](m map[types.NamespacedName]V) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(m), func(a, b types.NamespacedName) int {
		return strings.Compare(a.String(), b.String())
	})
}
