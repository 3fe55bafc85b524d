//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// The shards of these tests, as Flux has them: what carries the label, and the
// rest.
const (
	shardKey = "sharding.fluxcd.io/key"
	shardOne = shardKey + " in (one)"
	theRest  = "!" + shardKey
)

// inShard is a patch for a manifest: the label of a shard, or null for none.
func inShard(value string) string {
	return fmt.Sprintf("metadata: {labels: {%s: %s}}", shardKey, value)
}

// shards is a workshop in which the binaries of the operator work, each in its
// shard.
type shards struct {
	*workshop
	path    string
	running map[string]*binary
}

func newShards(t *testing.T, selectors ...string) *shards {
	t.Helper()
	t.Parallel()
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("needs the operator as a process of its own: KUBECONFIG has to name a cluster for it")
	}
	s := &shards{workshop: newWorkshop(t), path: buildOperator(t), running: map[string]*binary{}}
	s.shut() // the binaries take over
	for _, selector := range selectors {
		s.open(selector)
	}
	return s
}

// open starts the operator of a shard.
func (s *shards) open(selector string) {
	s.t.Helper()
	s.running[selector] = startBinary(s.t, s.path, s.namespace, "--watch-label-selector="+selector)
	s.t.Cleanup(func() {
		if b := s.running[selector]; s.t.Failed() && b != nil {
			s.t.Logf("the last words of %q:\n%s", selector, b.lastWords())
		}
	})
}

// writer is whose status it is.
func (s *shards) writer(name, selector string) {
	s.t.Helper()
	s.until(name, "written by "+selector, func(job *v1alpha1.BatchJob) error {
		if job.Status.Shard != selector {
			return fmt.Errorf("by %q", job.Status.Shard)
		}
		return nil
	})
}

func tracked(p *corev1.Pod) bool {
	return controllerutil.ContainsFinalizer(p, v1alpha1.FinalizerJobTracking)
}

// TestShards: each operator runs its own jobs, and a job that is relabelled in
// mid-run is brought to its end by the other.
func TestShards(t *testing.T) {
	s := newShards(t, shardOne, theRest)
	two := "spec: {completions: 2, parallelism: 2}"
	s.apply("left", inShard("one"), two)
	s.apply("right", two)
	for name, selector := range map[string]string{"left": shardOne, "right": theRest} {
		s.runs(name, 1, 2)
		s.writer(name, selector)
		s.failOne(name)
	}
	// Without a change there is no write: the new operator's name comes with it.
	s.edit("left", inShard("null"))
	s.edit("right", inShard("one"))
	for name, selector := range map[string]string{"left": theRest, "right": shardOne} {
		s.until(name, "the other pod and a failure", func(job *v1alpha1.BatchJob) error {
			if job.Status.Failed != 1 || len(s.pods(name, every)) != 3 {
				return fmt.Errorf("%d failures, %d pods", job.Status.Failed, len(s.pods(name, every)))
			}
			return nil
		})
		s.runs(name, 1, 2)
		s.succeed(name)
		job := s.ends(name, 1, v1alpha1.PhaseComplete)
		same(t, "successes of "+name, job.Status.Succeeded, 2)
		same(t, "failures of "+name, job.Status.Failed, 1)
		same(t, "who wrote it", job.Status.Shard, selector)
		s.stays(name)
	}
}

// TestPodsOfAnotherShard are nobody's orphans while their job is there, whatever
// becomes of its operator; and somebody's, once the job is gone.
func TestPodsOfAnotherShard(t *testing.T) {
	s := newShards(t, shardOne, theRest)
	s.apply("kept", inShard("one"))
	s.apply("gone", inShard("one"))
	s.apply("left", inShard("one"))
	for _, name := range []string{"kept", "gone", "left"} {
		s.runs(name, 1, 1)
		s.start(name)
		s.settled(name)
	}
	s.running[shardOne].kill()
	before := s.job("kept").ResourceVersion
	if err := api.Delete(t.Context(), s.pods("kept", alive)[0]); err != nil {
		t.Fatal(err)
	}
	s.edit("gone", inShard("nobody"))
	s.remove("gone", metav1.DeletePropagationBackground)
	s.edit("left", inShard("nobody"))
	s.remove("left", metav1.DeletePropagationOrphan)
	// The rest looks for the jobs of pods that go, and lets go where there is none.
	none := func(p *corev1.Pod) bool { return tracked(p) }
	s.left("gone", 0, none)
	s.left("left", 0, none)
	same(t, "pods of kept that are held", len(s.pods("kept", tracked)), 1)
	s.terminate("kept")
	time.Sleep(time.Second)
	same(t, "pods of kept that are held, of those that ended", len(s.pods("kept", func(p *corev1.Pod) bool { return over(p) && tracked(p) })), 1)
	same(t, "version of kept", s.job("kept").ResourceVersion, before)

	s.open(shardOne)
	job := s.runs("kept", 1, 1)
	same(t, "failures of kept", job.Status.Failed, 1)
	s.succeed("kept")
	s.ends("kept", 1, v1alpha1.PhaseComplete)
}

// TestDependsOnAnotherShard: the gate opens, and rings are told of, as within
// one.
func TestDependsOnAnotherShard(t *testing.T) {
	s := newShards(t, shardOne, theRest)
	s.apply("deploy", onMigrate)
	s.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "migrate does not exist")
	s.apply("migrate", inShard("one"))
	s.runs("migrate", 1, 1)
	s.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "migrate is Pending")
	s.succeed("migrate")
	s.ends("migrate", 1, v1alpha1.PhaseComplete)
	s.runs("deploy", 1, 1)

	s.apply("a", "spec: {dependsOn: [{name: b}]}")
	s.apply("b", inShard("one"), "spec: {dependsOn: [{name: a}]}")
	s.says("a", v1alpha1.ConditionStalled, "True/DependencyCycle", "a -> b -> a")
	s.says("b", v1alpha1.ConditionStalled, "True/DependencyCycle", "b -> a -> b")
}

