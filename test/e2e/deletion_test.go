//go:build e2e

package e2e

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// waits runs until it is asked to end.
const waits = "trap 'exit 0' TERM; while :; do sleep 1; done"

func deletion(cascade string) func(*space) {
	return func(s *space) {
		s.apply(script("doomed", "Never", waits, "parallelism: 3", "completions: 5"))
		s.running("doomed", 3)
		s.kubectl("delete", "batchjob", "doomed", "--cascade="+cascade, "--timeout=60s")
		s.noPods("doomed")
	}
}

// orphan: the pods go on, and nothing of ours holds them afterwards.
func orphan(s *space) {
	s.apply(script("parent", "Never", waits, "parallelism: 2"))
	s.running("parent", 2)
	s.kubectl("delete", "batchjob", "parent", "--cascade=orphan", "--timeout=60s")
	s.eventually(soon, "the orphans have no owner and no finalizer", func(ctx context.Context) error {
		pods, err := s.podsOf(ctx, "parent")
		if err != nil {
			return err
		}
		for i := range pods {
			if metav1.GetControllerOf(&pods[i]) != nil {
				return fmt.Errorf("pod %s still has an owner", pods[i].Name)
			}
		}
		return finalizers(pods)
	})
	s.running("parent", 2)
	s.kubectl("delete", "pods", "-l", "job-name=parent", "--timeout=60s")
}

func namespace(s *space) {
	s.apply(script("tenant", "Never", waits, "parallelism: 3", "completions: 9"))
	s.apply(script("retrying", "Never", "exit 1", "backoffLimit: 100", "backoff: {initialDelay: 1s, maxDelay: 2s}"))
	s.running("tenant", 3)
	s.kubectl("delete", "namespace", s.name, "--timeout=80s")
	if err := s.namespaceGone(s.Context()); err != nil {
		s.Error(err)
	}
	_, err := s.job(s.Context(), "tenant")
	if !apierrors.IsNotFound(err) {
		s.Errorf("the job outlives its namespace: %v", client.IgnoreNotFound(err))
	}
}
