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
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Differences that scenarios show by themselves.
const (
	startsNoPast   = "a resume or an edit starts nothing for the past"
	silentDeletion = "a schedule that is being deleted says nothing more"
	byHand         = "status.lastSuccessfulTime of a run that somebody else made"
)

// cronDifferences are all that are meant; api/v1alpha1/reference.md has them for
// users.
var cronDifferences = []difference{
	{"the owner's apiVersion and kind", "the kind is ours",
		replaced(`runs\[.*\]\.owner`, `batch.stint.dev/v1alpha1 CronBatchJob`, `batch/v1 CronJob`)},
	{"the label of a run", "runs can be selected",
		onlyOurs(`runs\[.*\]\.labels\[` + regexp.QuoteMeta(v1alpha1.LabelCronBatchJob) + `\]`)},
	{"the finalizer of a run", "a run that is gone before its start was written down is not started again",
		replaced(`runs\[.*\]\.finalizers`, v1alpha1.FinalizerCronRecorded, "")},
	{"labels that batch/v1 writes into its jobs", "a spec that differs from its manifest is drift to GitOps tools",
		onlyBuiltin(`runs\[.*\]\.(template\.)?labels\[.*\]`)},
	{"status.lastScheduleTime of a time that does not start", "it is the last time decided, so that a missed one is told once", decidedLater},
	{"event NameTaken", "nobody looks for a run that is missing in silence", onlyOurs(`events\[Warning NameTaken\]`)},
	{"event InvalidSchedule of one that never fires", "batch/v1 waits in silence for 30 February", onlyOurs(`events\[Warning InvalidSchedule\]`)},
	{"event MissSchedule of a time that waited too long", "batch/v1 gives it up in silence", onlyOurs(`events\[Warning MissSchedule\]`)},
	{"event SawCompletedJob of a run that is not kept", "batch/v1 removes it first, and then says that it is missing, or nothing", removedFirst},
	{startsNoPast, "nobody who edits a schedule means the past", nil},
	{silentDeletion, "batch/v1 says of each run that goes with it that it is missing", nil},
	{byHand, "the time tells of the schedule's own runs", nil},
}

// onlyBuiltin are fields that we do not have.
func onlyBuiltin(field string) func(builtin, ours picture) bool {
	level := onlyOurs(field)
	return func(builtin, ours picture) bool { return level(ours, builtin) }
}

// keepsNone tells of a schedule that keeps no successful, or no failed runs.
const keepsNone = "spec keeps none"

// removedFirst: of a run that is removed at once they say that it is missing, or
// nothing, as their cache has it, and we that it has completed.
func removedFirst(builtin, ours picture) (seen bool) {
	const missing, completed = "events[Normal MissingJob]", "events[Normal SawCompletedJob]"
	if _, weMissed := ours[missing]; weMissed || ours[keepsNone] != "true" {
		return false
	}
	_, theyMissed := builtin[missing]
	_, theySaw := builtin[completed]
	_, weSaw := ours[completed]
	delete(builtin, missing)
	if weSaw && !theySaw {
		delete(ours, completed)
	}
	return theyMissed || weSaw && !theySaw
}

// decidedLater: ours has gone on beyond the last run.
func decidedLater(builtin, ours picture) bool {
	const field = "status.lastScheduleTime"
	if ours[field] == "never" || builtin[field] != "never" && builtin[field] >= ours[field] {
		return false
	}
	ours[field] = builtin[field]
	return true
}

// cronSight is what one side looks like at a moment, by the name of the schedule.
type cronSight struct {
	side   *cronSide
	crons  map[string]*batchv1.CronJob
	jobs   map[string][]*batchv1.Job
	events map[string]map[string]string
}

func (c *cronComparison) see(ctx context.Context) (sights [2]*cronSight, err error) {
	for i, s := range c.sides {
		if sights[i], err = s.see(ctx); err != nil {
			return sights, err
		}
	}
	return sights, nil
}

// see reads everything in the shape of batch/v1, which both have.
func (s *cronSide) see(ctx context.Context) (*cronSight, error) {
	sight := &cronSight{side: s, crons: map[string]*batchv1.CronJob{}, jobs: map[string][]*batchv1.Job{}, events: map[string]map[string]string{}}
	crons, err := listOf[batchv1.CronJob](ctx, s.cron, s.namespace)
	if err != nil {
		return nil, err
	}
	for _, cron := range crons {
		sight.crons[cron.Name] = cron
	}
	jobs, err := listOf[batchv1.Job](ctx, s.job, s.namespace)
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		name, _, _ := strings.Cut(job.Name, "-")
		sight.jobs[name] = append(sight.jobs[name], job)
	}
	events := &corev1.EventList{}
	if err := api.List(ctx, events, client.InNamespace(s.namespace)); err != nil {
		return nil, err
	}
	for i := range events.Items {
		e := &events.Items[i]
		if e.InvolvedObject.Kind != s.cron.Kind {
			continue
		}
		if sight.events[e.InvolvedObject.Name] == nil {
			sight.events[e.InvolvedObject.Name] = map[string]string{}
		}
		sight.events[e.InvolvedObject.Name]["events["+e.Type+" "+e.Reason+"]"] = "sent"
	}
	return sight, nil
}

