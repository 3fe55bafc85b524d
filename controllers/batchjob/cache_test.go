package batchjob

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/features"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestTrimmedPodsTellTheSame: whatever facts.go and observe.go read of a pod, a
// cached one has it.
func TestTrimmedPodsTellTheSame(t *testing.T) {
	for seed := range uint64(2000) {
		p := randomPod(rand.New(rand.NewPCG(seed, 7)))
		before := p.DeepCopy()
		out, err := TrimPod(p)
		trimmed, ok := out.(*corev1.Pod)
		if err != nil || !ok {
			t.Fatal(out, err)
		}
		for _, messages := range []bool{true, false} {
			same(t, "facts", factsOf(trimmed, messages), factsOf(p, messages))
		}
		wantName, wantUID := ownerOf(p)
		gotName, gotUID := ownerOf(trimmed)
		same(t, "owner", []any{gotName, gotUID, leftSelector(job(), trimmed), ended(trimmed)}, []any{wantName, wantUID, leftSelector(job(), p), ended(p)})
		same(t, "for patches and preconditions", []any{trimmed.Namespace, trimmed.ResourceVersion, trimmed.Finalizers, trimmed.DeletionTimestamp},
			[]any{p.Namespace, p.ResourceVersion, p.Finalizers, p.DeletionTimestamp})
		same(t, "the argument", p, before)
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, p)
		}
	}
}

func randomPod(chance *rand.Rand) *corev1.Pod {
	one := func(in int) bool { return chance.IntN(in) == 0 }
	p := pod("p")
	for _, key := range []string{v1alpha1.LabelJobUID, v1alpha1.LabelJobName, v1alpha1.LabelJob, v1alpha1.LabelRun, v1alpha1.LabelControllerUID, "app", v1alpha1.LabelCompletionIndex} {
		if one(3) {
			p.Labels[key] = fmt.Sprint(chance.IntN(5))
		} else if one(4) {
			delete(p.Labels, key)
		}
	}
	for _, key := range []string{v1alpha1.AnnotationRevision, v1alpha1.AnnotationCompletionIndex, v1alpha1.AnnotationIndexFailureCount,
		v1alpha1.AnnotationIndexIgnoredFailureCount, "note"} {
		if one(2) {
			p.Annotations[key] = []string{"3", "-1", "x", "0"}[chance.IntN(4)]
		}
	}
	if one(4) {
		p.Finalizers = []string{"acme.io/theirs"}
	}
	if one(5) {
		p.OwnerReferences = nil
	}
	if one(4) {
		p.DeletionTimestamp = new(at(time.Minute))
		p.DeletionGracePeriodSeconds = new(chance.Int64N(3))
	}
	if one(4) {
		p.Spec.NodeName = ""
	}
	p.Spec.Containers = []corev1.Container{{Name: "c0", Image: "x"}}
	p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	randomStatus(chance, &p.Status)
	return p
}

func randomStatus(chance *rand.Rand, s *corev1.PodStatus) {
	one := func(in int) bool { return chance.IntN(in) == 0 }
	s.Phase = []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown, ""}[chance.IntN(6)]
	if one(3) {
		s.Reason, s.Message = "Evicted", "low on memory"
	}
	for _, t := range []corev1.PodConditionType{corev1.PodReady, corev1.PodScheduled, corev1.DisruptionTarget, v1alpha1.PodConditionStartTimeout, "acme.io/Theirs"} {
		if one(2) {
			s.Conditions = append(s.Conditions, corev1.PodCondition{Type: t, Status: []corev1.ConditionStatus{"True", "False", "Unknown"}[chance.IntN(3)],
				Reason: "Because", Message: "of that", LastTransitionTime: at(time.Duration(chance.IntN(100)) * time.Second)})
		}
	}
	for i := range chance.IntN(3) {
		s.ContainerStatuses = append(s.ContainerStatuses, randomContainer(chance, fmt.Sprintf("c%d", i)))
	}
	for i := range chance.IntN(3) {
		s.InitContainerStatuses = append(s.InitContainerStatuses, randomContainer(chance, fmt.Sprintf("i%d", i)))
	}
}

