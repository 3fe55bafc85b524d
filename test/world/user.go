package world

import (
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// User is whoever has kubectl.
type User struct {
	store *Store
	story *Story
	rng   *rand.Rand
	// Edits is how many edits of the spec are still to come.
	Edits int
	// PodDeletions is how many pods will still be deleted by hand.
	PodDeletions int
	// MayDelete allows the deletion of the job, once.
	MayDelete bool
	// Again is what is applied anew, once, when the deleted job is gone.
	Again *v1alpha1.BatchJob
	// Elastic edits change the fields that features brought too.
	Elastic bool
	// MayClose allows the deletion of the namespace.
	MayClose bool
	// Meddles is how many times hands will yet touch pods; see drawHands.
	Meddles int
	// Rules is how often a quota will yet be set or lifted.
	Rules  int
	strays int
}

var user = Actor{Name: "user"}

// Step does one thing; false if the user is content.
func (u *User) Step() bool {
	switch {
	case u.Meddles > 0 && u.rng.IntN(3) == 0:
		return u.meddle()
	case u.Rules > 0 && u.rng.IntN(4) == 0:
		return u.rule()
	case u.MayClose && u.rng.IntN(12) == 0:
		return u.closeNamespace()
	case u.Again != nil && len(u.store.list(jobKind)) == 0:
		again := u.Again
		u.Again = nil
		u.Create(again)
		return true
	case u.MayDelete && u.rng.IntN(12) == 0:
		return u.deleteJob()
	case u.PodDeletions > 0 && u.rng.IntN(2) == 0:
		return u.deletePod()
	case u.Edits > 0:
		return u.edit()
	}
	return false
}

// Create applies a manifest.
func (u *User) Create(j *v1alpha1.BatchJob) *v1alpha1.BatchJob {
	o, err := u.store.create(user, j.DeepCopy())
	if err != nil {
		panic(err)
	}
	u.story.Add("the user creates %s: %v", j.Name, describe(&j.Spec))
	return o.(*v1alpha1.BatchJob)
}

// Edit changes the spec of a job.
func (u *User) Edit(j *v1alpha1.BatchJob, change func(*v1alpha1.BatchJobSpec)) {
	next := j.DeepCopy()
	change(&next.Spec)
	if _, err := u.store.update(user, next, false); err != nil {
		panic(err)
	}
	u.story.Add("the user edits %s: %v", j.Name, describe(&next.Spec))
}

func (u *User) edit() bool {
	j := u.anyJob()
	if j == nil {
		return false
	}
	u.Edits--
	if u.Elastic && u.rng.IntN(2) == 0 && u.editFeatures(j) {
		return true
	}
	switch u.rng.IntN(8) {
	case 0:
		suspend := !j.Spec.IsSuspended()
		u.Edit(j, func(s *v1alpha1.BatchJobSpec) { s.Suspend = &suspend })
		return true
	case 1, 2:
		limit := int32(u.rng.IntN(5))
		u.Edit(j, func(s *v1alpha1.BatchJobSpec) { s.BackoffLimit = &limit })
		return true
	}
	if j.Spec.Parallelism == nil && j.Spec.Completions == nil {
		return false // giving it a parallelism would make it a work queue
	}
	n := int32(u.rng.IntN(5))
	u.Edit(j, func(s *v1alpha1.BatchJobSpec) { s.Parallelism = &n })
	return true
}

// DeleteJob deletes a job with one of the three kinds of propagation.
func (u *User) DeleteJob(j *v1alpha1.BatchJob, policy metav1.DeletionPropagation) {
	err := u.store.remove(user, jobKind, client.ObjectKeyFromObject(j), client.DeleteOptions{PropagationPolicy: &policy})
	if err != nil {
		panic(err)
	}
	u.story.Add("the user deletes %s (%s)", j.Name, policy)
}

func (u *User) deleteJob() bool {
	j := u.anyJob()
	if j == nil {
		return false
	}
	u.MayDelete = false
	policies := []metav1.DeletionPropagation{
		metav1.DeletePropagationBackground, metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan,
	}
	u.DeleteJob(j, policies[u.rng.IntN(len(policies))])
	return true
}

// deletePod deletes a pod by hand, sometimes by force.
func (u *User) deletePod() bool {
	var candidates []*corev1.Pod
	for _, p := range u.store.Pods() {
		if p.DeletionTimestamp == nil {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		return false
	}
	u.PodDeletions--
	u.DeletePod(candidates[u.rng.IntN(len(candidates))], u.rng.IntN(4) == 0)
	return true
}

// DeletePod deletes a pod, gracefully or by force.
func (u *User) DeletePod(p *corev1.Pod, force bool) {
	o := client.DeleteOptions{}
	if force {
		zero := int64(0)
		o.GracePeriodSeconds = &zero
	}
	if err := u.store.remove(user, podKind, client.ObjectKeyFromObject(p), o); err != nil {
		panic(err)
	}
	u.story.Add("the user deletes pod %s (by force: %v)", p.Name, force)
}

func (u *User) anyJob() *v1alpha1.BatchJob {
	var jobs []*v1alpha1.BatchJob
	for _, o := range u.store.list(jobKind) {
		if o.GetDeletionTimestamp() == nil {
			jobs = append(jobs, o.(*v1alpha1.BatchJob))
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	return jobs[u.rng.IntN(len(jobs))]
}