// listOf are the objects of a kind, by name.
func listOf[T any](ctx context.Context, kind schema.GroupVersionKind, namespace string) (all []*T, err error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind)
	if err := api.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	for i := range list.Items {
		data, err := json.Marshal(list.Items[i].Object)
		if err != nil {
			return nil, err
		}
		one := new(T)
		if err := json.Unmarshal(data, one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// picture is all that can be seen of one schedule. Names and times are what they
// are: they have to be the same.
func (s *cronSight) picture(name string) picture {
	p := picture{"schedule": "gone"}
	maps.Copy(p, s.events[name])
	cron := s.crons[name]
	if cron != nil {
		p["schedule"] = "here"
		var active []string
		for _, ref := range cron.Status.Active {
			active = append(active, ref.Name)
		}
		slices.Sort(active)
		p["metadata.deletionTimestamp"] = fmt.Sprint(cron.DeletionTimestamp != nil)
		p["status.active"] = fmt.Sprint(active)
		p[keepsNone] = fmt.Sprint(ptr.Deref(cron.Spec.SuccessfulJobsHistoryLimit, 3) == 0 || ptr.Deref(cron.Spec.FailedJobsHistoryLimit, 1) == 0)
		p["status.lastScheduleTime"] = momentOf(cron.Status.LastScheduleTime)
		p["status.lastSuccessfulTime"] = fmt.Sprint(cron.Status.LastSuccessfulTime != nil)
	}
	for _, job := range s.jobs[name] {
		run := drawRun(job)
		for key, value := range run {
			p["runs["+job.Name+"]."+key] = value
		}
	}
	return p
}

func momentOf(t *metav1.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// drawRun is what a schedule makes of a run, and how the run ended.
func drawRun(job *batchv1.Job) picture {
	p := picture{
		"owner":             "none",
		"finalizers":        strings.Join(job.Finalizers, ","),
		"deletionTimestamp": fmt.Sprint(job.DeletionTimestamp != nil),
		"verdict":           "none",
		"generateName":      job.GenerateName,
	}
	for _, ref := range job.OwnerReferences {
		p["owner"] = fmt.Sprintf("%s %s %s controller=%v block=%v", ref.APIVersion, ref.Kind, ref.Name,
			ptr.Deref(ref.Controller, false), ptr.Deref(ref.BlockOwnerDeletion, false))
	}
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed || c.Type == batchv1.JobSuspended) && c.Status == corev1.ConditionTrue {
			p["verdict"] = string(c.Type) + " " + c.Reason
		}
	}
	spec, template := &job.Spec, &job.Spec.Template
	backoffLimit := v1alpha1.DefaultBackoffLimit // batch/v1 writes it into the spec, ours knows it
	if spec.BackoffLimitPerIndex != nil {
		backoffLimit = v1alpha1.UnlimitedBackoffLimit
	}
	for field, value := range map[string]any{
		"parallelism": ptr.Deref(spec.Parallelism, 1), "completions": ptr.Deref(spec.Completions, 1), "backoffLimit": ptr.Deref(spec.BackoffLimit, backoffLimit),
		"suspend": ptr.Deref(spec.Suspend, false), "completionMode": ptr.Deref(spec.CompletionMode, batchv1.NonIndexedCompletion),
		"activeDeadlineSeconds": spec.ActiveDeadlineSeconds, "ttlSecondsAfterFinished": spec.TTLSecondsAfterFinished,
		"backoffLimitPerIndex": spec.BackoffLimitPerIndex, "podFailurePolicy": spec.PodFailurePolicy,
		"containers": template.Spec.Containers[0].Name + " " + template.Spec.Containers[0].Image + " " + fmt.Sprint(template.Spec.Containers[0].Command),
		"env":        template.Spec.Containers[0].Env, "restartPolicy": template.Spec.RestartPolicy, "schedulerName": template.Spec.SchedulerName,
	} {
		p["spec."+field] = asJSON(value)
	}
	for key, value := range job.Labels {
		p["labels["+key+"]"] = value
	}
	for key, value := range job.Annotations {
		p["annotations["+key+"]"] = value
	}
	for key, value := range template.Labels {
		p["template.labels["+key+"]"] = value
	}
	for key, value := range template.Annotations {
		p["template.annotations["+key+"]"] = value
	}
	return p
}
