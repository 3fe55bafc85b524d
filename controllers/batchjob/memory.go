package batchjob

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// Memory writes down all that this process remembers between two looks, the
// same for the same memory. The exhaustive search of test/world tells states
// apart by it: two worlds with equal objects and unequal memories are not the
// same.
func (r *Reconciler) Memory() string {
	r.init()
	var b strings.Builder
	r.fresh.mu.Lock()
	fmt.Fprintf(&b, "floor %s %s\n", r.fresh.floorJobs, r.fresh.floorPods)
	for _, uid := range slices.Sorted(maps.Keys(r.fresh.freed)) {
		fmt.Fprintf(&b, "freed %s %s\n", uid, r.fresh.freed[uid])
	}
	for _, key := range byName(r.fresh.owed) {
		d := r.fresh.owed[key]
		fmt.Fprintf(&b, "owed %s of %s job %s pods %s floor %s live %t others %s doubt %t wrote %d since %d size %d looked %d deleted %v\n", key, d.of,
			d.job, d.pods, d.floor, d.live, d.others, d.doubt, d.wrote.UnixNano(), d.since.UnixNano(), d.size, d.looked.UnixNano(),
			slices.Sorted(maps.Keys(d.deleted)))
	}
	r.fresh.mu.Unlock()
	r.refused.mu.Lock()
	defer r.refused.mu.Unlock()
	for _, key := range byName(r.refused.jobs) {
		fmt.Fprintf(&b, "refused %s %+v\n", key, r.refused.jobs[key])
	}
	r.taken.mu.Lock()
	defer r.taken.mu.Unlock()
	for _, key := range byName(r.taken.jobs) {
		fmt.Fprintf(&b, "taken %s %v\n", key, slices.Sorted(maps.Keys(r.taken.jobs[key].names)))
	}
	r.hidden.mu.Lock()
	defer r.hidden.mu.Unlock()
	for _, key := range byName(r.hidden.jobs) {
		fmt.Fprintf(&b, "hidden %s %v\n", key, slices.Sorted(maps.Keys(r.hidden.jobs[key])))
	}
	for _, key := range byName(r.hidden.freed) {
		fmt.Fprintf(&b, "gone %s %v\n", key, slices.Sorted(maps.Keys(r.hidden.freed[key])))
	}
	return b.String()
}

func byName[V any](m map[types.NamespacedName]V) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(m), func(a, b types.NamespacedName) int {
		return strings.Compare(a.String(), b.String())
	})
}
