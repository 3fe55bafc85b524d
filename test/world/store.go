package world

import (
	"sort"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Actor says who makes a write: the name of a component, and the process if it
// is one of ours.
type Actor struct {
	Name string
	Proc *Process
	// Seen is the newest version of each job that the process stands on.
	Seen map[types.UID]int64
}

// Change is one durable change of one object. Old is nil at a creation, New at
// a removal. Both are immutable.
type Change struct {
	Kind     *kind
	By       Actor
	Old, New client.Object
}

// Event is one entry of a kind's log, what a watch would see.
type Event struct {
	RV      int64
	Object  client.Object // the last state, if Deleted
	Deleted bool
}

// Store is what etcd and the API server's registry hold. A stored object is
// never changed again, so the log, the caches and the oracles share it.
type Store struct {
	clock   *Clock
	rv      int64
	uids    int64
	objects map[*kind]map[types.NamespacedName]client.Object
	logs    map[*kind][]Event
	// listed is what list has last answered, of the kinds that have not changed
	// since.
	listed map[*kind][]client.Object
	// Admission is what new pods meet.
	Admission Admission
	// Hooks see every change in its order, before the writer's answer.
	Hooks []func(Change)
}

// NewStore is an empty store.
func NewStore(c *Clock) *Store {
	s := &Store{
		clock: c, objects: map[*kind]map[types.NamespacedName]client.Object{}, logs: map[*kind][]Event{}, listed: map[*kind][]client.Object{},
	}
	for _, k := range []*kind{podKind, jobKind, cronKind, namespaceKind} {
		s.objects[k] = map[types.NamespacedName]client.Object{}
	}
	return s
}

// stamp is now, as the API writes instants: in whole seconds.
func (s *Store) stamp() metav1.Time { return metav1.NewTime(s.clock.now.Truncate(1e9)) }

// get returns the stored object itself.
func (s *Store) get(k *kind, key types.NamespacedName) (client.Object, error) {
	if o, ok := s.objects[k][key]; ok {
		return o, nil
	}
	return nil, apierrors.NewNotFound(k.resource, key.Name)
}

// list returns the stored objects of a kind by name. The slice is shared.
func (s *Store) list(k *kind) []client.Object {
	l, ok := s.listed[k]
	if !ok {
		l = sorted(s.objects[k])
		s.listed[k] = l
	}
	return l
}

func sorted(m map[types.NamespacedName]client.Object) []client.Object {
	out := make([]client.Object, 0, len(m))
	for _, o := range m {
		out = append(out, o)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.GetNamespace() != b.GetNamespace() {
			return a.GetNamespace() < b.GetNamespace()
		}
		return a.GetName() < b.GetName()
	})
	return out
}

// Pods are all stored pods by name. They must not be changed.
func (s *Store) Pods() []*corev1.Pod {
	objects := s.list(podKind)
	pods := make([]*corev1.Pod, len(objects))
	for i, o := range objects {
		pods[i] = o.(*corev1.Pod)
	}
	return pods
}

// create stores a new object; obj must not be used afterwards.
func (s *Store) create(by Actor, obj client.Object) (client.Object, error) {
	k, key := kindOf(obj), client.ObjectKeyFromObject(obj)
	if _, ok := s.objects[k][key]; ok {
		return nil, apierrors.NewAlreadyExists(k.resource, key.Name)
	}
	if key.Namespace != "" && s.closing() {
		return nil, terminating(k, key)
	}
	if err := s.admits(k, key.Name); err != nil {
		return nil, err
	}
	if obj.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	s.uids++
	serial := strconv.FormatInt(s.uids, 10)
	obj.SetUID(types.UID("00000000-0000-4000-8000-000000000000"[:36-len(serial)] + serial))
	obj.SetCreationTimestamp(s.stamp())
	obj.SetDeletionTimestamp(nil)
	obj.SetDeletionGracePeriodSeconds(nil)
	obj.SetGeneration(1)
	k.admit(obj)
	return s.commit(k, by, nil, obj), nil
}

// update replaces the stored object by next, or only its status. next must not
// be used afterwards. An update that changes nothing is no event.
func (s *Store) update(by Actor, next client.Object, status bool) (client.Object, error) {
	k, key := kindOf(next), client.ObjectKeyFromObject(next)
	cur, err := s.get(k, key)
	if err != nil {
		return nil, err
	}
	if rv := next.GetResourceVersion(); rv != "" && rv != cur.GetResourceVersion() {
		return nil, conflict(k, key, "the object has been modified; please apply your changes to the latest version and try again")
	}
	if uid := next.GetUID(); uid != "" && uid != cur.GetUID() {
		return nil, conflict(k, key, "Precondition failed: UID in precondition: "+string(uid)+", UID in object meta: "+string(cur.GetUID()))
	}
	if status {
		k.keepSpec(next, cur)
	} else if err := s.keepSystemFields(k, next, cur); err != nil {
		return nil, err
	}
	next.SetResourceVersion(cur.GetResourceVersion())
	if apiequality.Semantic.DeepEqual(cur, next) {
		return cur, nil
	}
	return s.commit(k, by, cur, next), nil
}

