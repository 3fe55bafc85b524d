package world

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// authorsLabel is what a selector of the job's author asks for.
const authorsLabel = "app"

// drawHands gives a job the company of hands that have no business there: they
// relabel pods, take our finalizer off, make pods that the job's selector
// matches, set a quota or have pods refused for good.
func drawHands(s *storm, rng *rand.Rand, j *v1alpha1.BatchJob) {
	w := s.world
	w.rng = rng
	if rng.IntN(3) == 0 {
		w.drawFeatures(rng, j)
	}
	w.User.Meddles = []int{0, 1, 3, 8}[rng.IntN(4)]
	w.User.Rules = []int{0, 1, 2}[rng.IntN(3)]
	if rng.IntN(3) > 0 {
		return
	}
	yes := true
	j.Spec.ManualSelector = &yes
	j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{authorsLabel: j.Name}}
	j.Spec.Template.Labels = map[string]string{authorsLabel: j.Name}
}

// meddle is one such thing.
func (u *User) meddle() bool {
	u.Meddles--
	if j := u.anyJob(); j != nil && j.Spec.IsManualSelector() && u.rng.IntN(3) == 0 {
		return u.makeStray(j)
	}
	pods := u.store.Pods()
	if len(pods) == 0 {
		return false
	}
	p := pods[u.rng.IntN(len(pods))]
	switch u.rng.IntN(5) {
	case 0:
		return u.change(p, "takes our finalizer off", func(p *corev1.Pod) {
			p.Finalizers = without(p.Finalizers, []string{v1alpha1.FinalizerJobTracking})
		})
	case 1:
		return u.change(p, "takes our label off", func(p *corev1.Pod) { delete(p.Labels, v1alpha1.LabelJobUID) })
	case 2:
		return u.change(p, "takes the run's label off", func(p *corev1.Pod) { delete(p.Labels, v1alpha1.LabelRun) })
	case 3:
		return u.change(p, "takes the selector's labels off", func(p *corev1.Pod) {
			delete(p.Labels, authorsLabel)
			delete(p.Labels, v1alpha1.LabelControllerUID)
		})
	}
	return u.change(p, "gives the author's label", func(p *corev1.Pod) {
		if p.Labels == nil {
			p.Labels = map[string]string{}
		}
		p.Labels[authorsLabel] = "job"
	})
}

// change is a hand on a pod.
func (u *User) change(p *corev1.Pod, what string, do func(*corev1.Pod)) bool {
	next := p.DeepCopy()
	do(next)
	o, err := u.store.update(user, next, false)
	if err != nil {
		panic(err)
	}
	if o == p {
		return false
	}
	u.story.Add("the user %s: pod %s", what, p.Name)
	return true
}

// makeStray makes a pod that the selector of a job matches.
func (u *User) makeStray(j *v1alpha1.BatchJob) bool {
	u.strays++
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: j.Namespace, Name: fmt.Sprintf("stray-%d", u.strays), Labels: map[string]string{authorsLabel: j.Name},
	}, Spec: *j.Spec.Template.Spec.DeepCopy()}
	if _, err := u.store.create(user, p); err != nil {
		return false // a quota, or the namespace goes
	}
	u.story.Add("the user makes pod %s, which the selector matches", p.Name)
	return true
}
