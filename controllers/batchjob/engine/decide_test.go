package engine_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// onlyReleases is a plan that lets go of pods and does nothing else.
func onlyReleases(state engine.State, refs ...engine.PodRef) engine.Plan {
	return engine.Plan{Release: refs, Outcome: engine.Outcome{State: state}}
}

var stray = engine.PodRef{Name: "stray", UID: "uid-stray"}

// TestAJobThatGoes holds none of its pods, whatever they do and whatever it had
// become: whoever deletes it waits for them.
func TestAJobThatGoes(t *testing.T) {
	all := []engine.Pod{pod("r"), pod("s", succeeded), pod("f", failed), pod("d", deleting), pod("x", released),
		pod("other-run", func(p *engine.Pod) { p.Run = 9 })}
	var held []engine.PodRef
	held = append(held, stray)
	for i := range all {
		if all[i].Tracked {
			held = append(held, all[i].PodRef)
		}
	}
	for name, j := range map[string]*v1alpha1.BatchJob{
		"does not exist": nil,
		"runs":           begun(job(fixed(5, 9))),
		"finished":       finishedJob(false),
		"suspended":      begun(job(suspend)),
		"managed by another controller": job(spec(func(s *v1alpha1.BatchJobSpec) {
			s.ManagedBy = new("acme.io/jobs")
		})),
	} {
		if j != nil {
			j.DeletionTimestamp = stamp(0)
		}
		plan := engine.Decide(engine.Observed{Now: now, Job: j, Pods: all, Strays: []engine.PodRef{stray}})
		same(t, name, plan, onlyReleases(engine.StateGone, held...))
	}
}

// TestManagedBy: another controller's job is not ours to write.
func TestManagedBy(t *testing.T) {
	for manager, ours := range map[string]bool{
		v1alpha1.ManagedByJobController: true, v1alpha1.ManagedByStint: true, "acme.io/jobs": false, "batch.stint.dev/other": false, "": false,
	} {
		j := job(spec(func(s *v1alpha1.BatchJobSpec) { s.ManagedBy = &manager }))
		plan := engine.Decide(engine.Observed{Now: now, Job: j, Strays: []engine.PodRef{stray}, Pods: pods("s", 1, succeeded)})
		same(t, manager+": ours", plan.Status != nil, ours)
		if !ours {
			same(t, manager, plan, onlyReleases(engine.StateForeign, stray))
		}
	}
	foreign := finishedJob(true, ttl(0))
	foreign.Spec.ManagedBy = new("acme.io/jobs")
	same(t, "finished", decide(foreign, pod("r")), onlyReleases(engine.StateForeign))
}

// TestStrays of a former job of the same name are let go, whatever this one does.
func TestStrays(t *testing.T) {
	for name, j := range map[string]*v1alpha1.BatchJob{
		"new": job(), "runs": begun(job()), "suspended": begun(job(suspend)), "finished": finishedJob(true),
		"refused": job(refused), "ending": begun(job(), declared(v1alpha1.ConditionFailureTarget)),
	} {
		plan := engine.Decide(engine.Observed{Now: now, Job: j, Strays: []engine.PodRef{stray}, Pods: []engine.Pod{pod("r")}})
		same(t, name, names(plan.Release), []string{"stray"})
	}
}

// TestTheFirstLook begins run 1.
func TestTheFirstLook(t *testing.T) {
	j := job(fixed(2, 5))
	revision, _ := engine.Revision(&j.Spec)
	plan := decide(j)
	same(t, "created", len(plan.Create), 2)
	for _, order := range plan.Create {
		same(t, "run", order.Run, int64(1))
		same(t, "revision", order.Revision, revision)
	}
	same(t, "state", plan.Outcome.State, engine.StateRunning)
	same(t, "the run", plan.Status.Run, &v1alpha1.RunStatus{Number: 1, Reason: v1alpha1.RunCreated, Started: stamp(0)})
	same(t, "revision", plan.Status.Revision, revision)
	same(t, "startTime", plan.Status.StartTime.Time, now)

	scheduled := decide(job(ownedByCron))
	same(t, "the run of a CronBatchJob's child", scheduled.Status.Run.Reason, v1alpha1.RunScheduled)
	other := decide(job(func(j *v1alpha1.BatchJob) {
		j.OwnerReferences = []metav1.OwnerReference{{Kind: "CronBatchJob", Name: "no-controller"}}
	}))
	same(t, "the run of a job that a schedule merely owns", other.Status.Run.Reason, v1alpha1.RunCreated)
}

// TestACrashBeforeTheFirstWrite: the pods that were made tell with which
// revision the run began.
func TestACrashBeforeTheFirstWrite(t *testing.T) {
	j := job(fixed(2, 5))
	made := decide(j).Create[0]
	p := pod(made.Name, func(p *engine.Pod) { p.Revision = made.Revision })

	again := decide(j, p)
	same(t, "created beside the one that exists", len(again.Create), 1)
	same(t, "active", again.Status.Active, int32(2))

	changed := job(fixed(2, 5))
	changed.Spec.Template.Spec.Containers[0].Image = "other"
	plan := decide(changed, p)
	same(t, "state", plan.Outcome.State, engine.StateDraining)
	same(t, "revision", plan.Status.Revision, made.Revision)
	same(t, "next", plan.Status.Next.Revision, revisionOf(changed))
	paused := wrote(changed, plan)
	suspend(paused)
	paused.Generation++
	paused = wrote(paused, decide(paused, p))
	// not a change that a suspended job may make
	same(t, "the run, once it is suspended", decide(paused).Status.Run.Number, int64(2))

	for what, doubt := range map[string]func(*engine.Pod){
		"of another run":         func(p *engine.Pod) { p.Run = 2 },
		"let go":                 released,
		"without controller":     func(p *engine.Pod) { p.Orphan, p.Deleting = true, true },
		"of another algorithm":   func(p *engine.Pod) { p.Revision = "v0-5e93ab6a" },
		"of no revision at all":  func(p *engine.Pod) { p.Revision = "" },
		"of the spec's revision": func(p *engine.Pod) { p.Revision, _ = engine.Revision(&changed.Spec) },
	} {
		q := p
		doubt(&q)
		same(t, "state beside a pod "+what, decide(changed, q).Outcome.State, engine.StateRunning)
	}
}

// TestASettledJobIsLeftAlone: the plan that follows a plan changes nothing.
func TestASettledJobIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		job  *v1alpha1.BatchJob
		pods []engine.Pod
	}{
		"running":     {begun(job(fixed(2, 5))), pods("r", 2)},
		"backing off": {begun(job(), backedOff(1, 0)), nil},
		"suspended":   {begun(job(suspend)), nil},
		"paused":      {begun(job(fixed(0, 5))), nil},
		"ending":      {begun(job(), declared(v1alpha1.ConditionFailureTarget)), pods("d", 1, deleting)},
		"complete":    {begun(job()), pods("s", 1, succeeded)},
		"failed":      {begun(job(limit(0))), pods("f", 1, failed)},
		"refused":     {job(refused), nil},
	} {
		j := c.job
		for range 4 { // an end takes three writes
			plan := decide(j, c.pods...)
			j = wrote(j, plan)
			for i := range c.pods {
				for _, ref := range plan.Release {
					c.pods[i].Tracked = c.pods[i].Tracked && c.pods[i].UID != ref.UID
				}
			}
		}
		plan := decide(j, c.pods...)
		same(t, name+": status", plan.Status, &j.Status)
		plan.Status, plan.Wake, plan.Outcome = nil, time.Time{}, engine.Outcome{}
		same(t, name+": orders", plan, engine.Plan{})
	}
}
