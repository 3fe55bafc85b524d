package world

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// touches is what hands that are nobody's process, and the garbage collector of
// a job that orphans its pods, have done to a pod. Whether the end of such a pod
// is counted depends on who saw it before and who after; that it is not counted
// twice does not.
type touches struct {
	// freed: our finalizer was taken off. stripped: a label was by which we know
	// our pods. parted: it left the job's selector, or had no controller once.
	freed, stripped, parted bool
	// age is which process was the last to start when it lost the label by which it
	// is cached: only that one may have been told.
	age int
}

func (p *podTruth) touched() bool { return p != nil && (p.freed || p.stripped || p.parted) }

// uncertain: nobody can say whether its end is to be counted.
func (p *podTruth) uncertain() bool { return p.touched() && p.recorded == unrecorded }

// excused: nobody needs to know of it.
func (p *podTruth) excused() bool { return p.late || p.touched() }

// overlooked: who made another pod need not have known of this one, nor of a
// record of its end that it had not read.
func overlooked(by Actor, p *podTruth) bool {
	unsure := p.uncertain() || p.touched() && p.recordedRV > by.Seen[p.job]
	return p.late && !sees(by, p) || unsure && (p.parted || !sees(by, p))
}

// touch takes in what hands do.
func (p *podTruth) touch(old, now *corev1.Pod, process int) {
	if now == nil {
		p.freed = p.freed || held(old)
		return
	}
	lost := func(label string) bool { return old.Labels[label] != "" && now.Labels[label] == "" }
	p.freed = p.freed || held(old) && !held(now)
	p.stripped = p.stripped || lost(v1alpha1.LabelJobUID) || lost(v1alpha1.LabelRun)
	if lost(v1alpha1.LabelJobUID) {
		p.age = process
	}
	p.parted = p.parted || lost(v1alpha1.LabelControllerUID) || lost(authorsLabel) || controllerOf(old) != "" && controllerOf(now) == ""
}

// claimed takes in that an operator made a job the controller of a pod, or
// ceased to.
func (t *Truth) claimed(old, now *corev1.Pod, by Actor) {
	was, is := controllerOf(old), controllerOf(now)
	if was == is {
		return
	}
	p := t.pods[now.UID]
	if p == nil {
		p = &podTruth{index: indexOf(now)}
		p.follow(now, lastEnd(now))
		t.pods[now.UID] = p
		t.order = append(t.order, p)
	}
	p.parted = true
	p.late = false
	if is == "" {
		t.disowned(p, now, by)
		return
	}
	if p.job != is {
		p.recorded = unrecorded
	}
	p.job = is
	t.adopted(p, now, by)
}

// nobodys are the pods that a job has given up.
const nobodys types.UID = "nobody"

// disowned judges that a pod is given up: it has left the selector.
func (t *Truth) disowned(p *podTruth, now *corev1.Pod, by Actor) {
	v := t.seen(p.job, by)
	if v != nil && selects(v, now) {
		t.world.fail("%s gives up pod %s, which its selector matches", by.Name, now.Name)
	}
	if held(now) || now.Labels[v1alpha1.LabelJobUID] != "" {
		t.world.fail("%s gives up pod %s and leaves our finalizer or label on it", by.Name, now.Name)
	}
	if p.recorded == unrecorded {
		p.job = nobodys
	}
}

// seen is the version of a job that an actor stands on; nil if it has read none.
func (t *Truth) seen(job types.UID, by Actor) *v1alpha1.BatchJob {
	if j := t.jobs[job]; j != nil {
		return j.versions[by.Seen[job]]
	}
	return nil
}

// adopted judges that a job takes over a pod: it is there, the pod matches, and
// nobody else controls it.
func (t *Truth) adopted(p *podTruth, now *corev1.Pod, by Actor) {
	v := t.seen(p.job, by)
	switch {
	case v == nil || v.DeletionTimestamp != nil:
		t.world.fail("%s adopts pod %s for a job that goes", by.Name, now.Name)
	case !selects(v, now):
		t.world.fail("%s adopts pod %s, which its selector does not match", by.Name, now.Name)
	case !held(now) || now.Labels[v1alpha1.LabelJobUID] != string(p.job):
		t.world.fail("%s adopts pod %s without our finalizer and label", by.Name, now.Name)
	}
	p.policy = v.Spec.PodFailurePolicy
}

// selects tells whether a job's selector, its author's or the generated one,
// matches a pod.
func selects(j *v1alpha1.BatchJob, p *corev1.Pod) bool {
	if j.Spec.IsManualSelector() {
		return p.Labels[authorsLabel] == j.Spec.Selector.MatchLabels[authorsLabel]
	}
	return p.Labels[v1alpha1.LabelControllerUID] == string(j.UID)
}

// lastEnd is when a container of the pod ended; zero if none has.
func lastEnd(p *corev1.Pod) (end time.Time) {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			end = c.State.Terminated.FinishedAt.Time
		}
	}
	return end
}

func controllerOf(p *corev1.Pod) types.UID {
	if ref := metav1.GetControllerOf(p); ref != nil {
		return ref.UID
	}
	return ""
}

// amend puts our label back on pods that nobody can find without it: those that
// lost it before the present process began, which was not told, and those that
// are orphaned and name no job. All others must have been found.
func (w *World) amend() {
	for _, p := range w.Truth.order {
		if p.gone || !held(p.now) || !p.stripped || p.now.Labels[v1alpha1.LabelJobUID] != "" ||
			p.age == w.serial && controllerOf(p.now) != "" {
			continue
		}
		w.User.change(p.now, "puts our label back", func(q *corev1.Pod) { q.Labels[v1alpha1.LabelJobUID] = string(p.job) })
	}
}

// tended judges, when operators have had their time, that hands have done no
// lasting harm: what runs for the job is held, labelled and selected.
func (t *Truth) tended(j *v1alpha1.BatchJob, pods []*podTruth) {
	if j.Spec.IsSuspended() || decided(j) {
		return
	}
	for _, p := range pods {
		if p.gone || !activePod(p.now) {
			continue
		}
		if !held(p.now) || p.now.Labels[v1alpha1.LabelJobUID] == "" || p.now.Labels[v1alpha1.LabelRun] == "" || !selects(j, p.now) {
			t.world.fail("the operator has settled, and pod %s runs with labels %v and finalizers %v", p.now.Name, p.now.Labels, p.now.Finalizers)
		}
	}
}
