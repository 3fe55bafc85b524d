package world

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// collectRuns does one thing about BatchJobs whose schedule goes or has gone;
// false if there is nothing to do.
func (g *Collector) collectRuns() bool {
	if len(g.store.logs[cronKind]) == 0 {
		return false
	}
	left := map[types.UID]bool{}
	for _, o := range g.store.list(jobKind) {
		ref := metav1.GetControllerOf(o)
		if ref == nil {
			continue
		}
		owner, err := g.store.get(cronKind, types.NamespacedName{Namespace: o.GetNamespace(), Name: ref.Name})
		lives := err == nil && owner.GetUID() == ref.UID
		going := lives && has(owner.GetFinalizers(), metav1.FinalizerDeleteDependents)
		if lives {
			left[ref.UID] = true
		}
		if (!lives || going) && o.GetDeletionTimestamp() == nil {
			g.collectRun(o)
			return true
		}
	}
	for _, o := range g.store.list(cronKind) {
		if has(o.GetFinalizers(), metav1.FinalizerDeleteDependents) && !left[o.GetUID()] {
			g.letGo(o, metav1.FinalizerDeleteDependents)
			return true
		}
	}
	return false
}

func (g *Collector) collectRun(o client.Object) {
	uid, background := o.GetUID(), metav1.DeletePropagationBackground
	opts := client.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background}
	if err := g.store.remove(collector, jobKind, client.ObjectKeyFromObject(o), opts); err != nil {
		panic(err)
	}
	g.story.Add("%s is garbage", o.GetName())
}
