//go:build integration

package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// witness sees every version of the pods and BatchJobs of a namespace, and what
// no version may show: pods of two runs, or of two revisions, that have not
// ended, at the same time; a run that is left out or comes back.
type witness struct {
	mu       sync.Mutex
	pods     map[string]*corev1.Pod
	runs     map[types.UID]int64
	problems []string
	versions int
}

func newWitness(t *testing.T, namespace string) *witness {
	t.Helper()
	s := &witness{pods: map[string]*corev1.Pod{}, runs: map[types.UID]int64{}}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	watcher, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []client.ObjectList{&corev1.PodList{}, &v1alpha1.BatchJobList{}} {
		events, err := watcher.Watch(ctx, list, client.InNamespace(namespace))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for e := range events.ResultChan() {
				switch object := e.Object.(type) {
				case *corev1.Pod:
					s.pod(object, e.Type == "DELETED")
				case *v1alpha1.BatchJob:
					s.job(object)
				}
			}
		}()
	}
	return s
}

func (s *witness) pod(pod *corev1.Pod, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions++
	if gone || over(pod) {
		delete(s.pods, pod.Name)
		return
	}
	s.pods[pod.Name] = pod
	for _, other := range s.pods {
		same := runOf(other) == runOf(pod) && other.Annotations[v1alpha1.AnnotationRevision] == pod.Annotations[v1alpha1.AnnotationRevision]
		if other.Labels[v1alpha1.LabelJobName] == pod.Labels[v1alpha1.LabelJobName] && !same {
			s.problems = append(s.problems, fmt.Sprintf("pod %s of run %s is there together with pod %s of run %s",
				other.Name, runOf(other), pod.Name, runOf(pod)))
		}
	}
}

func (s *witness) job(job *v1alpha1.BatchJob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions++
	run := job.GetRun()
	if last := s.runs[job.UID]; run != last && run != last+1 {
		s.problems = append(s.problems, fmt.Sprintf("BatchJob %s goes from run %d to %d", job.Name, last, run))
	}
	s.runs[job.UID] = run
	if history := job.Status.History; run > 1 && (len(history) == 0 || history[0].Run != run-1) {
		s.problems = append(s.problems, fmt.Sprintf("BatchJob %s is in run %d with a history of %v", job.Name, run, history))
	}
}

func (s *witness) judge(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, problem := range s.problems {
		t.Error(problem)
	}
	if s.versions == 0 {
		t.Error("the witness saw nothing")
	}
}
