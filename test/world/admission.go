package world

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Admission is what the namespace has to say to a new pod, for as long as
// somebody wants it so.
type Admission struct {
	// Quota is how many pods may be there that have not ended; nil is no quota.
	Quota *int
	// Denied refuses every pod for good, as a validating policy does.
	Denied bool
	// refusals is how often a process was refused so.
	refusals int
}

// admits is the answer to the creation of a pod.
func (s *Store) admits(k *kind, name string) error {
	if k != podKind {
		return nil
	}
	switch {
	case s.Admission.Denied:
		s.Admission.refusals++
		return invalid(k, name, "spec.containers[0].image: Invalid value: \"busybox\": no image from there")
	case s.Admission.Quota == nil:
		return nil
	}
	used := 0
	for _, p := range s.Pods() {
		if !podEnded(p) {
			used++
		}
	}
	if used < *s.Admission.Quota {
		return nil
	}
	s.Admission.refusals++
	return apierrors.NewForbidden(k.resource, name, errors.New("exceeded quota: compute, requested: pods=1, used and limited: as many"))
}

// rule sets a quota, has pods refused for good, or takes that back.
func (u *User) rule() bool {
	u.Rules--
	a := &u.store.Admission
	switch {
	case a.Denied || a.Quota != nil:
		u.relent()
	case u.rng.IntN(3) == 0:
		a.Denied = true
		u.story.Add("the user has every pod refused")
	default:
		n := u.rng.IntN(3)
		a.Quota = &n
		u.story.Add("the user sets a quota of %d pods", n)
	}
	return true
}

// relent lifts what rule has set. Where pods were refused for good, only a
// change of the manifest or a request lets the operator try again: this is the
// request.
func (u *User) relent() {
	a := &u.store.Admission
	if a.Quota == nil && !a.Denied {
		return
	}
	denied := a.Denied
	a.Denied, a.Quota = false, nil
	u.story.Add("the user lifts the quota and lets pods be")
	if !denied {
		return
	}
	for _, o := range u.store.list(jobKind) {
		next := o.DeepCopyObject().(*v1alpha1.BatchJob)
		next.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: u.story.clock.now.String()}
		if _, err := u.store.update(user, next, false); err != nil {
			panic(err)
		}
		u.story.Add("the user asks for a look at %s", next.Name)
	}
}
