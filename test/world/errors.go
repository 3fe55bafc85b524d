package world

import (
	"errors"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func conflict(k *kind, key types.NamespacedName, why string) error {
	return apierrors.NewConflict(k.resource, key.Name, errors.New(why))
}

// invalid is a 422. A patch gets it too for a failed JSON patch test or
// another object's uid.
func invalid(k *kind, name, why string) error {
	err := apierrors.NewInvalid(schema.GroupKind{Group: k.gvk.Group, Kind: k.gvk.Kind}, name, nil)
	err.ErrStatus.Message = k.gvk.Kind + " \"" + name + "\" is invalid: " + why
	return err
}

// refusals are the answers of an API server that did not do it. Each can come
// for any write and be gone the next time.
var refusals = []struct {
	name string
	err  func(k *kind, name string) error
}{
	{"409 conflict", func(k *kind, name string) error {
		return apierrors.NewConflict(k.resource, name, errors.New("the object has been modified; please apply your changes to the latest version and try again"))
	}},
	{"403 quota", func(k *kind, name string) error {
		return apierrors.NewForbidden(k.resource, name, errors.New("exceeded quota: compute, requested: pods=1, used: pods=9, limited: pods=9"))
	}},
	{"429", func(*kind, string) error {
		return apierrors.NewTooManyRequests("the server has received too many requests and has asked us to try again later", 1)
	}},
	{"500", func(*kind, string) error {
		return apierrors.NewInternalError(errors.New("etcdserver: leader changed"))
	}},
	{"503", func(*kind, string) error {
		return apierrors.NewServiceUnavailable("the server is currently unable to handle the request")
	}},
}

// timeout is what a client gets that does not know whether its write got
// through.
func timeout(k *kind, name string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusGatewayTimeout, Reason: metav1.StatusReasonTimeout,
		Message: "Timeout: request did not complete within the allotted timeout",
		Details: &metav1.StatusDetails{Group: k.resource.Group, Kind: k.resource.Resource, Name: name},
	}}
}

func has(list []string, s string) bool { return slices.Contains(list, s) }

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