// TestAJobBetweenShards is counted exactly, however often it is moved while its
// pods end, and also where two operators take it for theirs by mistake.
func TestAJobBetweenShards(t *testing.T) {
	for name, c := range map[string]struct {
		selectors []string
		labels    []string
	}{
		"moved":       {[]string{shardOne, theRest}, []string{`"one"`, "null"}},
		"overlapping": {[]string{shardOne, ""}, []string{`"one"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShards(t, c.selectors...)
			crowd := newCrowd(t, s.namespace, 500, 50)
			crowd.create(t, inShard("one"))
			moves, writers := 0, map[string]int{}
			last := time.Now()
			crowd.await(t, s.running[c.selectors[1]], func(ctx context.Context) error {
				err := crowd.over(ctx)
				owner := c.selectors[moves%len(c.labels)]
				wrote := false
				if job, get := crowd.job(ctx); get == nil {
					writers[job.Status.Shard]++
					wrote = job.Status.Shard == owner
				}
				// Not before its operator did something, as fast as this machine may be.
				if err == nil || !wrote || time.Since(last) < 150*time.Millisecond {
					return err
				}
				last = time.Now()
				moves++
				job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "job"}}
				patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, shardKey, c.labels[moves%len(c.labels)])
				return errors.Join(err, api.Patch(ctx, job, client.RawPatch("application/merge-patch+json", []byte(patch))))
			})
			crowd.verdict(t)
			for _, selector := range c.selectors {
				if writers[selector] == 0 {
					t.Errorf("%q never wrote: %v", selector, writers)
				}
			}
			t.Logf("%d pods and %d failures counted, moved %d times, seen with the status of %v", crowd.pods, crowd.failed, moves, writers)
			crowd.clear(t)
		})
	}
}

// TestAScheduleBetweenShards takes its runs along: the run that is under way
// keeps the next one from starting, wherever the schedule is, and the history is
// pruned as ever.
func TestAScheduleBetweenShards(t *testing.T) {
	s := newShards(t, shardOne, theRest)
	cron := manifest(t, minimalCron, inShard("one"), "metadata: {name: often, namespace: "+s.namespace+"}",
		`spec: {schedule: "* * * * * *", concurrencyPolicy: Forbid, successfulJobsHistoryLimit: 1, jobTemplate: {metadata: {labels: {`+shardKey+`: wrong}},`+
			` spec: {template: {spec: {nodeName: `+s.node+`, tolerations: [{operator: Exists}]}}}}}`)
	if err := api.Create(t.Context(), cron); err != nil {
		t.Fatal(err)
	}
	runs := &runsOf{namespace: s.namespace}
	one := func(shard, other string) (name string) {
		t.Helper()
		eventually(t, soon, "one run in "+shard, func(ctx context.Context) (err error) {
			name, err = runs.only(ctx, shard, other)
			return err
		})
		return name
	}
	move := func(value string) {
		t.Helper()
		cron := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "often"}}
		if err := api.Patch(t.Context(), cron, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"`+shardKey+`":`+value+`}}}`))); err != nil {
			t.Fatal(err)
		}
	}
	first := one("one", "")
	for range 3 {
		for _, to := range []string{"null", `"one"`} {
			move(to)
			label := map[string]string{"null": "", `"one"`: "one"}[to]
			same(t, "the run that is under way", one(label, ""), first)
			// Somebody who moves a run finds it back with its schedule.
			s.edit(first, inShard(map[string]string{"null": "one", `"one"`: "null"}[to]))
			same(t, "the run that is under way", one(label, ""), first)
			s.until(first, "its pod", func(job *v1alpha1.BatchJob) error {
				if job.Status.Active != 1 {
					return fmt.Errorf("%d active", job.Status.Active)
				}
				return nil
			})
			s.succeed(first)
			first = one(label, first)
		}
	}
	same(t, "runs at a time", runs.most, 1)
}

// runsOf are the runs of the schedule often, as the API server has them.
type runsOf struct {
	namespace string
	// most is how many were open when somebody looked.
	most int
}

// only is the one run that is open, with one active pod and its schedule knowing
// of it. It is in the shard, as what ended is, and not the other one.
func (r *runsOf) only(ctx context.Context, shard, other string) (string, error) {
	all := &v1alpha1.BatchJobList{}
	if err := api.List(ctx, all, client.InNamespace(r.namespace), client.MatchingLabels{v1alpha1.LabelCronBatchJob: "often"}); err != nil {
		return "", err
	}
	var open, ended []v1alpha1.BatchJob
	for _, job := range all.Items {
		if job.IsFinished() {
			ended = append(ended, job)
			continue
		}
		open = append(open, job)
	}
	r.most = max(r.most, len(open))
	if len(open) != 1 || len(ended) > 1 || open[0].Name == other || open[0].Status.Active != 1 {
		return "", fmt.Errorf("%d runs, %d ended", len(open), len(ended))
	}
	for _, job := range append(ended, open[0]) {
		if job.Labels[shardKey] != shard {
			return "", fmt.Errorf("run %s is in %q", job.Name, job.Labels[shardKey])
		}
	}
	cron := &v1alpha1.CronBatchJob{}
	if err := api.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: "often"}, cron); err != nil {
		return "", err
	}
	if cron.Status.ActiveCount != 1 || cron.Status.Active[0].Name != open[0].Name {
		return "", fmt.Errorf("active %v", cron.Status.Active)
	}
	return open[0].Name, nil
}
