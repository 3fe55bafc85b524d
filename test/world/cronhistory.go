package world

import (
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// cronHistory is the world of one schedule: the operator under test, whoever
// edits and deletes, whoever runs the BatchJobs, and a clock that may be set.
type cronHistory struct {
	*World
	storm  cronStorm
	rng    *rand.Rand
	truth  *CronTruth
	runner *Runner
	author *cronAuthor
}

// RunCron plays the history of a seed with a controller of CronBatchJobs. Their
// BatchJobs are moved by an actor that writes what a controller of BatchJobs
// would write, so that a history of years is told in a moment.
func RunCron(seed uint64, program Program) Result { return runCron(seed, program, nil) }

// RunCronWhole is RunCron with a controller of BatchJobs in the actor's place.
func RunCronWhole(seed uint64, program, jobs Program) Result { return runCron(seed, program, &jobs) }

func runCron(seed uint64, program Program, jobs *Program) (r Result) {
	rng := rand.New(rand.NewPCG(seed, 0xc409))
	w := New(program)
	w.Store.Hooks, w.Truth = nil, nil // the judge of BatchJobs has other histories
	h := &cronHistory{World: w, rng: rng}
	w.Clock.now = randomBeginning(rng)
	w.Story.begin = w.Clock.now
	h.truth = newCronTruth(w)
	h.runner = newRunner(h, jobs)
	h.author = newAuthor(h)
	h.storm = cronStorm{history: h, climate: drawCronClimate(rng)}
	h.storm.faults = storm{world: w, rng: rng, climate: h.storm.climate.Climate}
	w.Weather = &h.storm
	w.Refuse = h.author.refuse
	r = Result{Seed: seed, World: w}
	defer func() {
		r.Steps = len(w.Story.lines)
		if v, ok := recover().(violation); ok {
			r.Failure = v.text
		}
	}()
	w.Story.Add("it is %v; the climate: %+v", w.Clock.now.Format(time.RFC3339), h.storm.climate)
	h.author.create()
	h.storm.rage()
	h.calm()
	h.judge()
	return r
}

// randomBeginning is near a change of clocks somewhere, more often than not.
func randomBeginning(rng *rand.Rand) time.Time {
	begin := time.Date(2026, 1, 1, 0, 0, 0, rng.IntN(1e9), time.UTC)
	if rng.IntN(2) == 0 {
		near := []time.Time{
			time.Date(2026, 3, 8, 4, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC), // New York
			time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 21, 0, 0, 0, time.UTC), // Berlin
			time.Date(2026, 4, 4, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 13, 0, 0, 0, time.UTC), // Lord Howe
			time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC),
		}
		begin = near[rng.IntN(len(near))].Add(time.Duration(rng.IntN(1e9)))
	}
	return begin.Add(time.Duration(rng.IntN(4*3600)) * time.Second)
}

// calm ends the storm: no faults, everything is delivered, what failed is tried
// again, what runs ends, and the schedule goes on for some of its times.
func (h *cronHistory) calm() {
	w := h.World
	w.Weather = calm{}
	w.Story.Add("the storm ends")
	for len(w.late) > 0 {
		w.land()
	}
	h.author.relent()
	h.settle()
	for range 2 {
		if !h.nextTime() {
			break
		}
		h.settle()
	}
}

// nextTime goes on to the next timer, which is a due time or the end of a run.
func (h *cronHistory) nextTime() bool {
	next, ok := h.Clock.Next()
	if !ok || next > 20*365*24*time.Hour {
		return false
	}
	h.Clock.Advance(next)
	return true
}

// shortly is how long the calm waits for what is to come of a moment: a back-off,
// a grace period.
const shortly = 70 * time.Second

// settle goes on until nothing is left to do at this moment. It fails if that
// does not come.
func (h *cronHistory) settle() {
	deadline := h.Clock.now.Add(shortly)
	for range 5 * maxSettling {
		if h.quietStep() || h.runner.Step() || h.runner.work() {
			continue
		}
		next, ok := h.Clock.Next()
		if !ok || h.Clock.now.Add(next).After(deadline) {
			return
		}
		h.Clock.Advance(next)
	}
	h.fail("the world does not settle: something goes on for ever")
}

// cronKey is the one schedule of a history.
var cronKey = client.ObjectKey{Namespace: "default", Name: "cron"}

// cron is its stored state; nil if there is none.
func (h *cronHistory) cron() *v1alpha1.CronBatchJob {
	o, err := h.Store.get(cronKind, cronKey)
	if err != nil {
		return nil
	}
	return o.(*v1alpha1.CronBatchJob)
}

// batchJobs are all that are stored, by name.
func (h *cronHistory) batchJobs() []*v1alpha1.BatchJob {
	var jobs []*v1alpha1.BatchJob
	for _, o := range h.Store.list(jobKind) {
		jobs = append(jobs, o.(*v1alpha1.BatchJob))
	}
	return jobs
}

// instant in the API, nil for none.
func instant(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t.Truncate(time.Second)}
}
