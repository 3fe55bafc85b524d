package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const (
	// maxQueued events wait for the receiver; then the oldest goes for a new one.
	maxQueued = 1000
	// maxTries of one event, the waits between them doubled from firstWait.
	maxTries  = 3
	firstWait = time.Second
	// postTimeout is how long the receiver may take for one event.
	postTimeout = 5 * time.Second
	// farewell is how long a stopping operator goes on posting what waits.
	farewell = 3 * time.Second
	// maxAnswer bytes of an answer are read, so that the connection is used again.
	maxAnswer = 4 << 10
)

// Notifier posts events to Flux's notification-controller, or to whatever else
// takes them in its form. The recorder of fluxcd/pkg/runtime posts while its
// caller waits, half a minute where the receiver is dead; this one takes the
// event and lets the reconcile go on. Events that nobody takes are lost, oldest
// first, and counted.
type Notifier struct {
	address, instance string
	client            *http.Client
	firstWait         time.Duration

	mu     sync.Mutex
	queue  []eventv1.Event
	wake   chan struct{}
	silent bool // the last event was not taken, which the log knows
}

// NewNotifier posts to an address, which must be a URL of http or https.
func NewNotifier(address string) (*Notifier, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not like http://notification-controller.flux-system.svc.cluster.local./", address)
	}
	instance, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &Notifier{address: address, instance: instance, firstWait: firstWait,
		client: &http.Client{Timeout: postTimeout}, wake: make(chan struct{}, 1)}, nil
}

// quiet are the events of single pods and runs. They are for kubectl describe;
// notification-controller gets what Flux's own controllers would tell it.
var quiet = map[string]bool{"SuccessfulCreate": true, "SuccessfulDelete": true, "SawCompletedJob": true}

// tell takes an event of an object of ours and never waits.
func (n *Notifier) tell(object client.Object, kind, reason, message string) {
	if n == nil || quiet[reason] {
		return
	}
	severity := eventv1.EventSeverityInfo
	if kind == corev1.EventTypeWarning {
		severity = eventv1.EventSeverityError
	}
	event := eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Namespace: object.GetNamespace(),
			Name: object.GetName(), UID: object.GetUID(), ResourceVersion: object.GetResourceVersion()},
		Severity: severity, Timestamp: metav1.Now(), Message: message, Reason: reason,
		Metadata: metadata(object), ReportingController: "stint-controller", ReportingInstance: n.instance,
	}
	switch object.(type) {
	case *v1alpha1.BatchJob:
		event.InvolvedObject.Kind = v1alpha1.BatchJobKind
	case *v1alpha1.CronBatchJob:
		event.InvolvedObject.Kind = v1alpha1.CronBatchJobKind
	}
	n.mu.Lock()
	if len(n.queue) == maxQueued {
		n.queue = n.queue[1:]
		notified("dropped")
	}
	n.queue = append(n.queue, event)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// metadata: what the owner wants to be passed on, in Flux's annotations, and
// under our own group the revision and a token. notification-controller drops an
// event whose kind, name, words, revision and token it has seen in the last five
// minutes, so that two runs have two tokens, also those of an object that was
// deleted and created again.
func metadata(object client.Object) map[string]string {
	m := map[string]string{}
	for key, value := range object.GetAnnotations() {
		if strings.HasPrefix(key, eventv1.Group+"/") {
			m[key] = value
		}
	}
	token := string(object.GetUID()) + "/" + strconv.FormatInt(object.GetGeneration(), 10)
	if job, ok := object.(*v1alpha1.BatchJob); ok {
		token += "/" + strconv.FormatInt(number(&job.Status), 10)
		if job.Status.Revision != "" {
			m[v1alpha1.GroupVersion.Group+"/"+eventv1.MetaRevisionKey] = job.Status.Revision
		}
	}
	m[v1alpha1.GroupVersion.Group+"/"+eventv1.MetaTokenKey] = token
	return m
}

// Start posts events in their order until ctx ends, and then for a moment more
// what still waits, and what is under way. It is a manager.Runnable of the leader.
func (n *Notifier) Start(ctx context.Context) error {
	posting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })()
	for posting.Err() == nil {
		event, waits := n.next()
		switch {
		case waits:
			n.deliver(posting, event)
		case ctx.Err() != nil:
			return nil
		default:
			select {
			case <-ctx.Done():
			case <-n.wake:
			}
		}
	}
	return nil
}

func (n *Notifier) next() (event eventv1.Event, waits bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queue) == 0 {
		return event, false
	}
	event, n.queue = n.queue[0], n.queue[1:]
	return event, true
}

// errRefused is an answer that another try does not change.
var errRefused = errors.New("refused")

// deliver tries until the receiver takes the event, or it is given up. The log
// is told when the receiver falls silent, not of each event.
func (n *Notifier) deliver(ctx context.Context, event eventv1.Event) {
	logger := log.FromContext(ctx).WithName("notifications")
	err := n.try(ctx, event)
	if err == nil {
		if n.silent {
			logger.Info("the receiver of events answers again", "address", n.address)
		}
		n.silent = false
		notified("sent")
		return
	}
	if !n.silent {
		logger.Error(err, "an event is lost, as others will be until the receiver takes them", "address", n.address, "reason", event.Reason)
	}
	n.silent = true
	notified("failed")
}

func (n *Notifier) try(ctx context.Context, event eventv1.Event) error {
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	wait := n.firstWait
	for tries := 1; ; tries++ {
		err := n.post(ctx, body)
		if err == nil || errors.Is(err, errRefused) || tries == maxTries {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		wait *= 2
	}
}

// post sends one event. 429 is how notification-controller says that it has it
// already.
func (n *Notifier) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := n.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch code := answer.StatusCode; {
	case code < 300 || code == http.StatusTooManyRequests:
		return nil
	case code >= 500:
		return fmt.Errorf("the receiver answered %s: %s", answer.Status, bytes.TrimSpace(text))
	default:
		return fmt.Errorf("%w: the receiver answered %s: %s", errRefused, answer.Status, bytes.TrimSpace(text))
	}
}
