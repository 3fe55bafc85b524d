package report

import (
	"errors"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Class is what the API server's refusal of a pod means.
type Class int

const (
	// Later: overload, quota, admission, a lost connection. It is tried again
	// with back-off.
	Later Class = iota
	// Never: the API server says the same until the manifest changes.
	Never
	// Wait: the namespace is going away, and the job with it.
	Wait
)

// Classify says what the refusal of a pod means. Together with Moved it is the
// only place that looks into API errors.
func Classify(err error) Class {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return Wait
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err),
		apierrors.IsMethodNotSupported(err), apierrors.IsNotAcceptable(err), apierrors.IsUnsupportedMediaType(err):
		return Never
	}
	return Later
}

// Moved tells that an object changed, or went, before a write that was meant
// for what had been observed. The event of that change brings the next look.
func Moved(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsGone(err)
}

// InDoubt tells that a write may have been carried out although it failed: only
// an answer of the kind 4xx says that it was not.
func InDoubt(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	code := status.Status().Code
	return code < http.StatusBadRequest || code >= http.StatusInternalServerError
}
