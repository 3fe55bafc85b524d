package report_test

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/report"
)

// gathered are the values of our metrics: name{label,label}.
func gathered(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "stint_") {
			continue
		}
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			values[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue()
		}
	}
	return values
}

// added is what doing something adds to the metrics.
func added(t *testing.T, do func()) map[string]float64 {
	t.Helper()
	before := gathered(t)
	do()
	grown := map[string]float64{}
	for name, value := range gathered(t) {
		if value != before[name] {
			grown[name] = value - before[name]
		}
	}
	return grown
}

func TestMetrics(t *testing.T) {
	const yes = metav1.ConditionTrue
	voice := &report.Voice{}
	indexed := job(func(j *v1alpha1.BatchJob) { j.Spec.CompletionMode = new(v1alpha1.IndexedCompletion) })
	ends := func(succeeded, failed int32, uncounted ...types.UID) func(*v1alpha1.BatchJobStatus) {
		return func(s *v1alpha1.BatchJobStatus) {
			s.Succeeded, s.Failed = succeeded, failed
			s.UncountedTerminatedPods = &v1alpha1.UncountedTerminatedPods{Succeeded: uncounted, Failed: uncounted}
		}
	}
	for _, c := range []struct {
		name string
		do   func()
		want map[string]float64
	}{
		{"pods created", func() { voice.Acted(job(), report.Done{Created: []string{"a", "b"}, NotCreated: 7}) }, map[string]float64{"stint_pods_created_total{}": 2}},
		{"ends written down", func() { voice.Wrote(job(), with(ends(1, 1)), with(ends(1, 1, "a", "b"))) },
			map[string]float64{"stint_pods_finished_total{succeeded}": 2, "stint_pods_finished_total{failed}": 2}},
		{"the same ends moved into the counters", func() { voice.Wrote(job(), with(ends(1, 1, "a", "b")), with(ends(3, 3))) }, nil},
		{"fewer, of an elastic job", func() { voice.Wrote(indexed, with(ends(5, 0)), with(ends(3, 0))) }, nil},
		{"it succeeded", func() { voice.Wrote(job(), with(), with(cond(v1alpha1.ConditionComplete, yes, "CompletionsReached"))) },
			map[string]float64{"stint_batchjobs_finished_total{NonIndexed,CompletionsReached,succeeded}": 1}},
		{"it failed", func() { voice.Wrote(indexed, with(), with(cond(v1alpha1.ConditionFailed, yes, "FailedIndexes"))) },
			map[string]float64{"stint_batchjobs_finished_total{Indexed,FailedIndexes,failed}": 1}},
		{"it had failed", func() {
			voice.Wrote(job(), with(cond(v1alpha1.ConditionFailed, yes, "DeadlineExceeded")), with(cond(v1alpha1.ConditionFailed, yes, "DeadlineExceeded")))
		}, nil},
		{"it will fail", func() {
			voice.Wrote(job(), with(), with(cond(v1alpha1.ConditionFailureTarget, yes, "DeadlineExceeded")))
		}, nil},
		{"a cache that lagged", func() { report.StaleRead("waited") }, map[string]float64{"stint_stale_reads_total{waited}": 1}},
	} {
		same(t, c.name, added(t, c.do), c.want)
	}
}

// TestNoSeriesPerObject: as many series for a million jobs as for ten.
func TestNoSeriesPerObject(t *testing.T) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if strings.HasPrefix(family.GetName(), "stint_") && !slices.Contains([]string{"mode", "result", "reason", "how"}, l.GetName()) {
					t.Errorf("%s has the label %s", family.GetName(), l.GetName())
				}
			}
		}
	}
}
