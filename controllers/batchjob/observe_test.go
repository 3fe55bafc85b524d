package batchjob

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func podNames(pods []*corev1.Pod) (out []string) {
	for _, p := range pods {
		out = append(out, p.Name)
	}
	return out
}

// TestSplit tells the job's own pods from those of a former job of the name,
// which matter only while they carry our finalizer.
func TestSplit(t *testing.T) {
	of := func(uid types.UID) func(*corev1.Pod) { return func(p *corev1.Pod) { p.OwnerReferences[0].UID = uid } }
	free := func(p *corev1.Pod) { p.Finalizers = nil }
	all := []*corev1.Pod{pod("mine"), pod("mine-free", free), pod("former", of("former")), pod("former-free", of("former"), free),
		pod("kind", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Job" })}
	mine, strays := split(all, "uid-of-work", true)
	same(t, "mine", podNames(mine), []string{"mine", "mine-free"})
	same(t, "strays", podNames(strays), []string{"former", "kind"})
	mine, strays = split(all, "", false)
	same(t, "mine, of no job", podNames(mine), []string(nil))
	same(t, "strays, of no job", podNames(strays), []string{"mine", "former", "kind"})
	same(t, "of another than the live job", podNames(others(all, "former")), []string{"mine", "mine-free", "kind"})
}

// TestMissing: a pod that the status counts as active is held by our finalizer
// until we let it go, so it is there, or somebody took off our label.
func TestMissing(t *testing.T) {
	free := func(p *corev1.Pod) { p.Finalizers = nil }
	ended := phase(corev1.PodSucceeded)
	active := func(n int32) *v1alpha1.BatchJob { return job(func(j *v1alpha1.BatchJob) { j.Status.Active = n }) }
	for _, c := range []struct {
		name   string
		active int32
		pods   []*corev1.Pod
		want   bool
	}{
		{"none", 0, nil, false},
		{"one is not there", 1, nil, true},
		{"one is", 1, []*corev1.Pod{pod("p")}, false},
		{"of two one is", 2, []*corev1.Pod{pod("p")}, true},
		{"it ended", 1, []*corev1.Pod{pod("p", ended)}, false},
		{"it ended and was let go", 1, []*corev1.Pod{pod("p", ended, free)}, true},
		{"it is being deleted", 1, []*corev1.Pod{pod("p", deleted(30))}, false},
		{"it was let go and is being deleted", 1, []*corev1.Pod{pod("p", deleted(30), free)}, true},
		{"it lost our finalizer", 1, []*corev1.Pod{pod("p", free)}, false},
		{"more than known", 1, []*corev1.Pod{pod("p"), pod("q")}, false},
	} {
		same(t, c.name, missing(active(c.active), c.pods), c.want)
	}
}

// TestLeftSelector: a pod of the generated selector that lost its label.
func TestLeftSelector(t *testing.T) {
	without := func(p *corev1.Pod) { delete(p.Labels, v1alpha1.LabelControllerUID) }
	manual := job(func(j *v1alpha1.BatchJob) { j.Spec.ManualSelector = new(true) })
	same(t, "it has it", leftSelector(job(), pod("p")), false)
	same(t, "it lost it", leftSelector(job(), pod("p", without)), true)
	same(t, "the selector is the author's", leftSelector(manual, pod("p", without)), false)
}

// TestWhoseChange: an event of our own status write may wait for others.
func TestWhoseChange(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.BatchJob)
		want   bool
	}{
		"status":     {func(j *v1alpha1.BatchJob) { j.Status.Active, j.ResourceVersion = 3, "101" }, false},
		"spec":       {func(j *v1alpha1.BatchJob) { j.Generation = 2 }, true},
		"deletion":   {func(j *v1alpha1.BatchJob) { j.DeletionTimestamp = new(at(0)) }, true},
		"annotation": {func(j *v1alpha1.BatchJob) { j.Annotations = map[string]string{"a": "b"} }, true},
		"label":      {func(j *v1alpha1.BatchJob) { j.Labels = map[string]string{"a": "b"} }, true},
	} {
		same(t, name, changedBySomebody(job(), job(c.change)), c.want)
	}
}

// seenByPeople are the fields of the status whose change alone may wait.
var seenByPeople = map[string]bool{"Ready": true, "Phase": true, "Reason": true}

// TestDisplayOnly: every other field is written at once, also one that somebody
// adds.
func TestDisplayOnly(t *testing.T) {
	base := func() *v1alpha1.BatchJobStatus {
		return &v1alpha1.BatchJobStatus{Ready: new(int32(1)), Conditions: []metav1.Condition{{Type: "Ready", Status: "True", Reason: "A", Message: "a"}, {Type: "Stalled"}}}
	}
	for i := range reflect.TypeFor[v1alpha1.BatchJobStatus]().NumField() {
		after := base()
		field := reflect.ValueOf(after).Elem().Field(i)
		name := reflect.TypeFor[v1alpha1.BatchJobStatus]().Field(i).Name
		switch field.Kind() {
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		case reflect.String:
			field.SetString("x")
		default:
			field.SetInt(7)
		}
		same(t, name, displayOnly(base(), after), seenByPeople[name])
	}
	for name, c := range map[string]struct {
		change func(*metav1.Condition)
		want   bool
	}{
		"message": {func(c *metav1.Condition) { c.Message = "b" }, true}, "status": {func(c *metav1.Condition) { c.Status = "False" }, false},
		"reason": {func(c *metav1.Condition) { c.Reason = "B" }, false}, "generation": {func(c *metav1.Condition) { c.ObservedGeneration = 9 }, false},
	} {
		before, after := base(), base()
		c.change(&after.Conditions[0])
		same(t, name, displayOnly(before, after), c.want)
		same(t, name+": the argument", before, base())
	}
}
