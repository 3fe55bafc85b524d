package batchjob

import (
	"fmt"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// heapPerPod is what one ended pod may cost in the cache, in bytes.
const heapPerPod = 4 << 10

// TestHeapPerCachedPod measures what an ended pod of an Indexed job costs in the
// operator's cache: decoded as an informer does, trimmed, and put into a store
// with its indexes.
func TestHeapPerCachedPod(t *testing.T) {
	got := heapPer(t, 5000, TrimPod)
	t.Logf("heap per cached pod: %d bytes, %d whole", got, heapPer(t, 5000, func(o any) (any, error) { return o, nil }))
	if got > heapPerPod {
		t.Errorf("a cached pod costs %d bytes, more than %d", got, heapPerPod)
	}
}

func heapPer(t *testing.T, pods int, trim toolscache.TransformFunc) int {
	wire, err := endedPod().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	store := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, toolscache.Indexers{
		toolscache.NamespaceIndex: toolscache.MetaNamespaceIndexFunc,
		"field:" + PodIndex: func(o any) ([]string, error) {
			job := IndexPod(o.(*corev1.Pod))[0]
			return []string{"__all_namespaces/" + job, o.(*corev1.Pod).Namespace + "/" + job}, nil
		},
	})
	before := live()
	for i := range pods {
		decoded := &corev1.Pod{}
		if err := decoded.Unmarshal(wire); err != nil {
			t.Fatal(err)
		}
		decoded.Name, decoded.UID = fmt.Sprintf("large-%d-%05x", i, i), types.UID(fmt.Sprintf("01234567-89ab-cdef-0123-%012x", i))
		decoded.Annotations[v1alpha1.AnnotationCompletionIndex] = fmt.Sprint(i)
		decoded.ManagedFields = nil
		kept, err := trim(decoded)
		if err == nil {
			err = store.Add(kept)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	used := live() - before
	runtime.KeepAlive(store)
	return int(used) / pods
}

// live is the heap after a collection, in bytes.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// endedPod is a pod as the API server sends it when its node has let it go.
func endedPod() *corev1.Pod {
	j := job(func(j *v1alpha1.BatchJob) { j.Name = "large" })
	p := newPod(j, engine.PodOrder{Name: "large-0-00000", Index: 0, Indexed: true, Run: 1, Revision: "v1-0123456789abcdef"})
	p.ResourceVersion, p.CreationTimestamp, p.Spec.NodeName = "123456", at(0), "node-1"
	p.Status = corev1.PodStatus{Phase: corev1.PodSucceeded, PodIP: "10.1.2.3", HostIP: "10.0.0.1", StartTime: &metav1.Time{Time: now}, QOSClass: corev1.PodQOSBestEffort}
	for _, c := range []corev1.PodConditionType{"PodReadyToStartContainers", corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: c, Status: corev1.ConditionFalse, Reason: "PodCompleted", LastTransitionTime: at(0)})
	}
	p.Status.Conditions[4].Status = corev1.ConditionTrue
	p.Status.ContainerStatuses = []corev1.ContainerStatus{exited(0, 0, "Completed", "")}
	c := &p.Status.ContainerStatuses[0]
	c.Name, c.Image, c.ImageID, c.ContainerID = "main", "busybox", "busybox@sha256:0123456789abcdef", "containerd://0123456789abcdef"
	return p
}
