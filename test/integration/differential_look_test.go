//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// picture is everything that can be seen of a job, flat: what it is, and its
// value. Names and UIDs are replaced by words, times by whether they are set.
type picture map[string]string

// picture takes one of the job and its pods.
func (s *side) picture(ctx context.Context) (picture, error) {
	job, err := s.job(ctx)
	if err != nil {
		return nil, err
	}
	pods, err := s.pods(ctx)
	if err != nil {
		return nil, err
	}
	p := picture{"job": "gone"}
	if job != nil {
		p["job"] = "here"
		p.job(job)
	}
	drawn := make([]picture, 0, len(pods))
	for _, pod := range pods {
		drawn = append(drawn, s.pod1(pod))
	}
	// Pods are interchangeable, and so are pods of one index that look alike.
	slices.SortFunc(drawn, func(a, b picture) int { return strings.Compare(a.order(), b.order()) })
	for i, one := range drawn {
		for key, value := range one {
			p[fmt.Sprintf("pods[%d].%s", i, key)] = value
		}
	}
	for key, value := range p {
		p[key] = s.anonymous(value)
	}
	return p, nil
}

func (p picture) job(job *batchv1.Job) {
	st := &job.Status
	p["metadata.finalizers"] = fmt.Sprint(job.Finalizers)
	p["metadata.deletionTimestamp"] = fmt.Sprint(job.DeletionTimestamp != nil)
	for name, n := range map[string]*int32{"active": &st.Active, "succeeded": &st.Succeeded, "failed": &st.Failed,
		"ready": st.Ready, "terminating": st.Terminating} {
		p["status."+name] = fmt.Sprint(ptr.Deref(n, 0))
	}
	p["status.completedIndexes"] = st.CompletedIndexes
	p["status.failedIndexes"] = "none"
	if st.FailedIndexes != nil {
		p["status.failedIndexes"] = fmt.Sprintf("%q", *st.FailedIndexes)
	}
	p["status.uncountedTerminatedPods"] = fmt.Sprint(uncounted(job))
	p["status.startTime"] = fmt.Sprint(st.StartTime != nil)
	p["status.completionTime"] = fmt.Sprint(st.CompletionTime != nil)
	for _, c := range st.Conditions {
		p["status.conditions["+string(c.Type)+"]"] = fmt.Sprintf("%s %s | %s", c.Status, c.Reason, c.Message)
	}
}

// pod1 draws one pod.
func (s *side) pod1(pod *corev1.Pod) picture {
	p := picture{
		"phase":             string(pod.Status.Phase),
		"deletionTimestamp": fmt.Sprint(pod.DeletionTimestamp != nil),
		"generateName":      pod.GenerateName,
		"name":              "as generated",
		"finalizers":        fmt.Sprint(pod.Finalizers),
		"owners":            "none",
	}
	if suffix, ok := strings.CutPrefix(pod.Name, pod.GenerateName); !ok || !generated.MatchString(suffix) {
		p["name"] = pod.Name
	}
	for _, ref := range pod.OwnerReferences {
		p["owners"] = asJSON(ref)
	}
	for key, value := range pod.Labels {
		p["labels["+key+"]"] = value
	}
	for key, value := range pod.Annotations {
		p["annotations["+key+"]"] = value
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod.Spec)
	if err != nil {
		panic(err)
	}
	for _, group := range []string{"containers", "initContainers"} {
		list, _ := spec[group].([]any)
		for _, c := range list {
			fields := c.(map[string]any)
			for field, value := range fields {
				p[fmt.Sprintf("spec.%s[%s].%s", group, fields["name"], field)] = asJSON(value)
			}
		}
		delete(spec, group)
	}
	for field, value := range spec {
		p["spec."+field] = asJSON(value)
	}
	return p
}

var generated = regexp.MustCompile(`^[a-z0-9]{5}$`)

// order puts pods of both sides into the same order.
func (p picture) order() string {
	return strings.Join([]string{p["labels["+batchv1.JobCompletionIndexAnnotation+"]"], p["phase"], p["deletionTimestamp"],
		p["annotations["+batchv1.JobIndexFailureCountAnnotation+"]"], p["annotations["+batchv1.JobIndexIgnoredFailureCountAnnotation+"]"],
		p["finalizers"], p["owners"], p["labels["+batchv1.ControllerUidLabel+"]"]}, "|")
}

// revision depends on the name of the job, which the scenarios have in a label.
var revision = regexp.MustCompile(`^v1-[0-9a-f]{16}\b`)

// podName finds the names of pods in messages, and of the volumes that the API
// server gives them.
var podName = regexp.MustCompile(`\b(JOB(-[0-9]+)?|kube-api-access)-[a-z0-9]{5}\b`)

func (s *side) anonymous(v string) string {
	v = revision.ReplaceAllString(v, "REVISION")
	v = strings.NewReplacer(string(s.uid), "UID", s.key.Name, "JOB", s.key.Namespace, "NAMESPACE").Replace(v)
	return podName.ReplaceAllString(v, "$1-xxxxx")
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// reasons are the kinds of event that were sent about the job, as a picture.
func (s *side) reasons(ctx context.Context) (picture, error) {
	p := picture{}
	if s.operator != nil {
		for reason := range s.operator.voice.reasons() {
			p["events["+reason+"]"] = "sent"
		}
		return p, nil
	}
	list := &corev1.EventList{}
	err := api.List(ctx, list, client.InNamespace(s.key.Namespace), client.MatchingFields{"involvedObject.uid": string(s.uid)})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		p["events["+list.Items[i].Type+" "+list.Items[i].Reason+"]"] = "sent"
	}
	return p, nil
}

// compare tells what differs between two pictures, field by field.
func compare(builtin, ours picture) error {
	var lines []string
	keys := maps.Clone(builtin)
	maps.Copy(keys, ours)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		b, inBuiltin := builtin[key]
		o, inOurs := ours[key]
		if b != o || inBuiltin != inOurs {
			lines = append(lines, fmt.Sprintf("  %s\n    batch/v1: %s\n    ours:     %s", key, shown(b, inBuiltin), shown(o, inOurs)))
		}
	}
	if lines == nil {
		return nil
	}
	return fmt.Errorf("differs:\n%s", strings.Join(lines, "\n"))
}

func shown(value string, there bool) string {
	if !there {
		return "absent"
	}
	return value
}
