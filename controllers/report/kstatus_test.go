package report_test

import (
	"errors"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// tale is a BatchJob on its way through its states: the engine decides, the
// voice speaks, the pods do what they are told.
type tale struct {
	job  *v1alpha1.BatchJob
	pods []engine.Pod
	deps []engine.Dependency
	done report.Done
	at   time.Time
}

// look is one reconciliation, carried out in full.
func (s *tale) look() {
	plan := engine.Decide(engine.Observed{Now: s.at, Job: s.job, Pods: s.pods, Dependencies: s.deps})
	for i := range s.pods {
		p := &s.pods[i]
		for _, ref := range append(plan.Release, plan.Drop...) {
			p.Tracked = p.Tracked && p.UID != ref.UID
		}
		for _, ref := range append(plan.Drop, plan.Delete...) {
			p.Deleting = p.Deleting || p.UID == ref.UID
		}
	}
	if s.done.Err == nil {
		for _, order := range plan.Create {
			s.pods = append(s.pods, engine.Pod{PodRef: engine.PodRef{Name: order.Name, UID: types.UID(order.Name)}, Run: order.Run,
				Revision: order.Revision, Phase: corev1.PodRunning, Started: true, Tracked: true, Labelled: true, Index: -1, Created: s.at})
		}
	}
	done := s.done
	if len(plan.Create) == 0 && plan.Try == nil {
		done = report.Done{}
	}
	next := s.job.DeepCopy()
	next.Status = *report.Status(s.at, s.job, plan, done)
	s.job = next
}

// settle lets it come to rest.
func (s *tale) settle() {
	for range 6 {
		s.look()
	}
}

func (s *tale) edit(change func(*v1alpha1.BatchJob)) {
	s.job = s.job.DeepCopy()
	change(s.job)
	s.job.Generation++
}

// end lets every pod come to its end.
func (s *tale) end(phase corev1.PodPhase) {
	for i := range s.pods {
		s.pods[i].Phase, s.pods[i].Finished = phase, s.at
	}
}

func (s *tale) succeed() { s.settle(); s.end(corev1.PodSucceeded); s.settle() }
func (s *tale) fail()    { s.settle(); s.end(corev1.PodFailed); s.settle() }

func toImage(name string) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.Template.Spec.Containers[0].Image = name }
}

func suspended(is bool) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.Suspend = &is }
}

