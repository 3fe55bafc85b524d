package batchjob

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/mould"
)

// newPod makes the pod that an order asks for.
func newPod(job *v1alpha1.BatchJob, order engine.PodOrder) *corev1.Pod {
	return mould.Pod(job, mould.Order(order))
}
