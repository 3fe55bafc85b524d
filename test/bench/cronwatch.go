package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// clockers note when each job of a schedule, and its first pod, is first seen.
type clockers struct {
	stop context.CancelFunc

	mu         sync.Mutex
	jobs, pods map[string]time.Time // by the name of the job
}

func (c *cluster) clock(ctx context.Context, contender, namespace string) *clockers {
	ctx, stop := context.WithCancel(ctx)
	k := &clockers{stop: stop, jobs: map[string]time.Time{}, pods: map[string]time.Time{}}
	var jobs client.ObjectList = &v1alpha1.BatchJobList{}
	if contender == builtIn {
		jobs = &batchv1.JobList{}
	}
	for _, list := range []client.ObjectList{jobs, &corev1.PodList{}} {
		events := c.follow(ctx, list, client.InNamespace(namespace))
		go func() {
			for e := range events {
				if o, ok := e.Object.(client.Object); ok {
					k.note(o)
				}
			}
		}()
	}
	return k
}

func (k *clockers) note(o client.Object) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	seen, name := k.jobs, o.GetName()
	if _, pod := o.(*corev1.Pod); pod {
		owner := metav1.GetControllerOf(o)
		if owner == nil {
			return
		}
		seen, name = k.pods, owner.Name
	}
	if _, known := seen[name]; !known {
		seen[name] = now
	}
}

// late is how long after its minute each was seen, sorted, for so many minutes
// from the first. A job's name ends with its minute.
func (k *clockers) late(first time.Time, minutes int) (jobs, pods []time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	of := func(seen map[string]time.Time) (late []time.Duration) {
		for name, at := range seen {
			minute, err := strconv.ParseInt(name[strings.LastIndexByte(name, '-')+1:], 10, 64)
			if nominal := time.Unix(minute*60, 0); err == nil && !nominal.Before(first) && nominal.Before(first.Add(time.Duration(minutes)*time.Minute)) {
				late = append(late, at.Sub(nominal))
			}
		}
		slices.Sort(late)
		return late
	}
	return of(k.jobs), of(k.pods)
}
