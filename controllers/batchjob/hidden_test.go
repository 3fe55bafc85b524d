package batchjob

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestHidden: which pods are asked for that the cache does not show.
func TestHidden(t *testing.T) {
	key := types.NamespacedName{Namespace: "team", Name: "work"}
	asked := []engine.PodRef{{Name: "p", UID: "uid-p"}}
	free := func(p *corev1.Pod) { p.Finalizers = nil }
	for _, c := range []struct {
		name string
		do   func(*hidden)
		want []engine.PodRef
	}{
		{"one that is there", func(h *hidden) { h.saw(key, pod("p"), false) }, nil},
		{"it leaves, held by us", func(h *hidden) { h.saw(key, pod("p"), true) }, asked},
		{"it leaves and we held it no more", func(h *hidden) { h.saw(key, pod("p", free), true) }, nil},
		{"it goes as we let it go", func(h *hidden) { h.free(key, "uid-p"); h.saw(key, pod("p"), true) }, nil},
		{"it comes back", func(h *hidden) { h.saw(key, pod("p"), true); h.saw(key, pod("p"), false) }, nil},
		{"it does not exist", func(h *hidden) { h.saw(key, pod("p"), true); h.gone(key, "uid-p") }, nil},
		{"its name is taken, and it has no label", func(h *hidden) { h.found(key, pod("p")) }, asked},
		{"the job is gone", func(h *hidden) { h.saw(key, pod("p"), true); h.forget(key) }, asked},
	} {
		h := newHidden()
		c.do(h)
		same(t, c.name, h.of(key), c.want)
	}
}

// TestUnseen: an end is not counted before it is known what has become of its pod.
func TestUnseen(t *testing.T) {
	j := job(func(j *v1alpha1.BatchJob) {
		j.Status.UncountedTerminatedPods = &v1alpha1.UncountedTerminatedPods{Succeeded: []types.UID{"uid-p"}, Failed: []types.UID{"uid-q"}}
	})
	key := types.NamespacedName{Namespace: "team", Name: "work"}
	h := newHidden()
	same(t, "neither is there", h.unseen(j, nil), []types.UID{"uid-p", "uid-q"})
	same(t, "one is", h.unseen(j, []*corev1.Pod{pod("p")}), []types.UID{"uid-q"})
	h.free(key, "uid-q")
	same(t, "the other is known to go", h.unseen(j, []*corev1.Pod{pod("p")}), []types.UID(nil))
	h.unseen(job(), nil)
	same(t, "what is remembered when it is counted", len(h.freed[key]), 0)
}

// TestNames: those of a former job of the name do not matter.
func TestNames(t *testing.T) {
	n := newNames()
	n.add(job(), "b")
	n.add(job(), "a")
	same(t, "in their order", n.of(job()), []string{"a", "b"})
	same(t, "of another", n.of(job(func(j *v1alpha1.BatchJob) { j.UID = "other" })), []string(nil))
	n.forget(types.NamespacedName{Namespace: "team", Name: "work"})
	same(t, "forgotten", n.of(job()), []string(nil))
}

// TestOwnerOfAnOrphan: of a pod without controller the labels tell whose it was.
func TestOwnerOfAnOrphan(t *testing.T) {
	orphaned := func(p *corev1.Pod) { p.OwnerReferences = nil }
	name, uid := ownerOf(pod("p", orphaned))
	same(t, "with the generated selector", name+"/"+string(uid), "work/uid-of-work")
	name, uid = ownerOf(pod("p", orphaned, func(p *corev1.Pod) {
		p.Labels = map[string]string{v1alpha1.LabelJobUID: "uid-of-work", v1alpha1.LabelJob: "work"}
	}))
	same(t, "with the author's", name+"/"+string(uid), "work/uid-of-work")
}
