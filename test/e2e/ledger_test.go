//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// ledger is what became of every pod of a namespace, also of those that are
// gone: by what is in the cluster now nobody can tell how often a job ran.
type ledger struct {
	mu       sync.Mutex
	order    []types.UID
	pods     map[types.UID]*corev1.Pod // as last seen
	alive    map[types.UID]bool
	together []string
}

// watch keeps a ledger from now on until the test's end.
func (s *space) watch() *ledger {
	s.Helper()
	l := &ledger{pods: map[types.UID]*corev1.Pod{}, alive: map[types.UID]bool{}}
	factory := informers.NewSharedInformerFactoryWithOptions(core, 0, informers.WithNamespace(s.name))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { l.see(o.(*corev1.Pod), false) },
		UpdateFunc: func(_, o any) { l.see(o.(*corev1.Pod), false) },
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			l.see(o.(*corev1.Pod), true)
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	factory.Start(s.Context().Done())
	if !cache.WaitForCacheSync(s.Context().Done(), informer.HasSynced) {
		s.Fatal("the pods cannot be watched")
	}
	return l
}

func (l *ledger) see(pod *corev1.Pod, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pods[pod.UID] == nil {
		l.order = append(l.order, pod.UID)
	}
	l.pods[pod.UID] = pod
	l.alive[pod.UID] = !gone && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
	byJob := map[string][]string{}
	for uid, alive := range l.alive {
		if p := l.pods[uid]; alive && p.Labels["job-name"] != "" {
			byJob[p.Labels["job-name"]] = append(byJob[p.Labels["job-name"]], image(p))
		}
	}
	for job, images := range byJob {
		slices.Sort(images)
		if images = slices.Compact(images); len(images) > 1 {
			l.together = append(l.together, job+": "+strings.Join(images, " and "))
		}
	}
}

func image(p *corev1.Pod) string { return p.Spec.Containers[0].Image }

// of lists the images of all pods that a job ever had, in order of creation.
func (l *ledger) of(job string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, uid := range l.order {
		if p := l.pods[uid]; p.Labels["job-name"] == job {
			out = append(out, image(p))
		}
	}
	return out
}

// overlaps lists the moments at which pods of two releases of one job were
// alive.
func (l *ledger) overlaps() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.together)
}

// ran fails unless a job has had exactly these pods, by their images.
func (s *space) ran(l *ledger, job string, images ...string) {
	s.Helper()
	if got := l.of(job); !slices.Equal(got, images) {
		s.Errorf("%s has run pods of %q, want %q\n%s", job, got, images, s.describe())
	}
	if both := l.overlaps(); len(both) > 0 {
		s.Errorf("two revisions at once: %q", both)
	}
}

// saw prints what a scenario has seen, as `make test-e2e` shows it.
func (s *space) saw(format string, args ...any) {
	s.Helper()
	_, name, _ := strings.Cut(s.Name(), "/")
	name = strings.TrimPrefix(name, together+"/")
	if !s.Failed() {
		fmt.Printf("e2e: %s: %s\n", strings.ReplaceAll(name, "_", " "), fmt.Sprintf(format, args...))
	}
}

// succeeded lists the number of the run of every pod of a job that succeeded.
// One that was removed before it had started did nothing.
func (l *ledger) succeeded(job string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, uid := range l.order {
		if p := l.pods[uid]; p.Labels["job-name"] == job && p.Status.Phase == corev1.PodSucceeded {
			out = append(out, p.Labels[v1alpha1.LabelRun])
		}
	}
	return out
}
