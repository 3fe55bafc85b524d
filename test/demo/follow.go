package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// fails are the samples that are meant to, and how their column REASON begins.
var fails = map[string]string{"failing-import": "BackoffLimitExceeded: exit 3"}

// pause lies between two looks.
const pause = 2 * time.Second

// progress is how far the samples have come.
type progress struct {
	ended   map[string]bool
	held    []string // suspended, and as yet without a pod
	shown   *table
	resumed bool
}

// follow shows the samples whenever something has changed, until all have
// ended. The suspended ones are resumed when the others have.
func (d *demo) follow(ctx context.Context) error {
	p := &progress{ended: map[string]bool{}}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	left := len(d.jobs())
	for left > 0 {
		select {
		case <-ctx.Done():
			return d.explain(p, fmt.Errorf("%d of %d samples have not ended in time: %w", left, len(d.jobs()), context.Cause(ctx)))
		case <-tick.C:
		}
		if err := errors.Join(d.show(ctx, p), d.look(ctx, p)); err != nil {
			return d.explain(p, err)
		}
		left = len(d.jobs()) - len(p.ended)
		tick.Reset(pause)
		if left > 0 && left == len(p.held) && !p.resumed {
			if err := d.resume(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// show prints the table if it differs from the last one.
func (d *demo) show(ctx context.Context, p *progress) error {
	t, err := d.get(ctx)
	if err != nil || t.same(p.shown) {
		return err
	}
	p.shown = t
	d.say("\n$ kubectl get batchjobs    # after %s", time.Since(d.began).Round(time.Second))
	return t.write(d.out)
}

// look notes which samples have ended, and fails on an end that is not meant.
func (d *demo) look(ctx context.Context, p *progress) error {
	var list v1alpha1.BatchJobList
	if err := d.client.List(ctx, &list, client.InNamespace(d.namespace)); err != nil {
		return err
	}
	now := map[string]*v1alpha1.BatchJob{}
	for i := range list.Items {
		now[list.Items[i].Name] = &list.Items[i]
	}
	p.held = nil
	for _, sample := range d.jobs() {
		job := now[sample.Name]
		if p.ended[sample.Name] {
			continue // and maybe deleted after its ttlSecondsAfterFinished
		}
		if job == nil {
			return fmt.Errorf("%s is gone before it was seen to end", sample.Name)
		}
		if err := p.note(job); err != nil {
			return err
		}
	}
	return nil
}

func (p *progress) note(job *v1alpha1.BatchJob) error {
	s := job.Status
	switch s.Phase {
	case v1alpha1.PhaseComplete:
		if _, wrong := fails[job.Name]; wrong {
			return fmt.Errorf("%s is Complete and should have failed", job.Name)
		}
		p.ended[job.Name] = true
	case v1alpha1.PhaseFailed:
		if want, meant := fails[job.Name]; !meant || !strings.HasPrefix(s.Reason, want) {
			return fmt.Errorf("%s has failed: %s", job.Name, s.Reason)
		}
		p.ended[job.Name] = true
	case v1alpha1.PhaseNotRun:
		return fmt.Errorf("%s has not been run: %s", job.Name, s.Reason)
	case v1alpha1.PhaseSuspended:
		if s.Active > 0 || s.Succeeded > 0 {
			return fmt.Errorf("%s is suspended and yet has pods", job.Name)
		}
		p.held = append(p.held, job.Name)
	case v1alpha1.PhaseStalled:
		return fmt.Errorf("%s is stalled: %s", job.Name, s.Reason)
	case v1alpha1.PhasePending, v1alpha1.PhaseRunning, v1alpha1.PhaseWaiting, v1alpha1.PhaseTerminating:
	}
	return nil
}

// resume lets the suspended samples run.
func (d *demo) resume(ctx context.Context, p *progress) error {
	p.resumed = true
	for _, name := range p.held {
		job := &v1alpha1.BatchJob{}
		job.Name, job.Namespace = name, d.namespace
		const patch = `{"spec":{"suspend":false}}`
		d.say("\n$ kubectl patch batchjob %s --type=merge -p '%s'", name, patch)
		if err := d.client.Patch(ctx, job, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			return fmt.Errorf("resuming %s: %w", name, err)
		}
		d.say("batchjob.batch.stint.dev/%s patched", name)
	}
	return nil
}
