package world

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/controllers/cronbatchjob"
)

// cronStint is the operator's controller of CronBatchJobs.
var cronStint = Program{
	OfCrons: true,
	Start: func(p *Process) Controller {
		return &cronbatchjob.Reconciler{Client: p.Client(), Live: p.Live(), Jobs: p.Jobs(), Clock: p.Clock()}
	},
	JobIndexes: map[string]client.IndexerFunc{cronbatchjob.JobIndex: cronbatchjob.IndexJob},
}

func TestCronHistories(t *testing.T) {
	play(t, func(seed uint64, _ Program) Result { return RunCron(seed, cronStint) })
}

// TestWholeCronHistories plays them with the operator's controller of BatchJobs
// beside that of CronBatchJobs. Such a history costs more than twice as much, so
// there are a quarter as many.
func TestWholeCronHistories(t *testing.T) {
	playShare(t, 4, func(seed uint64, jobs Program) Result { return RunCronWhole(seed, cronStint, jobs) })
}