// answers is every state that a BatchJob can be found in, and the one answer of
// kstatus to it. Never is it the old run's verdict for a new generation.
var answers = []struct {
	name string
	to   func(*tale)
	want kstatus.Status
}{
	{"a fresh object", func(*tale) {}, kstatus.InProgressStatus},
	{"running", (*tale).settle, kstatus.InProgressStatus},
	{"its first look", (*tale).look, kstatus.InProgressStatus},
	{"backing off", func(s *tale) {
		s.job.Spec.BackoffLimit = new(int32(3))
		s.settle()
		s.end(corev1.PodFailed)
		s.settle()
	}, kstatus.InProgressStatus},
	{"refused for now", func(s *tale) { s.done.Err = errors.New("exceeded quota"); s.look() }, kstatus.InProgressStatus},
	{"complete", (*tale).succeed, kstatus.CurrentStatus},
	{"failed", (*tale).fail, kstatus.FailedStatus},
	{"ending", func(s *tale) {
		s.settle()
		s.job.Spec.ActiveDeadlineSeconds = new(int64(1))
		s.at = s.at.Add(time.Minute)
		s.look()
	}, kstatus.InProgressStatus},
	{"suspended", func(s *tale) { s.settle(); s.edit(suspended(true)); s.settle() }, kstatus.InProgressStatus},
	{"created suspended", func(s *tale) { suspended(true)(s.job); s.settle() }, kstatus.InProgressStatus},
	{"resumed", func(s *tale) {
		suspended(true)(s.job)
		s.settle()
		s.edit(suspended(false))
		s.look()
	}, kstatus.InProgressStatus},
	{"waiting", func(s *tale) {
		s.job.Spec.DependsOn = []v1alpha1.Dependency{{Name: "db"}}
		s.settle()
	}, kstatus.InProgressStatus},
	{"in a ring", func(s *tale) {
		s.job.Spec.DependsOn = []v1alpha1.Dependency{{Name: "db"}}
		s.deps = []engine.Dependency{{Name: "db", Exists: true, Ring: []string{"job", "db", "job"}}}
		s.settle()
	}, kstatus.FailedStatus},
	{"invalid", func(s *tale) {
		s.job.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}
		s.settle()
	}, kstatus.FailedStatus},
	{"a new generation, not looked at", func(s *tale) { s.succeed(); s.edit(toImage("new")) }, kstatus.InProgressStatus},
	{"a new generation of a failed job, not looked at", func(s *tale) { s.fail(); s.edit(toImage("new")) }, kstatus.InProgressStatus},
	{"a new generation, looked at", func(s *tale) { s.succeed(); s.edit(toImage("new")); s.look() }, kstatus.InProgressStatus},
	{"a new generation of a failed job, looked at", func(s *tale) { s.fail(); s.edit(toImage("new")); s.look() }, kstatus.InProgressStatus},
	{"switched", func(s *tale) { s.succeed(); s.edit(toImage("new")); s.look(); s.look() }, kstatus.InProgressStatus},
	{"the next run", func(s *tale) { s.fail(); s.edit(toImage("new")); s.settle() }, kstatus.InProgressStatus},
	{"the next run, complete", func(s *tale) { s.fail(); s.edit(toImage("new")); s.succeed() }, kstatus.CurrentStatus},
	{"draining", func(s *tale) { s.settle(); s.edit(toImage("new")); s.settle() }, kstatus.InProgressStatus},
	{"replacing", func(s *tale) {
		s.settle()
		s.edit(func(j *v1alpha1.BatchJob) { toImage("new")(j); j.Spec.UpdatePolicy = v1alpha1.UpdateReplace })
		s.settle()
	}, kstatus.InProgressStatus},
	{"a token", func(s *tale) { s.succeed(); s.edit(func(j *v1alpha1.BatchJob) { j.Spec.RunAt = "t" }); s.look() }, kstatus.InProgressStatus},
	{"a token that waits", func(s *tale) { s.settle(); s.edit(func(j *v1alpha1.BatchJob) { j.Spec.RunAt = "t" }); s.settle() }, kstatus.InProgressStatus},
	{"not run", func(s *tale) {
		s.fail()
		s.edit(func(j *v1alpha1.BatchJob) { toImage("new")(j); j.Spec.RerunPolicy = v1alpha1.RerunNever })
		s.look()
	}, kstatus.CurrentStatus},
	{"a change that defines no run", func(s *tale) {
		s.succeed()
		s.edit(func(j *v1alpha1.BatchJob) { j.Spec.BackoffLimit = new(int32(9)) })
		s.look()
	},
		kstatus.CurrentStatus},
	{"a change that the API server refuses", func(s *tale) {
		s.succeed()
		s.edit(toImage("new"))
		s.done.Err = invalidPod()
		s.settle()
	}, kstatus.FailedStatus},
	{"that, reverted", func(s *tale) {
		s.succeed()
		s.edit(toImage("new"))
		s.done.Err = invalidPod()
		s.settle()
		s.edit(toImage("busybox"))
		s.settle()
	}, kstatus.CurrentStatus},
	{"with its pods removed", func(s *tale) {
		s.job.Spec.TTLSecondsAfterFinished, s.job.Spec.TTLPolicy = new(int32(0)), new(v1alpha1.TTLDeletePods)
		s.succeed()
		s.pods = nil
		s.settle()
	}, kstatus.CurrentStatus},
	{"restored with its status, not looked at", func(s *tale) { s.succeed(); s.job.Status.ObservedGeneration = 7 }, kstatus.InProgressStatus},
	{"restored with its status", func(s *tale) { s.succeed(); s.job.Status.ObservedGeneration = 7; s.settle() }, kstatus.CurrentStatus},
	{"being deleted", func(s *tale) { s.succeed(); s.job.DeletionTimestamp = new(metav1.NewTime(s.at)) }, kstatus.TerminatingStatus},
}

// TestKstatus asks Flux's own library.
func TestKstatus(t *testing.T) {
	for _, c := range answers {
		s := tell(t, c.to)
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s.job)
		if err != nil {
			t.Fatal(err)
		}
		result, err := kstatus.Compute(&unstructured.Unstructured{Object: object})
		if err != nil {
			t.Fatal(err)
		}
		same(t, c.name, result.Status, c.want)
		if result.Status != c.want {
			t.Logf("%s: %s; %+v", c.name, result.Message, s.job.Status.Conditions)
		}
	}
}

// TestConditionsKeepFluxsRules: of states on the way, and of those at rest.
func TestConditionsKeepFluxsRules(t *testing.T) {
	for _, c := range answers {
		s := tell(t, c.to)
		if len(s.job.Status.Conditions) == 0 || s.job.Status.ObservedGeneration > s.job.Generation {
			continue // nobody has looked yet, or not at this object
		}
		checker := check.NewChecker(nil, &check.Conditions{NegativePolarity: []string{v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling}})
		if s.job.Generation != s.job.Status.ObservedGeneration || said(s.job.Status.DeepCopy(), v1alpha1.ConditionReconciling) != "" {
			checker = check.NewInProgressChecker(nil)
		}
		checker.DisableFetch = true
		fail, warn := checker.Check(t.Context(), s.job)
		if fail != nil || warn != nil {
			t.Errorf("%s: fails %v, warns %v: %+v", c.name, fail, warn, s.job.Status.Conditions)
		}
	}
}

// invalidPod is the API server's 422.
func invalidPod() error {
	return apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "p", field.ErrorList{field.Required(field.NewPath("spec"), "")})
}

// tell begins with a fresh object, as the API server stores it.
func tell(t *testing.T, to func(*tale)) *tale {
	t.Helper()
	s := &tale{at: now, job: job(func(j *v1alpha1.BatchJob) {
		j.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.BatchJobKind}
		j.UID, j.Generation, j.Status = "uid", 1, v1alpha1.BatchJobStatus{ObservedGeneration: -1}
		j.Spec.BackoffLimit = new(int32(0))
		j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
		j.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "busybox"}}
	})}
	to(s)
	return s
}
