// Package mould is what the spec of a BatchJob makes: its pods, with batch/v1's
// labels, environment and names, and whether it can make any. It is pure, and
// apart from the rooms of BatchJob, as those of CronBatchJob want to know the same
// of a jobTemplate before its time comes.
//
//	pod.go         the pod
//	spec.go        what batch/v1's validation refuses and CEL cannot
//	expression.go  readyExpr, compiled
package mould

import (
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Order says which pod of a job is to be made: engine.PodOrder of BatchJob.
type Order struct {
	Name              string
	Run               int64
	Revision          string
	Indexed           bool
	Index             int
	CountsFailures    bool
	Failures, Ignored int32
}

// Pod makes the pod that an order asks for: the template with batch/v1's
// labels, the job as controller and our finalizer. Labels and annotations of
// the template stay, so that Kueue, Volcano and others find theirs.
func Pod(job *v1alpha1.BatchJob, order Order) *corev1.Pod {
	t := &job.Spec.Template
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:            order.Name,
			GenerateName:    job.Name + "-",
			Namespace:       job.Namespace,
			Labels:          maps.Clone(t.Labels),
			Annotations:     maps.Clone(t.Annotations),
			Finalizers:      append(slices.Clone(t.Finalizers), v1alpha1.FinalizerJobTracking),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, v1alpha1.GroupVersion.WithKind("BatchJob"))},
		},
		Spec: *t.Spec.DeepCopy(),
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	maps.Copy(pod.Labels, Labels(job, order.Run))
	pod.Annotations[v1alpha1.AnnotationRevision] = order.Revision
	if order.Indexed {
		giveIndex(pod, job, order)
	}
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		explainFailures(containers)
		tellTime(containers, job.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp])
	}
	return pod
}

// giveIndex tells a pod its completion index in batch/v1's ways: label,
// annotation, host name and environment.
func giveIndex(pod *corev1.Pod, job *v1alpha1.BatchJob, order Order) {
	index := strconv.Itoa(order.Index)
	pod.GenerateName = job.Name + "-" + index + "-"
	pod.Labels[v1alpha1.LabelCompletionIndex] = index
	pod.Annotations[v1alpha1.AnnotationCompletionIndex] = index
	pod.Spec.Hostname = job.Name + "-" + index
	if order.CountsFailures {
		pod.Annotations[v1alpha1.AnnotationIndexFailureCount] = strconv.Itoa(int(order.Failures))
		if order.Ignored > 0 {
			pod.Annotations[v1alpha1.AnnotationIndexIgnoredFailureCount] = strconv.Itoa(int(order.Ignored))
		}
	}
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			addIndexEnv(&containers[i])
		}
	}
}

// addIndexEnv sets JOB_COMPLETION_INDEX unless the container has its own.
func addIndexEnv(c *corev1.Container) {
	addEnv(c, corev1.EnvVar{Name: v1alpha1.EnvCompletionIndex, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['" + v1alpha1.LabelCompletionIndex + "']"},
	}})
}

// tellTime sets STINT_SCHEDULED_TIME in the pods of a CronBatchJob's run, for
// which it was started, unless the container has its own.
func tellTime(containers []corev1.Container, nominal string) {
	if nominal == "" {
		return
	}
	for i := range containers {
		addEnv(&containers[i], corev1.EnvVar{Name: v1alpha1.EnvScheduledTime, Value: nominal})
	}
}

func addEnv(c *corev1.Container, env corev1.EnvVar) {
	if !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == env.Name }) {
		c.Env = append(c.Env, env)
	}
}

// Labels are batch/v1's, under both their names, and our own. With a manual
// selector the labels are the author's, and only our own are added.
func Labels(job *v1alpha1.BatchJob, run int64) map[string]string {
	uid := string(job.UID)
	labels := map[string]string{
		v1alpha1.LabelJobUID: uid,
		v1alpha1.LabelRun:    strconv.FormatInt(run, 10),
	}
	if !job.Spec.IsManualSelector() {
		labels[v1alpha1.LabelJobName], labels[v1alpha1.LabelJobNameLegacy] = job.Name, job.Name
		labels[v1alpha1.LabelControllerUID], labels[v1alpha1.LabelControllerUIDLegacy] = uid, uid
	} else {
		labels[v1alpha1.LabelJob] = job.Name
	}
	return labels
}

// explainFailures lets the kubelet take the end of the log as the termination
// message where the template does not say otherwise: it is what the condition
// shows when the job fails.
func explainFailures(containers []corev1.Container) {
	for i := range containers {
		if containers[i].TerminationMessagePolicy == "" {
			containers[i].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		}
	}
}
