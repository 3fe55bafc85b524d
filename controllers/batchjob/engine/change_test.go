package engine_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func newImage(j *v1alpha1.BatchJob) { j.Spec.Template.Spec.Containers[0].Image = "new" }

// made are pods as the job's revision makes them.
func made(j *v1alpha1.BatchJob, name string, change ...func(*engine.Pod)) engine.Pod {
	change = append(change, func(p *engine.Pod) { p.Revision = j.Status.Revision })
	return pod(name, change...)
}

// TestWhatDefinesNothingMayChange at any time.
func TestWhatDefinesNothingMayChange(t *testing.T) {
	chart := func(release string) func(*v1alpha1.BatchJob) {
		return template(func(p *corev1.PodTemplateSpec) { p.Labels = map[string]string{"helm.sh/chart": release} })
	}
	j := begun(job(fixed(1, 5), chart("a-1")))
	r := made(j, "r")
	chart("a-2")(j)
	limit(9)(j)
	plan := decide(j, r)
	same(t, "state", plan.Outcome.State, engine.StateRunning)
	same(t, "revision", plan.Status.Revision, j.Status.Revision)
}

// TestAnotherAlgorithm: an operator that hashes differently stamps the job anew
// and runs nothing again.
func TestAnotherAlgorithm(t *testing.T) {
	for _, old := range []string{"v0-123", ""} {
		j := begun(job(fixed(2, 5)), func(s *v1alpha1.BatchJobStatus) { s.Revision, s.FixedRevision = old, old })
		j.Status.Succeeded = 1
		plan := decide(j, pod("r", func(p *engine.Pod) { p.Revision = old }))
		same(t, "state", plan.Outcome.State, engine.StateRunning)
		same(t, "revision", plan.Status.Revision, revisionOf(j))
		same(t, "removed", len(plan.Drop), 0)
		same(t, "succeeded", plan.Status.Succeeded, int32(1))

		done := finishedJob(true)
		done.Status.Revision = old
		same(t, "state of a finished job", decide(done).Outcome.State, engine.StateComplete)
	}
}

// absorbed are the changes that batch/v1 allows to a suspended job (KEP-5440).
var absorbed = map[string]func(*v1alpha1.BatchJob){
	"nodeSelector": template(func(p *corev1.PodTemplateSpec) { p.Spec.NodeSelector = map[string]string{"a": "b"} }),
	"tolerations":  template(func(p *corev1.PodTemplateSpec) { p.Spec.Tolerations = []corev1.Toleration{{Key: "a"}} }),
	"node affinity": template(func(p *corev1.PodTemplateSpec) {
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 1}}}}
	}),
	"schedulingGates": template(func(p *corev1.PodTemplateSpec) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "a"}} }),
	"labels":          template(func(p *corev1.PodTemplateSpec) { p.Labels = map[string]string{"a": "b"} }),
	"annotations":     template(func(p *corev1.PodTemplateSpec) { p.Annotations = map[string]string{"a": "b"} }),
	"resources": container(func(c *corev1.Container) {
		c.Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1")}
	}),
	"resources of an init container": template(func(p *corev1.PodTemplateSpec) {
		p.Spec.InitContainers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1")}
	}),
}

// notAbsorbed are others.
var notAbsorbed = map[string]func(*v1alpha1.BatchJob){
	"image": newImage,
	"pod affinity": template(func(p *corev1.PodTemplateSpec) {
		p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 1}}}}
	}),
	"serviceAccountName": template(func(p *corev1.PodTemplateSpec) { p.Spec.ServiceAccountName = "a" }),
	"completions":        fixed(1, 9),
	"both":               func(j *v1alpha1.BatchJob) { newImage(j); absorbed["labels"](j) },
}

// TestAChangeWhileSuspended: what batch/v1 allows is taken over into the run,
// with its counters, also when it is resumed by the same change.
func TestAChangeWhileSuspended(t *testing.T) {
	base := begun(job(suspend, fixed(1, 5), hasContainer("init")), counted(2, 1))
	for name, change := range absorbed {
		for _, resumed := range []bool{false, true} {
			j := base.DeepCopy()
			change(j)
			j.Generation++
			if resumed {
				j.Spec.Suspend = nil
			}
			plan := decide(j)
			same(t, name+": next", plan.Status.Next, (*v1alpha1.NextRun)(nil))
			same(t, name+": revision", plan.Status.Revision, revisionOf(j))
			same(t, name+": created", len(plan.Create), map[bool]int{true: 1}[resumed])
			checkCounts(t, plan, 2, 1)
		}
		running := base.DeepCopy()
		running.Spec.Suspend = nil
		running = wrote(running, decide(running))
		change(running)
		running.Generation++
		same(t, name+" while it runs", decide(running, made(running, "r")).Outcome.State, engine.StateDraining)
		active := base.DeepCopy()
		active.Status.Active = 1
		change(active)
		active.Generation++
		same(t, name+" while a pod is still active", decide(active, made(active, "r")).Outcome.State, engine.StateDraining)
	}
	for name, change := range notAbsorbed {
		j := base.DeepCopy()
		change(j)
		j.Generation++
		plan := decide(j)
		same(t, name, plan.Status.Next, &v1alpha1.NextRun{Revision: revisionOf(j)})
		same(t, name+": the run", decide(wrote(j, plan)).Status.Run, &v1alpha1.RunStatus{Number: 2, Reason: v1alpha1.RunChanged})
	}
}