func randomContainer(chance *rand.Rand, name string) corev1.ContainerStatus {
	end := func() corev1.ContainerStatus {
		return exited(chance.Int32N(3), -time.Duration(chance.IntN(100))*time.Second, "Error", "words")
	}
	s := []corev1.ContainerStatus{end(), runs(0), waits([]string{"ErrImagePull", "ContainerCreating", "CreateContainerConfigError"}[chance.IntN(3)], "why"),
		crashed(1, end()), {}}[chance.IntN(5)]
	s.Name, s.RestartCount, s.Image = name, chance.Int32N(4), "registry/x:1"
	return s
}

// TestTrimmedPodsAreSmall: what a cluster's worth of pods costs in memory.
func TestTrimmedPodsAreSmall(t *testing.T) {
	p := pod("p", containers(runs(0)))
	p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	p.Labels["app"], p.Annotations["note"] = "a", "b"
	p.Spec.Containers = []corev1.Container{{Name: "main", Image: "x"}}
	p.Status.PodIP, p.Status.QOSClass = "10.0.0.1", corev1.PodQOSBurstable
	out, err := TrimPod(p)
	trimmed, ok := out.(*corev1.Pod)
	if err != nil || !ok {
		t.Fatal(out, err)
	}
	same(t, "spec", trimmed.Spec, corev1.PodSpec{NodeName: "node"})
	same(t, "what others wrote", []any{trimmed.ManagedFields, trimmed.Labels["app"], trimmed.Annotations["note"], trimmed.Status.PodIP},
		[]any{[]metav1.ManagedFieldsEntry(nil), "", "", ""})

	other := &v1alpha1.BatchJob{}
	left, err := TrimPod(other)
	same(t, "another object", []any{left == any(other), err}, []any{true, nil})
}

// TestWhichPodsAreCached: those with our own label, whatever its value.
func TestWhichPodsAreCached(t *testing.T) {
	o := cache.Options{}
	if err := new(PodCache).AddTo(&o); err != nil || len(o.ByObject) != 1 {
		t.Fatal(o, err)
	}
	for object, by := range o.ByObject {
		if _, ok := object.(*corev1.Pod); !ok {
			t.Errorf("%T is restricted", object)
		}
		same(t, "ours", by.Label.Matches(labels.Set(newPod(job(), order).Labels)), true)
		same(t, "others", by.Label.Matches(labels.Set{v1alpha1.LabelJobName: "work"}), false)
	}
}

// TestPodCacheVersion: that of the oldest store of pods, which follows what the
// store holds, also over a list in no order.
func TestPodCacheVersion(t *testing.T) {
	c := &PodCache{}
	same(t, "without informers", c.Version(), "")
	first := c.newInformer(nil, &corev1.Pod{}, 0, nil).GetStore()
	second := c.newInformer(nil, &corev1.Pod{}, 0, nil).GetStore()
	_ = c.newInformer(nil, &v1alpha1.BatchJob{}, 0, nil)
	same(t, "with nothing in them", c.Version(), "")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(first.Replace([]any{podAt("a", "90"), podAt("b", "30")}, "95"))
	same(t, "with nothing in the second", c.Version(), "")
	must(second.Add(podAt("c", "100")))
	same(t, "the older of two", c.Version(), "95")
	must(first.Update(podAt("b", "101")))
	same(t, "the other is the older now", c.Version(), "100")
	must(second.Delete(podAt("c", "102")))
	same(t, "a deletion", c.Version(), "101")
	first.Bookmark("1000")
	same(t, "news of nothing", c.Version(), "102")
}

// TestPodCacheNeedsItsFeature: without it every look would be taken for old.
func TestPodCacheNeedsItsFeature(t *testing.T) {
	was := features.FeatureGates()
	defer features.ReplaceFeatureGates(was)
	features.ReplaceFeatureGates(off{was})
	err := new(PodCache).AddTo(&cache.Options{})
	if err == nil || !strings.Contains(err.Error(), "KUBE_FEATURE_AtomicFIFO") {
		t.Errorf("%v", err)
	}
}

// off are gates of which one is closed.
type off struct{ features.Gates }

func (o off) Enabled(f features.Feature) bool { return f != features.AtomicFIFO && o.Gates.Enabled(f) }
