package report

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

var (
	// From the time that a run was due, jitter included, to its creation. Only
	// scheduled runs have a time to be late for, and one that stood in the queue
	// was late by the will of its author.
	cronLateness = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "stint_cronbatchjob_start_lateness_seconds",
		Help:    "How long after their due time BatchJobs of CronBatchJobs were created.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600},
	})

	// reason: Scheduled, CaughtUp, Requested.
	cronRuns = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_cronbatchjob_runs_started_total",
		Help: "BatchJobs created by CronBatchJobs.",
	}, []string{"reason"})

	// reason: MissSchedule, Blackout, QueueFull, NameTaken, JobAlreadyActive.
	cronMissed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_cronbatchjob_missed_total",
		Help: "Due times of CronBatchJobs that will never start, by reason.",
	}, []string{"reason"})

	// result: Complete, Failed.
	cronEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stint_cronbatchjob_runs_finished_total",
		Help: "Runs of CronBatchJobs whose end has been written down.",
	}, []string{"result"})
)

func init() {
	metrics.Registry.MustRegister(cronLateness, cronRuns, cronMissed, cronEnded)
}

func cronStarted(start engine.Start, now time.Time) {
	cronRuns.WithLabelValues(string(start.Reason)).Inc()
	if start.Reason == v1alpha1.StartScheduled && !start.Waited {
		cronLateness.Observe(max(0, now.Sub(start.Due).Seconds()))
	}
}

func cronNoticed(n engine.Notice) {
	switch n.Reason {
	case v1alpha1.ReasonMissSchedule, v1alpha1.ReasonBlackout, v1alpha1.ReasonQueueFull, v1alpha1.ReasonNameTaken, v1alpha1.ReasonJobAlreadyActive:
		if !n.Waits {
			cronMissed.WithLabelValues(n.Reason).Add(float64(n.Count))
		}
	case "SawCompletedJob":
		cronEnded.WithLabelValues(string(n.Result)).Inc()
	}
}

var (
	// state: scheduled, suspended, stalled.
	cronObjects = prometheus.NewDesc("stint_cronbatchjobs", "CronBatchJobs, by state.", []string{"state"}, nil)
	cronActive  = prometheus.NewDesc("stint_cronbatchjob_active_runs", "Unfinished BatchJobs of CronBatchJobs.", nil, nil)
	cronQueued  = prometheus.NewDesc("stint_cronbatchjob_queued_runs", "Starts that wait in the queues of CronBatchJobs.", nil, nil)
)

// CronCollector tells how things stand, from the cache, when somebody asks.
type CronCollector struct {
	Reader client.Reader
}

// Describe is prometheus.Collector's.
func (CronCollector) Describe(out chan<- *prometheus.Desc) {
	out <- cronObjects
	out <- cronActive
	out <- cronQueued
}

// scrapeTimeout is how long a cache that has not synced may hold up a scrape.
const scrapeTimeout = 5 * time.Second

// Collect is prometheus.Collector's.
func (c CronCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	crons := &v1alpha1.CronBatchJobList{}
	if err := c.Reader.List(ctx, crons, client.UnsafeDisableDeepCopy); err != nil {
		return // a scrape without these says as much
	}
	states := map[string]int{"scheduled": 0, "suspended": 0, "stalled": 0}
	active, queued := 0, 0
	for i := range crons.Items {
		cron := &crons.Items[i]
		active += int(cron.Status.ActiveCount)
		queued += len(cron.Status.Queue)
		switch {
		case meta.IsStatusConditionTrue(cron.Status.Conditions, v1alpha1.ConditionStalled):
			states["stalled"]++
		case cron.Spec.IsSuspended():
			states["suspended"]++
		default:
			states["scheduled"]++
		}
	}
	for state, n := range states {
		out <- prometheus.MustNewConstMetric(cronObjects, prometheus.GaugeValue, float64(n), state)
	}
	out <- prometheus.MustNewConstMetric(cronActive, prometheus.GaugeValue, float64(active))
	out <- prometheus.MustNewConstMetric(cronQueued, prometheus.GaugeValue, float64(queued))
}
