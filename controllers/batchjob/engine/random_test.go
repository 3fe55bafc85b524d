package engine_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// dice makes random observations: any spec that the API server lets in, any
// status that this engine may have written, any pods.
type dice struct{ *rand.Rand }

func (d dice) one(in int) bool { return d.IntN(in) == 0 }

// maybe returns nil one time in two, else a number below n.
func (d dice) maybe(n int32) *int32 {
	if d.one(2) {
		return nil
	}
	return new(d.Int32N(n))
}

func (d dice) time(within time.Duration) time.Time {
	return now.Add(time.Duration(d.Int64N(int64(2*within))) - within).Truncate(time.Second)
}

func (d dice) observed() engine.Observed {
	o := engine.Observed{Now: now, Job: d.job(), Closing: d.one(10)}
	if d.one(8) {
		o.RetryAt = d.time(time.Minute)
	}
	if d.one(8) {
		o.Strays = []engine.PodRef{stray}
	}
	for i := range d.IntN(9) {
		o.Pods = append(o.Pods, d.pod(i))
	}
	if d.one(3) {
		d.rest(o.Pods)
	}
	d.status(o.Job, o.Pods)
	if d.one(5) {
		d.depends(&o)
	}
	if d.one(40) {
		o.Job.DeletionTimestamp = stamp(0)
	}
	return o
}

// depends lets the job depend on another, of which something is known or not.
func (d dice) depends(o *engine.Observed) {
	dependent("db")(o.Job)
	if !d.one(4) {
		o.Dependencies = []engine.Dependency{{Name: "db", Exists: !d.one(3), Current: !d.one(3), Ready: d.one(2), Expression: d.one(3), Holds: d.one(2),
			Denied: d.one(9), Bad: d.one(9)}}
	}
}

// rest lets nearly every pod have ended, and be let go.
func (d dice) rest(pods []engine.Pod) {
	for i := range pods {
		if p := &pods[i]; !d.one(8) {
			p.Phase, p.Tracked, p.Deleting = corev1.PodSucceeded, false, false
		}
	}
}

func (d dice) job() *v1alpha1.BatchJob {
	j := job()
	s := &j.Spec
	s.Parallelism, s.Completions, s.BackoffLimit = d.maybe(6), d.maybe(7), d.maybe(4)
	if s.Completions != nil && d.one(2) {
		asIndexed(s)
		d.indexes(j)
	}
	if d.one(2) {
		onFailure(j)
	} else if d.one(3) {
		policy(onExit(ignore, true, "", 1), onExit(failJob, true, "", 2), onExit(count, true, "", 3))(j)
	}
	if s.PodFailurePolicy == nil && d.one(3) {
		s.PodReplacementPolicy = new(v1alpha1.Failed)
	}
	if d.one(3) {
		s.ActiveDeadlineSeconds = new(d.Int64N(120))
	}
	if d.one(3) {
		s.TTLSecondsAfterFinished = new(d.Int32N(60))
	}
	if d.one(3) {
		s.Backoff = &v1alpha1.Backoff{InitialDelay: &metav1.Duration{Duration: time.Duration(d.IntN(20)) * time.Second}}
	}
	if d.one(4) {
		s.PodStartTimeoutSeconds = new(1 + d.Int32N(90))
	}
	s.Suspend = new(d.one(5))
	s.UpdatePolicy, s.RerunPolicy = d.updatePolicy(), d.rerunPolicy()
	s.PodHistoryLimit = d.maybe(3)
	for _, rare := range []func(*v1alpha1.BatchJob){newImage, runAt("token"), runAt("handled"), ownedByFlux, ownedByCron,
		func(j *v1alpha1.BatchJob) { j.Spec.ManagedBy = new("acme.io/jobs") },
		func(j *v1alpha1.BatchJob) {
			j.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: "t"}
		},
	} {
		if d.one(15) {
			rare(j)
		}
	}
	return j
}

func (d dice) updatePolicy() v1alpha1.UpdatePolicy {
	return []v1alpha1.UpdatePolicy{"", v1alpha1.UpdateDrain, v1alpha1.UpdateReplace}[d.IntN(3)]
}

func (d dice) rerunPolicy() v1alpha1.RerunPolicy {
	return []v1alpha1.RerunPolicy{"", onChange, once, never}[d.IntN(4)]
}

func (d dice) indexes(j *v1alpha1.BatchJob) {
	if d.one(2) {
		j.Spec.BackoffLimitPerIndex = d.maybe(3)
		if j.Spec.BackoffLimitPerIndex != nil {
			j.Spec.MaxFailedIndexes = d.maybe(*j.Spec.Completions + 1)
		}
	}
	if d.one(4) {
		success(when("", d.Int32N(*j.Spec.Completions+1)))(j)
	}
}

// nextNames are names that the engine would give next.
var nextNames = decide(begun(job(fixed(8, 9)))).Create

func (d dice) pod(i int) engine.Pod {
	p := pod(fmt.Sprintf("p%d", i), index(d.IntN(8)-1))
	if d.one(6) {
		p.Name = nextNames[i%8].Name
	}
	p.Phase = []corev1.PodPhase{corev1.PodRunning, corev1.PodPending, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown, ""}[min(d.IntN(8), d.IntN(8), 5)]
	p.Deleting, p.Tracked, p.Labelled, p.Assigned = d.one(5), !d.one(6), !d.one(10), !d.one(4)
	p.Forced = p.Deleting && d.one(3)
	p.Started = p.Phase != corev1.PodPending || d.one(2)
	p.Ready, p.ReadySince = d.one(2), d.time(time.Minute)
	p.Created, p.Finished = d.time(time.Hour), d.time(time.Minute)
	p.Restarts = d.Int32N(3)
	p.MaxRestarts = p.Restarts
	p.IndexFailures, p.IndexIgnored = d.Int32N(3), d.Int32N(2)
	if d.one(2) {
		exited("main", 1+d.Int32N(4))(&p)
	}
	if d.one(12) {
		p.Run = d.Int64N(4)
	}
	p.Orphan, p.Foreign = d.one(20), d.one(20)
	if d.one(2) {
		p.Revision = revisionOf(job())
	}
	return p
}

