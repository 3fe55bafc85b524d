package world

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Collector is the garbage collector: what an owner's deletion means for its
// pods, in the three ways of propagation.
type Collector struct {
	store *Store
	story *Story
}

var collector = Actor{Name: "garbage collector"}

// Step does one thing; false if there is nothing to do.
func (g *Collector) Step() bool {
	if g.store.closing() && g.closeNamespace() {
		return true
	}
	if g.collectRuns() {
		return true
	}
	for _, o := range g.store.list(jobKind) {
		if has(o.GetFinalizers(), metav1.FinalizerOrphanDependents) {
			g.orphan(o)
			return true
		}
		if has(o.GetFinalizers(), metav1.FinalizerDeleteDependents) && g.foreground(o) {
			return true
		}
	}
	for _, p := range g.store.Pods() {
		if p.DeletionTimestamp == nil && g.ownerless(p) {
			g.collect(p)
			return true
		}
	}
	return false
}

// orphan takes the owner's reference off one pod, or lets the owner go.
func (g *Collector) orphan(owner client.Object) {
	for _, p := range g.store.Pods() {
		if ownedBy(p, owner.GetUID()) == nil {
			continue
		}
		next := p.DeepCopy()
		next.OwnerReferences = nil
		g.update(next)
		g.story.Add("pod %s is orphaned", p.Name)
		return
	}
	g.letGo(owner, metav1.FinalizerOrphanDependents)
}

// foreground deletes the pods first; those that block hold the owner.
func (g *Collector) foreground(owner client.Object) bool {
	blocked := false
	for _, p := range g.store.Pods() {
		ref := ownedBy(p, owner.GetUID())
		if ref == nil {
			continue
		}
		if p.DeletionTimestamp == nil {
			g.collect(p)
			return true
		}
		blocked = blocked || ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion
	}
	if blocked {
		return false
	}
	g.letGo(owner, metav1.FinalizerDeleteDependents)
	return true
}

// ownerless: there are owners, and none of them exists.
func (g *Collector) ownerless(p *corev1.Pod) bool {
	for _, ref := range p.OwnerReferences {
		o, err := g.store.get(jobKind, types.NamespacedName{Namespace: p.Namespace, Name: ref.Name})
		if err == nil && o.GetUID() == ref.UID {
			return false
		}
	}
	return len(p.OwnerReferences) > 0
}

func (g *Collector) collect(p *corev1.Pod) {
	o := client.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.UID}}
	if err := g.store.remove(collector, podKind, client.ObjectKeyFromObject(p), o); err != nil {
		panic(fmt.Sprintf("the garbage collector deletes %s: %v", p.Name, err))
	}
	g.story.Add("pod %s is garbage", p.Name)
}

func (g *Collector) letGo(owner client.Object, finalizer string) {
	next := owner.DeepCopyObject().(client.Object)
	next.SetFinalizers(without(next.GetFinalizers(), []string{finalizer}))
	g.update(next)
	g.story.Add("%s is let go", owner.GetName())
}

func (g *Collector) update(o client.Object) {
	if _, err := g.store.update(collector, o, false); err != nil {
		panic(fmt.Sprintf("the garbage collector updates %s: %v", o.GetName(), err))
	}
}

// ownedBy is the pod's reference to an owner.
func ownedBy(p *corev1.Pod, owner types.UID) *metav1.OwnerReference {
	for i := range p.OwnerReferences {
		if p.OwnerReferences[i].UID == owner {
			return &p.OwnerReferences[i]
		}
	}
	return nil
}
