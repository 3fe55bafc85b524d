package cronbatchjob

import (
	"sync"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/schedule"
)

// remembered is how many parsed schedules are kept; beyond that they are parsed
// again when they are due.
const remembered = 100_000

// calendars shares parsed schedules between workers.
type calendars struct {
	mu    sync.Mutex
	cache *schedule.Cache
}

func newCalendars() *calendars { return &calendars{cache: schedule.NewCache(remembered)} }

func (c *calendars) of(cron *v1alpha1.CronBatchJob) engine.Calendar {
	c.mu.Lock()
	defer c.mu.Unlock()
	return engine.ReadCalendar(c.cache, cron)
}
