package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Result is what one history came to.
type Result struct {
	Seed  uint64
	Steps int
	World *World
	// Failure is what went wrong; empty if nothing did.
	Failure string
}

// Run plays the history of a seed: the same seed gives the same history, as
// long as the controller is deterministic.
func Run(seed uint64, program Program) (r Result) {
	return run(seed, program, func(*storm, *rand.Rand, *v1alpha1.BatchJob) {})
}

// RunFeatures is Run with a job that has more than batch/v1 had at first:
// indexes, policies, and a namespace that may go, and with caches that change
// while they are read.
func RunFeatures(seed uint64, program Program) (r Result) {
	return run(seed, program, func(s *storm, rng *rand.Rand, j *v1alpha1.BatchJob) {
		s.world.drawFeatures(rng, j)
		s.climate.Disorder = []int{0, 20, 60}[rng.IntN(3)]
	})
}

// RunHands is Run with hands that have no business there.
func RunHands(seed uint64, program Program) (r Result) { return run(seed, program, drawHands) }

// run plays a history; what it has beyond a plain job is drawn by draw.
func run(seed uint64, program Program, draw func(*storm, *rand.Rand, *v1alpha1.BatchJob)) (r Result) {
	rng := rand.New(rand.NewPCG(seed, 0x5717))
	w := New(program)
	w.Nodes.rng, w.User.rng, w.own = rng, rng, map[ownWrite]client.Object{}
	r = Result{Seed: seed, World: w}
	defer func() {
		r.Steps = len(w.Story.lines)
		if v, ok := recover().(violation); ok {
			r.Failure = v.text
		}
	}()
	s := &storm{world: w, rng: rng, climate: drawClimate(rng)}
	w.Weather = s
	w.Nodes.FailPercent = []int{0, 15, 40, 80}[rng.IntN(4)]
	w.Nodes.Harsh = rng.IntN(3) == 0
	w.User.Edits = []int{0, 0, 1, 3, 6}[rng.IntN(5)]
	w.User.PodDeletions = []int{0, 0, 1, 3}[rng.IntN(4)]
	w.User.MayDelete = rng.IntN(6) == 0
	w.Story.Add("the climate: %+v", s.climate)
	job := drawJob(rng)
	draw(s, rng, job)
	if rng.IntN(2) == 0 {
		w.User.Again = job
	}
	w.User.Create(job)
	s.rage()
	w.settle()
	w.amend()
	w.settle()
	w.judge()
	return r
}

// rage goes on until the storm has had its time, or nothing comes of it any
// more.
func (s *storm) rage() {
	idle := 0
	for step := 0; step < s.climate.Steps && idle < 12; step++ {
		idle++
		if s.step(func(act) bool { return false }) {
			idle = 0
		}
	}
}

// drawJob draws the shape of a job.
func drawJob(rng *rand.Rand) *v1alpha1.BatchJob {
	j := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "job"}}
	j.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever,
		Containers:    []corev1.Container{{Name: "main", Image: "busybox"}},
	}
	if rng.IntN(3) == 0 {
		j.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	}
	number := func(from, to int) *int32 { n := int32(from + rng.IntN(to-from+1)); return &n }
	switch rng.IntN(8) {
	case 0: // one pod
	case 1, 2:
		j.Spec.Parallelism = number(0, 4) // a work queue
	case 3:
		j.Spec.Completions = number(0, 2)
	default:
		j.Spec.Parallelism, j.Spec.Completions = number(0, 4), number(1, 6)
	}
	if rng.IntN(3) > 0 {
		j.Spec.BackoffLimit = number(0, 3)
	}
	delays := []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}
	if rng.IntN(2) == 0 {
		initial := delays[rng.IntN(len(delays))]
		j.Spec.Backoff = &v1alpha1.Backoff{
			InitialDelay: &metav1.Duration{Duration: initial},
			MaxDelay:     &metav1.Duration{Duration: initial * time.Duration(1+rng.IntN(4))},
		}
	}
	if rng.IntN(8) == 0 {
		limit := int64(rng.IntN(120))
		j.Spec.ActiveDeadlineSeconds = &limit
	}
	if rng.IntN(8) == 0 {
		j.Spec.TTLSecondsAfterFinished = number(0, 60)
	}
	if rng.IntN(4) == 0 {
		policy := v1alpha1.Failed
		j.Spec.PodReplacementPolicy = &policy
	}
	return j
}

