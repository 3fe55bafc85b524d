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

// TestAChangeDuringARun: this version starts no new run for it, and says so. No
// pod of the old template is made any more, as it exists nowhere; those that run
// go on, their ends are counted, and a revert goes on with the run.
func TestAChangeDuringARun(t *testing.T) {
	j := begun(job(fixed(2, 5)))
	was := j.Status.Revision
	r, s := made(j, "r"), made(j, "s", succeeded)
	newImage(j)
	plan := decide(j, r, s)
	checkRefused(t, plan, v1alpha1.ReasonUnsupportedField, "spec.template")
	same(t, "removed", len(plan.Drop)+len(plan.Delete), 0)
	same(t, "revision", plan.Status.Revision, was)
	checkUncounted(t, plan, 1, 0)

	j = wrote(j, plan)
	j.Spec.Template.Spec.Containers[0].Image = "busybox"
	plan = decide(j, r, s)
	same(t, "state after the revert", plan.Outcome.State, engine.StateRunning)
	same(t, "created after the revert", len(plan.Create), 1)
	same(t, "revision", plan.Create[0].Revision, was)
}

// TestAChangeStillReachesItsVerdict: a run whose template changed can end.
func TestAChangeStillReachesItsVerdict(t *testing.T) {
	for _, c := range []struct {
		pod  func(*engine.Pod)
		want engine.State
	}{{succeeded, engine.StateComplete}, {failed, engine.StateFailed}} {
		j := begun(job(limit(0)))
		p := made(j, "p", c.pod)
		newImage(j)
		same(t, "state", decide(j, p).Outcome.State, c.want)
	}
	late := begun(job(lasting(5)))
	p := made(late, "p")
	newImage(late)
	kind, _ := reached(decide(late, p))
	same(t, "the deadline", kind, fails)
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

// TestACorrectedManifest runs at once where nothing of the old one has: its pods
// never started a container, and give way.
func TestACorrectedManifest(t *testing.T) {
	j := begun(job(fixed(3, 5)))
	stuck, other := made(j, "stuck", pending), made(j, "other", pending, released)
	newImage(j)
	plan := decide(j, stuck, other)
	same(t, "dropped", names(plan.Drop), []string{"stuck"})
	same(t, "deleted", names(plan.Delete), []string{"other"})
	same(t, "created before they are gone", len(plan.Create), 0)
	same(t, "revision", plan.Status.Revision, revisionOf(j))

	j = wrote(j, plan)
	plan = decide(j)
	same(t, "created", len(plan.Create), 3)
	same(t, "revision", plan.Create[0].Revision, revisionOf(j))
	same(t, "the run", plan.Status.Run.Number, int64(1))

	for name, change := range map[string]func(*v1alpha1.BatchJob, *engine.Pod){
		"a container started": func(_ *v1alpha1.BatchJob, p *engine.Pod) { p.Started = true },
		"it ended":            func(_ *v1alpha1.BatchJob, p *engine.Pod) { failed(p) },
		"one was counted":     func(j *v1alpha1.BatchJob, _ *engine.Pod) { counted(0, 1)(&j.Status) },
		"one is written down": func(j *v1alpha1.BatchJob, _ *engine.Pod) { uncounted(pods("u", 1), nil)(&j.Status) },
	} {
		j := begun(job(fixed(3, 5)))
		p := made(j, "p", pending)
		newImage(j)
		change(j, &p)
		plan := decide(j, p)
		same(t, name+": state", plan.Outcome.State, engine.StateRefused)
		same(t, name+": dropped", len(plan.Drop), 0)
	}
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
			if resumed {
				j.Spec.Suspend = nil
			}
			plan := decide(j)
			same(t, name+": refused", plan.Outcome.State == engine.StateRefused, false)
			same(t, name+": revision", plan.Status.Revision, revisionOf(j))
			same(t, name+": created", len(plan.Create), map[bool]int{true: 1}[resumed])
			checkCounts(t, plan, 2, 1)
		}
		running := base.DeepCopy()
		running.Spec.Suspend = nil
		running = wrote(running, decide(running))
		change(running)
		same(t, name+" while it runs", decide(running, made(running, "r")).Outcome.State, engine.StateRefused)
		active := base.DeepCopy()
		active.Status.Active = 1
		change(active)
		same(t, name+" while a pod is still active", decide(active, made(active, "r")).Outcome.State, engine.StateRefused)
	}
	for name, change := range notAbsorbed {
		j := base.DeepCopy()
		change(j)
		same(t, name, decide(j).Outcome.State, engine.StateRefused)
	}
}
