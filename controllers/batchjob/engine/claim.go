package engine

// claim sorts the observed pods: those of the current run, those to take over
// because they match the selector and have no controller, and those to give up
// because their labels do not match any more (batch/v1's ControllerRefManager).
// It tells whether there is something to take over: then nothing else is
// decided, as the pods would be missing from every count. While the API server
// refuses that, the job goes on without them.
func (w *work) claim() (adopts bool) {
	w.names = make(map[string]struct{}, len(w.o.Pods))
	for i := range w.o.Pods {
		p := &w.o.Pods[i]
		w.names[p.Name] = struct{}{}
		switch {
		case p.Foreign && !p.Orphan:
			w.plan.Disown = append(w.plan.Disown, p.PodRef)
		case p.Orphan && !p.Foreign && !p.Deleting && !w.superseded && !w.o.Now.Before(w.o.RetryAt):
			w.plan.Adopt = append(w.plan.Adopt, p.PodRef)
		case p.Orphan && (p.Deleting || p.Foreign):
			w.letGo(p)
		case p.Orphan: // not yet
		case w.ofRun(p):
			w.pods = append(w.pods, p)
		case p.Run < w.run:
			w.former(p)
		}
	}
	return len(w.plan.Adopt) > 0
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
