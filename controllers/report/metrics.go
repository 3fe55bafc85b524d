package report

import (
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// None of these has a label per object: a cluster that runs a million jobs has
// as many series as one that runs ten.
var (
	// mode: NonIndexed, Indexed; result: succeeded, failed; reason: that of the terminal condition.
	jobsFinished = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_batchjobs_finished_total",
		Help: "Runs of BatchJobs that reached their verdict.",
	}, []string{"mode", "result", "reason"})

	// result: succeeded, failed.
	podsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_pods_finished_total",
		Help: "Pods of BatchJobs whose end has been accounted for in a status.",
	}, []string{"result"})

	podsMade = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "stint_pods_created_total",
		Help: "Pods created for BatchJobs.",
	})

	// how: waited, live.
	staleReads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_stale_reads_total",
		Help: "Observations put off because a cache was behind our own writes (waited), or made against the API server instead (live).",
	}, []string{"how"})

	// result: sent, failed (given up), dropped (the oldest of too many).
	notifications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_notifications_total",
		Help: "Events for notification-controller, by what became of them.",
	}, []string{"result"})
)

func init() {
	metrics.Registry.MustRegister(jobsFinished, podsEnded, podsMade, staleReads, notifications)
}

func jobFinished(job *v1alpha1.BatchJob, c *metav1.Condition) {
	result := "failed"
	if c.Type == v1alpha1.ConditionComplete {
		result = "succeeded"
	}
	jobsFinished.WithLabelValues(string(job.Spec.GetCompletionMode()), result, c.Reason).Inc()
}

func podsCreated(n int) { podsMade.Add(float64(n)) }

// podsFinished counts what a status write accounted for.
func podsFinished(before, after *v1alpha1.BatchJobStatus) {
	for result, n := range map[string]int32{
		"succeeded": succeeded(after) - succeeded(before),
		"failed":    failed(after) - failed(before),
	} {
		if n > 0 {
			podsEnded.WithLabelValues(result).Add(float64(n))
		}
	}
}

// StaleRead counts an observation that a cache could not serve.
func StaleRead(how string) { staleReads.WithLabelValues(how).Inc() }

// notified counts what became of an event for notification-controller.
func notified(result string) { notifications.WithLabelValues(result).Inc() }
