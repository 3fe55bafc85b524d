package batchjob

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

var order = engine.PodOrder{Name: "work-abcde", Run: 4, Revision: "v1-123"}

// rich has in its template whatever newPod touches, and what others put there.
func rich() *v1alpha1.BatchJob {
	return job(func(j *v1alpha1.BatchJob) {
		j.Spec.Template.ObjectMeta = metav1.ObjectMeta{
			Name: "ignored", Namespace: "ignored", GenerateName: "ignored-", UID: "ignored",
			Labels:      map[string]string{"app": "db", "kueue.x-k8s.io/queue-name": "q", v1alpha1.LabelRun: "1", v1alpha1.LabelJobName: "wrong"},
			Annotations: map[string]string{"a": "b", v1alpha1.AnnotationRevision: "wrong"},
			Finalizers:  []string{"acme.io/theirs"},
		}
		s := &j.Spec.Template.Spec
		s.SchedulerName, s.SchedulingGates = "volcano", []corev1.PodSchedulingGate{{Name: "g"}}
		s.NodeSelector, s.Hostname = map[string]string{"pool": "batch"}, "theirs"
		s.InitContainers = []corev1.Container{{Name: "init", Env: []corev1.EnvVar{{Name: v1alpha1.EnvCompletionIndex, Value: "mine"}}}}
		s.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}}
		s.Containers = append(s.Containers, corev1.Container{Name: "file", TerminationMessagePolicy: corev1.TerminationMessageReadFile})
	})
}

// TestNewPod is the template with batch/v1's labels, the job as controller and
// our finalizer.
func TestNewPod(t *testing.T) {
	p := newPod(rich(), order)
	same(t, "metadata", p.ObjectMeta, metav1.ObjectMeta{
		Name: "work-abcde", GenerateName: "work-", Namespace: "team",
		Labels: map[string]string{"app": "db", "kueue.x-k8s.io/queue-name": "q",
			"job-name": "work", "batch.kubernetes.io/job-name": "work", "controller-uid": "uid-of-work", "batch.kubernetes.io/controller-uid": "uid-of-work",
			"batch.stint.dev/job-uid": "uid-of-work", "batch.stint.dev/run": "4"},
		Annotations: map[string]string{"a": "b", "batch.stint.dev/revision": "v1-123"},
		Finalizers:  []string{"acme.io/theirs", "batch.stint.dev/job-tracking"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch.stint.dev/v1alpha1", Kind: "BatchJob", Name: "work", UID: "uid-of-work",
			Controller: new(true), BlockOwnerDeletion: new(true)}},
	})
	want := rich().Spec.Template.Spec
	want.InitContainers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	want.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	same(t, "spec", p.Spec, want)
	same(t, "status", p.Status, corev1.PodStatus{})
}

// TestNewPodOfABareTemplate has maps to write into.
func TestNewPodOfABareTemplate(t *testing.T) {
	p := newPod(job(), order)
	same(t, "labels", len(p.Labels), 6)
	same(t, "annotations", p.Annotations, map[string]string{v1alpha1.AnnotationRevision: "v1-123"})
	same(t, "finalizers", p.Finalizers, []string{v1alpha1.FinalizerJobTracking})
}

// TestNewPodSharesNothing with the template, which belongs to a cache.
func TestNewPodSharesNothing(t *testing.T) {
	j := rich()
	// Room behind the slices, into which an append would write.
	j.Spec.Template.Finalizers = append(make([]string, 0, 9), j.Spec.Template.Finalizers...)
	j.Spec.Template.Spec.Containers[0].Env = append(make([]corev1.EnvVar, 0, 9), j.Spec.Template.Spec.Containers[0].Env...)
	before := j.DeepCopy()
	indexed := order
	indexed.Indexed = true
	p := newPod(j, indexed)
	maps.Copy(p.Labels, map[string]string{"app": "x", "new": "x"})
	p.Annotations["a"], p.Finalizers[0], p.Spec.NodeSelector["pool"] = "x", "x/x", "x"
	for i := range p.Spec.Containers {
		p.Spec.Containers[i].Name = "x"
		for k := range p.Spec.Containers[i].Env {
			p.Spec.Containers[i].Env[k].Name = "x"
		}
	}
	same(t, "the job", j, before)
	same(t, "behind the finalizers", j.Spec.Template.Finalizers[:2][1], "")
	same(t, "behind the variables", j.Spec.Template.Spec.Containers[0].Env[:2][1].Name, "")
}

// TestNewPodWithASelectorOfItsAuthor gets none of the generated labels.
func TestNewPodWithASelectorOfItsAuthor(t *testing.T) {
	j := job(func(j *v1alpha1.BatchJob) {
		j.Spec.ManualSelector = new(true)
		j.Spec.Template.Labels = map[string]string{"app": "load"}
	})
	same(t, "labels", newPod(j, order).Labels, map[string]string{"app": "load", "batch.stint.dev/job-uid": "uid-of-work",
		"batch.stint.dev/job-name": "work", "batch.stint.dev/run": "4"})
}

// TestNewPodOfAnIndex knows it in batch/v1's ways.
func TestNewPodOfAnIndex(t *testing.T) {
	indexed := order
	indexed.Indexed, indexed.Index = true, 7
	p := newPod(rich(), indexed)
	same(t, "label", p.Labels["batch.kubernetes.io/job-completion-index"], "7")
	same(t, "annotation", p.Annotations["batch.kubernetes.io/job-completion-index"], "7")
	same(t, "hostname", p.Spec.Hostname, "work-7")
	same(t, "generateName", p.GenerateName, "work-7-")
	env := corev1.EnvVar{Name: "JOB_COMPLETION_INDEX", ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']"}}}
	same(t, "a container's own variable stays", p.Spec.InitContainers[0].Env, []corev1.EnvVar{{Name: "JOB_COMPLETION_INDEX", Value: "mine"}})
	same(t, "the variable comes last", p.Spec.Containers[0].Env, []corev1.EnvVar{{Name: "A", Value: "1"}, env})
	same(t, "each container has it", p.Spec.Containers[1].Env, []corev1.EnvVar{env})

	for _, c := range []struct {
		counts            bool
		failures, ignored int32
		want              []string
	}{
		{false, 2, 2, []string{"", ""}}, {true, 0, 0, []string{"0", ""}}, {true, 2, 0, []string{"2", ""}}, {true, 1, 3, []string{"1", "3"}},
	} {
		indexed.CountsFailures, indexed.Failures, indexed.Ignored = c.counts, c.failures, c.ignored
		a := newPod(job(), indexed).Annotations
		same(t, "failures, ignored", []string{a["batch.kubernetes.io/job-index-failure-count"], a["batch.kubernetes.io/job-index-ignored-failure-count"]}, c.want)
	}
}

// TestWhatIsOrderedIsSeen: the facts of a new pod are those of its order.
func TestWhatIsOrderedIsSeen(t *testing.T) {
	indexed := engine.PodOrder{Name: "work-3-abcde", Run: 9, Revision: "v1-5", Indexed: true, Index: 3, CountsFailures: true, Failures: 2, Ignored: 1}
	p := newPod(job(), indexed)
	got := factsOf(p, true)
	same(t, "order", engine.PodOrder{Name: got.Name, Run: got.Run, Revision: got.Revision, Indexed: true, Index: got.Index, CountsFailures: true,
		Failures: got.IndexFailures, Ignored: got.IndexIgnored}, indexed)
	same(t, "tracked, labelled, orphan", []bool{got.Tracked, got.Labelled, got.Orphan}, []bool{true, true, false})
	same(t, "left the selector", leftSelector(job(), p), false)
}
