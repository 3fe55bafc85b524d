package world

import (
	"context"
	"errors"
	"testing"

	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/controllers/batchjob"
)

// stint is the operator, as the manager sets it up, with its writes one after
// the other so that a seed tells one story.
var stint = Program{
	Start: func(p *Process) Controller {
		return &batchjob.Reconciler{
			Client: p.Client(), Live: withinNamespace{p.Live()}, Pods: p.Pods(), Clock: p.Clock(),
			Parallel: p.Parallel,
		}
	},
	TrimPod:    batchjob.TrimPod,
	PodIndexes: map[string]client.IndexerFunc{batchjob.PodIndex: batchjob.IndexPod},
}

// withinNamespace refuses what an operator of one namespace may not ask for.
type withinNamespace struct{ client.Reader }

func (r withinNamespace) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if asked := (&client.ListOptions{}).ApplyOptions(opts); asked.Namespace == "" {
		return errors.New("a live list beyond the namespace is forbidden")
	}
	return r.Reader.List(ctx, list, opts...)
}

func TestMain(m *testing.M) {
	ctrllog.SetLogger(quietLog)
	m.Run()
}
