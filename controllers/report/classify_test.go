package report_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

var podsResource = schema.GroupResource{Resource: "pods"}

func terminating() error {
	err := apierrors.NewForbidden(podsResource, "p", errors.New("namespace team is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"}}
	return err
}

func code(n int32) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: n, Message: "the server says so"}}
}

// refusals are the answers of an API server, and of the way to it.
var refusals = []struct {
	name    string
	err     error
	class   report.Class
	moved   bool
	inDoubt bool
}{
	{"403 quota", apierrors.NewForbidden(podsResource, "p", errors.New("exceeded quota")), report.Later, false, false},
	{"403 admission policy", apierrors.NewForbidden(podsResource, "p", errors.New("violates PodSecurity")), report.Later, false, false},
	{"403 the namespace terminates", terminating(), report.Wait, false, false},
	{"401", apierrors.NewUnauthorized("token expired"), report.Later, false, false},
	{"404 the namespace is not there", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "team"), report.Later, true, false},
	{"409", apierrors.NewConflict(podsResource, "p", errors.New("changed")), report.Later, true, false},
	{"409 it exists", apierrors.NewAlreadyExists(podsResource, "p"), report.Later, false, false},
	{"410", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonGone, Code: http.StatusGone}}, report.Later, true, false},
	{"400", apierrors.NewBadRequest("spec.containers: bad"), report.Never, false, false},
	{"405", apierrors.NewMethodNotSupported(podsResource, "create"), report.Never, false, false},
	{"406", code(http.StatusNotAcceptable), report.Never, false, false},
	{"413", apierrors.NewRequestEntityTooLargeError("limit is 3145728"), report.Never, false, false},
	{"422", apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "p", field.ErrorList{field.Required(field.NewPath("spec"), "")}), report.Never, false, false},
	{"429", apierrors.NewTooManyRequests("slow down", 1), report.Later, false, false},
	{"500", apierrors.NewInternalError(errors.New("webhook failed")), report.Later, false, true},
	{"503", apierrors.NewServiceUnavailable("starting"), report.Later, false, true},
	{"504", apierrors.NewTimeoutError("request timed out", 1), report.Later, false, true},
	{"504 server", apierrors.NewServerTimeout(podsResource, "create", 1), report.Later, false, true},
	{"an answer without code", code(0), report.Later, false, true},
	{"no answer", context.DeadlineExceeded, report.Later, false, true},
	{"a broken connection", &url.Error{Op: "Post", URL: "https://api", Err: io.ErrUnexpectedEOF}, report.Later, false, true},
	{"anything else", errSome, report.Later, false, true},
}

func TestClassify(t *testing.T) {
	for _, r := range refusals {
		for _, err := range []error{r.err, fmt.Errorf("creating pod p: %w", r.err)} {
			same(t, r.name+": class", report.Classify(err), r.class)
			same(t, r.name+": moved", report.Moved(err), r.moved)
			same(t, r.name+": in doubt", report.InDoubt(err), r.inDoubt)
		}
	}
}

// TestARefusedPod: what will never work is Stalled and names the field, what may
// work later is tried again, and a namespace that goes is nobody's trouble. All
// carry the API server's words.
func TestARefusedPod(t *testing.T) {
	for _, r := range refusals {
		j := job()
		s := report.Status(now, j, plan(j, running, counts), report.Done{NotCreated: 1, Err: r.err})
		want := map[report.Class][]string{
			report.Never: {"False/PodRejected", "", "True/PodRejected", "spec.template: the API server refused the pod: " + r.err.Error() + "; correct the manifest to try again"},
			report.Later: {"False/ProgressingWithRetry", "True/ProgressingWithRetry", "", r.err.Error() + "; it is tried again"},
			report.Wait:  {"Unknown/Progressing", "True/Progressing", "", "Run 3: 1 active, 1/1 succeeded, 0 failed"},
		}[r.class]
		got := []string{said(s, v1alpha1.ConditionReady), said(s, v1alpha1.ConditionReconciling), said(s, v1alpha1.ConditionStalled), message(s, v1alpha1.ConditionReady)}
		same(t, r.name, got, want)
	}
	adopting := report.Done{Err: apierrors.NewBadRequest("no"), Adopting: true}
	refused := report.Status(now, job(), plan(job(), running), adopting)
	same(t, "an adoption", message(refused, v1alpha1.ConditionStalled), "spec.selector: the API server refused to let a pod be adopted: no; correct the manifest to try again")
	same(t, "the event of an adoption", acted(adopting), []string{"Warning FailedAdopt: no"})
	j := job()
	s := report.Status(now, j, plan(j, engine.Outcome{State: engine.StateRunning, Idle: true}), report.Done{Err: apierrors.NewBadRequest("bad image")})
	same(t, "column", s.Reason, "PodRejected: spec.template")
	same(t, "phase", s.Phase, v1alpha1.PhaseStalled)
}