// status puts a status on the job that goes with its pods.
func (d dice) status(j *v1alpha1.BatchJob, pods []engine.Pod) {
	if d.one(6) {
		j.Status.ObservedGeneration = -1
		return
	}
	plan := decideAt(after(-runAge), &v1alpha1.BatchJob{ObjectMeta: j.ObjectMeta, Spec: *manageable(j)})
	s := plan.Status.DeepCopy()
	s.Run = &v1alpha1.RunStatus{Number: 1, Reason: v1alpha1.RunCreated}
	if d.one(3) {
		s.Run.Number = 2
		for i := range pods {
			pods[i].Run += int64(min(1, d.IntN(5))) // most are of the current run
		}
	}
	s.HandledRunTokens = []string{"handled"}
	s.Conditions, s.CompletionTime, s.StartTime = nil, nil, stamp(-runAge)
	s.Revision, s.FixedRevision = engine.Revision(&j.Spec)
	s.Active, s.Succeeded, s.Failed = d.Int32N(6), d.Int32N(4), d.Int32N(4)
	if d.one(4) {
		s.Backoff = &v1alpha1.BackoffStatus{Failures: 1 + d.Int32N(9), LastFailureTime: new(metav1.NewTime(d.time(runAge)))}
	}
	if j.Spec.IsIndexed() {
		d.sets(j, s)
	}
	d.ends(j, s, pods)
	d.conditions(j, s)
	if d.one(10) {
		s.Revision, s.FixedRevision = "v0-1234", "v0-1234"
	}
	j.Status = *s
	d.follows(j)
}

// follows puts the job where its run may be superseded: by a change that nobody
// has looked at, by one that is being drained for, or by one that is not run.
func (d dice) follows(j *v1alpha1.BatchJob) {
	s, next := &j.Status, &v1alpha1.NextRun{Revision: s16("v1-")}
	switch d.IntN(6) {
	case 0:
		j.Generation++
		container(func(c *corev1.Container) { c.Image = fmt.Sprint(d.IntN(9)) })(j)
	case 1:
		s.Next = next
		s.Revision = s16("v1-old")
	case 2:
		s.Next = next
		next.SkippedBy = never
		s.Revision = s16("v1-old")
		s.SucceededRevisions = []string{revisionOf(j)}
	case 3:
		s.Next = &v1alpha1.NextRun{RunTokens: []string{"waited"}}
	}
}

// s16 is a revision of a spec that exists nowhere.
func s16(prefix string) string { return (prefix + "0123456789abcdef")[:len("v1-")+16] }

// manageable is the spec without what would give it no status.
func manageable(j *v1alpha1.BatchJob) *v1alpha1.BatchJobSpec {
	s := j.Spec.DeepCopy()
	s.ManagedBy = nil
	return s
}

func (d dice) sets(j *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus) {
	var done, bad []int
	for i := range int(*j.Spec.Completions) {
		switch d.IntN(4) {
		case 0:
			done = append(done, i)
		case 1:
			bad = append(bad, i)
		}
	}
	s.CompletedIndexes, s.Succeeded = inWords(done), int32(len(done))
	if j.Spec.BackoffLimitPerIndex != nil {
		s.FailedIndexes = new(inWords(bad))
	}
}

// ends writes some of the pods that ended into uncountedTerminatedPods, and some
// that are gone.
func (d dice) ends(j *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus, pods []engine.Pod) {
	u := &v1alpha1.UncountedTerminatedPods{}
	for _, p := range append(pods, pod("gone", failed), pod("gone-too", succeeded)) {
		switch {
		case d.one(2) || p.Orphan || p.Run > 1:
		case p.Phase == corev1.PodFailed, p.Deleting && p.Phase != corev1.PodSucceeded && j.Spec.GetPodReplacementPolicy() != v1alpha1.Failed:
			u.Failed = append(u.Failed, p.UID)
		case p.Phase == corev1.PodSucceeded && !j.Spec.IsIndexed():
			u.Succeeded = append(u.Succeeded, p.UID)
		}
	}
	s.UncountedTerminatedPods = u
}

func (d dice) conditions(j *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus) {
	switch d.IntN(9) {
	case 0:
		declared(v1alpha1.ConditionFailureTarget)(s)
	case 1:
		declared(v1alpha1.ConditionSuccessCriteriaMet)(s)
	case 2, 3:
		s.UncountedTerminatedPods, s.Active, s.Ready, s.Terminating = &v1alpha1.UncountedTerminatedPods{}, 0, new(int32(0)), new(int32(0))
		if d.one(2) {
			declared(v1alpha1.ConditionFailureTarget, v1alpha1.ConditionFailed)(s)
			return
		}
		declared(v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionComplete)(s)
		s.CompletionTime = stamp(-10 * time.Second)
	case 4:
		declared(v1alpha1.ConditionSuspended)(s)
		s.StartTime = nil
	case 5:
		rejectedAt(j.Generation)(s)
	case 6:
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: v1alpha1.ConditionSuspended, Status: metav1.ConditionFalse, Reason: "JobResumed"})
	}
}
