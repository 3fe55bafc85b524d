// Package v1alpha1 is the contract of Stint: the kinds BatchJob and
// CronBatchJob of the group batch.stint.dev, their defaults, their validation
// and every name that they put on other objects.
//
// Both kinds are supersets of batch/v1 Job and CronJob: a field that batch/v1
// has keeps its name, its type and its meaning; reference.md lists the few
// deliberate differences with their reasons.
//
// Code outside this package never reads an optional field by itself: the
// accessors (batchjob_accessors.go, cronbatchjob_accessors.go) know what an
// absent value means.
//
// +kubebuilder:object:generate=true
// +groupName=batch.stint.dev
package v1alpha1