// judge looks at what is left when everything has settled, and at what an
// operator does that finds it so: nothing.
func (w *World) judge() {
	for uid := range w.Truth.jobs {
		w.judgeJob(w.Truth.jobs[uid], w.Truth.of(uid))
	}
	if len(w.Truth.of("")) > 0 {
		w.fail("there are pods of nobody")
	}
	if w.Store.closing() {
		w.fail("everything has settled, and the namespace does not go: %d pods and %d jobs are in it", len(w.Store.list(podKind)), len(w.Store.list(jobKind)))
	}
	w.judgeCost()
	if w.User.strays > 0 { // nobody tells of a pod that a selector matches
		w.lookAgain()
	}
	before := w.Writes
	if p := w.live(); p != nil {
		w.lookAgain()
		p.die()
		w.settle()
	}
	if w.Writes != before {
		w.fail("everything has settled, and the operator still makes %d writes", w.Writes-before)
	}
}

// lookAgain has the operator look at every job.
func (w *World) lookAgain() {
	for _, o := range w.Store.list(jobKind) {
		w.live().Queue.Add(client.ObjectKeyFromObject(o))
	}
	w.settle()
}

// letGo judges what our finalizer still holds.
func (w *World) letGo(j *jobTruth, pods []*podTruth) {
	over := j.now == nil || j.now.IsFinished()
	for _, p := range pods {
		if !p.gone && held(p.now) && (over || !activePod(p.now) && !p.mayBeHeld(j.now)) {
			w.fail("everything has settled, and our finalizer still holds pod %s (%s)", p.now.Name, p.now.Status.Phase)
		}
	}
}

func (w *World) judgeJob(j *jobTruth, pods []*podTruth) {
	w.letGo(j, pods)
	if j.now == nil {
		return
	}
	s := &j.now.Status
	succeeded, failed, active := toll(j.now, pods)
	oldS, oldF := uncounted(j.now)
	waiting := 0 // their replacements were removed, and none comes
	for _, p := range pods {
		if slices.Contains(oldF, p.now.UID) && !p.gone && held(p.now) && p.mayBeHeld(j.now) {
			waiting++
		}
	}
	truthful := s.Succeeded == succeeded && s.Failed+int32(waiting) == failed && s.Active == active && len(oldS)+len(oldF) == waiting
	text := fmt.Sprintf("; in truth %d succeeded, %d failed, %d are active\n%s: %s", succeeded, failed, active, describe(&j.now.Spec), brief(j.now))
	switch {
	case active > 0:
		w.fail("everything has settled, and pods are still active%s", text)
	case !j.now.IsFinished() && !mayWait(j.now):
		w.fail("everything has settled, and the job does not end%s", text)
	case !truthful:
		w.fail("the status does not tell the truth%s", text)
	}
}

// toll is how the pods of a job have ended.
func toll(j *v1alpha1.BatchJob, pods []*podTruth) (succeeded, failed, active int32) {
	for _, p := range pods {
		switch {
		case p.recorded == asSucceeded:
			succeeded++
		case p.recorded == asFailed:
			failed++
		case !p.gone && activePod(p.now):
			active++
		}
	}
	if j.Spec.IsIndexed() {
		succeeded = int32(len(completed(j))) // bookIndexes has judged each
	}
	return succeeded, failed, active
}

// mayWait: the job has been told to do nothing.
func mayWait(j *v1alpha1.BatchJob) bool {
	completions, fixed := j.Spec.GetCompletions()
	return j.DeletionTimestamp != nil || j.Spec.IsSuspended() || j.Spec.GetParallelism() == 0 && (!fixed || completions > 0)
}

// judgeCost bounds the writes: what must be written for each pod and each
// trouble, and some for the job.
func (w *World) judgeCost() {
	bound := 30 + 12*len(w.Truth.order) + 4*w.Troubles + 2*w.Store.Admission.refusals
	if w.Writes > bound {
		w.fail("%d writes for %d pods and %d troubles: the operator loops", w.Writes, len(w.Truth.order), w.Troubles)
	}
	if bound := 200 + 20*len(w.Truth.order) + 10*w.Troubles + len(w.Story.lines)/4; w.Reconciles > bound {
		w.fail("%d reconciles for %d pods and %d troubles: the operator loops", w.Reconciles, len(w.Truth.order), w.Troubles)
	}
}