// keepSystemFields restores what an update of the main resource cannot change
// and refuses what it must not.
func (s *Store) keepSystemFields(k *kind, next, cur client.Object) error {
	k.keepStatus(next, cur)
	next.SetUID(cur.GetUID())
	next.SetCreationTimestamp(cur.GetCreationTimestamp())
	next.SetDeletionTimestamp(cur.GetDeletionTimestamp())
	next.SetDeletionGracePeriodSeconds(cur.GetDeletionGracePeriodSeconds())
	next.SetGeneration(cur.GetGeneration())
	if k.specEqual != nil && !k.specEqual(next, cur) {
		next.SetGeneration(cur.GetGeneration() + 1)
	}
	if cur.GetDeletionTimestamp() == nil {
		return nil
	}
	for _, f := range next.GetFinalizers() {
		if !has(cur.GetFinalizers(), f) {
			return invalid(k, cur.GetName(), "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers [\""+f+"\"]")
		}
	}
	return nil
}

// remove is a DELETE request: preconditions, propagation, grace, finalizers.
func (s *Store) remove(by Actor, k *kind, key types.NamespacedName, o client.DeleteOptions) error {
	cur, err := s.get(k, key)
	if err != nil {
		return err
	}
	if p := o.Preconditions; p != nil {
		if p.UID != nil && *p.UID != cur.GetUID() {
			return conflict(k, key, "Precondition failed: UID in precondition: "+string(*p.UID)+", UID in object meta: "+string(cur.GetUID()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != cur.GetResourceVersion() {
			return conflict(k, key, "Precondition failed: ResourceVersion in precondition: "+*p.ResourceVersion+", ResourceVersion in object meta: "+cur.GetResourceVersion())
		}
	}
	next := cur.DeepCopyObject().(client.Object)
	propagate(next, o.PropagationPolicy)
	s.setDeletion(next, graceFor(k, cur, o.GracePeriodSeconds))
	if apiequality.Semantic.DeepEqual(cur, next) {
		return nil
	}
	s.commit(k, by, cur, next)
	return nil
}

// propagate sets the finalizers by which the garbage collector is told.
func propagate(next client.Object, policy *metav1.DeletionPropagation) {
	if policy == nil {
		return
	}
	keep := without(next.GetFinalizers(), []string{metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents})
	switch *policy {
	case metav1.DeletePropagationOrphan:
		keep = append(keep, metav1.FinalizerOrphanDependents)
	case metav1.DeletePropagationForeground:
		keep = append(keep, metav1.FinalizerDeleteDependents)
	case metav1.DeletePropagationBackground:
	}
	next.SetFinalizers(keep)
}

func graceFor(k *kind, cur client.Object, asked *int64) int64 {
	switch {
	case k.grace == nil || k.immediate(cur):
		return 0
	case asked != nil:
		return *asked
	}
	return k.grace(cur)
}

// setDeletion marks an object as being deleted; a second request can only
// shorten the grace.
func (s *Store) setDeletion(next client.Object, grace int64) {
	if next.GetDeletionTimestamp() != nil && *next.GetDeletionGracePeriodSeconds() <= grace {
		return
	}
	if next.GetDeletionTimestamp() == nil {
		next.SetGeneration(next.GetGeneration() + 1)
	}
	at := metav1.NewTime(s.stamp().Add(seconds(grace)))
	next.SetDeletionTimestamp(&at)
	next.SetDeletionGracePeriodSeconds(&grace)
}

// commit makes next durable, or removes the object if nothing holds it.
func (s *Store) commit(k *kind, by Actor, cur, next client.Object) client.Object {
	s.rv++
	delete(s.listed, k)
	next.SetResourceVersion(strconv.FormatInt(s.rv, 10))
	key := client.ObjectKeyFromObject(next)
	gone := next.GetDeletionTimestamp() != nil && *next.GetDeletionGracePeriodSeconds() == 0 && len(next.GetFinalizers()) == 0
	change := Change{Kind: k, By: by, Old: cur, New: next}
	if gone {
		delete(s.objects[k], key)
		change.New = nil
	} else {
		s.objects[k][key] = next
	}
	s.logs[k] = append(s.logs[k], Event{RV: s.rv, Object: next, Deleted: gone})
	for _, hook := range s.Hooks {
		hook(change)
	}
	return next
}
