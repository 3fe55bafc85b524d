package engine

import "k8s.io/apimachinery/pkg/types"

// claim sorts the observed pods: those of the current run, those to take over
// because they match the selector and have no controller, and those to give up
// because their labels do not match any more (batch/v1's ControllerRefManager).
// It tells whether there is something to take over, or a pod lost the label by
// which the next look would find it: then nothing else is decided, as the pods
// would be missing from every count. While the API server refuses to let a pod
// be taken over, the job goes on without it.
func (w *work) claim() (wait bool) {
	w.names = make(map[string]struct{}, len(w.o.Pods))
	for _, name := range w.o.Taken {
		w.names[name] = struct{}{}
	}
	durable := w.durableEnds()
	for i := range w.o.Pods {
		p := &w.o.Pods[i]
		w.names[p.Name] = struct{}{}
		switch {
		case p.Orphan:
			w.claimOrphan(p)
		case p.Foreign && !accounted(p, durable):
			w.plan.Disown = append(w.plan.Disown, p.PodRef)
		case w.ofRun(p):
			w.pods = append(w.pods, p)
			if !p.Labelled && (p.Tracked || p.active()) {
				w.plan.Track = append(w.plan.Track, p.PodRef)
			}
		case p.Run < w.run:
			w.former(p)
		}
	}
	return len(w.plan.Adopt)+len(w.plan.Track) > 0
}

// claimOrphan takes over a pod that matches, unless the API server has refused
// that just now, or the run makes no pod any more.
func (w *work) claimOrphan(p *Pod) {
	switch {
	case p.Foreign || p.Deleting:
		w.letGo(p)
	case !w.superseded && !w.o.Now.Before(w.o.RetryAt):
		w.plan.Adopt = append(w.plan.Adopt, p.PodRef)
	}
}

// accounted: nothing is to be counted of the pod any more. Such a pod stays the
// job's, whatever its labels: were it given up and taken over again, it would be
// counted anew.
func accounted(p *Pod, durable map[types.UID]struct{}) bool {
	_, known := durable[p.UID]
	return known || p.ended() && !p.Tracked
}

// ofRun tells whether a pod belongs to the current run. One that lost the label
// does: former runs have no pod that anybody would still relabel.
func (w *work) ofRun(p *Pod) bool { return p.Run == w.run || p.Run == 0 }

func (w *work) letGo(p *Pod) {
	if p.Tracked {
		w.release(p)
	}
}

func (w *work) release(p *Pod) { w.plan.Release = append(w.plan.Release, p.PodRef) }
