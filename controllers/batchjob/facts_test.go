package batchjob

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func facts(change ...func(*corev1.Pod)) engine.Pod { return factsOf(pod("p", change...), true) }

// TestFactsOfARunningPod: all of them, so that a new one has to be thought of.
func TestFactsOfARunningPod(t *testing.T) {
	same(t, "facts", facts(ready(corev1.ConditionTrue, -time.Minute), containers(runs(2), runs(1)), initContainers(runs(4))), engine.Pod{
		PodRef: engine.PodRef{Name: "p", UID: "uid-p"}, Run: 3, Revision: "v1-abc", Phase: corev1.PodRunning,
		Tracked: true, Labelled: true, Assigned: true, Node: "node", Ready: true, ReadySince: now.Add(-time.Minute), Created: now.Add(-time.Hour),
		Started: true, Index: -1, Restarts: 7, MaxRestarts: 4,
	})
}

// TestOneFact at a time.
func TestOneFact(t *testing.T) {
	annotated := func(key, value string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Annotations[key] = value } }
	unlabelled := func(key string) func(*corev1.Pod) { return func(p *corev1.Pod) { delete(p.Labels, key) } }
	const index, failures, ignored = v1alpha1.AnnotationCompletionIndex, v1alpha1.AnnotationIndexFailureCount, v1alpha1.AnnotationIndexIgnoredFailureCount
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"no run", facts(unlabelled(v1alpha1.LabelRun)).Run, int64(0)},
		{"a run that is no number", facts(func(p *corev1.Pod) { p.Labels[v1alpha1.LabelRun] = "x" }).Run, int64(0)},
		{"labelled without run", facts(unlabelled(v1alpha1.LabelRun)).Labelled, false},
		{"labelled without uid", facts(unlabelled(v1alpha1.LabelJobUID)).Labelled, false},
		{"tracked by others", facts(func(p *corev1.Pod) { p.Finalizers = []string{"batch.kubernetes.io/job-tracking"} }).Tracked, false},
		{"tracked beside others", facts(func(p *corev1.Pod) { p.Finalizers = append([]string{"a/b"}, p.Finalizers...) }).Tracked, true},
		{"orphan", facts(func(p *corev1.Pod) { p.OwnerReferences[0].Controller = nil }).Orphan, true},
		{"orphan", facts().Orphan, false},
		{"not assigned", facts(func(p *corev1.Pod) { p.Spec.NodeName = "" }).Assigned, false},
		{"deleting", facts(deleted(30)).Deleting, true},
		{"forced", facts(deleted(0)).Forced, true},
		{"not forced", facts(deleted(30)).Forced, false},
		{"gone by", facts(func(p *corev1.Pod) { p.DeletionTimestamp = new(at(30)) }).GoneBy, at(30).Time},
		{"no grace period", facts(func(p *corev1.Pod) { p.DeletionTimestamp = new(at(0)) }).Forced, false},
		{"a grace period, but not deleted", facts(func(p *corev1.Pod) { p.DeletionGracePeriodSeconds = new(int64(0)) }).Forced, false},
		{"not ready", facts(ready(corev1.ConditionFalse, 0)).Ready, false},
		{"readiness unknown", facts(ready(corev1.ConditionUnknown, 0)).Ready, false},
		{"index", facts(annotated(index, "7")).Index, 7},
		{"index 0", facts(annotated(index, "0")).Index, 0},
		{"a bad index", facts(annotated(index, "-7")).Index, -1},
		{"too large an index", facts(annotated(index, "99999999999")).Index, -1},
		{"no index", facts(annotated(index, "")).Index, -1},
		{"failures", facts(annotated(failures, "2")).IndexFailures, int32(2)},
		{"bad failures", facts(annotated(failures, "x")).IndexFailures, int32(0)},
		{"ignored", facts(annotated(ignored, "3")).IndexIgnored, int32(3)},
		{"started: pending", facts(phase(corev1.PodPending), containers(waits("ContainerCreating", ""))).Started, false},
		{"started: an init container runs", facts(phase(corev1.PodPending), initContainers(runs(0)), containers(waits("PodInitializing", ""))).Started, true},
		{"started: an init container has run", facts(phase(corev1.PodPending), initContainers(exited(0, 0, "", "")), containers(waits("PodInitializing", ""))).Started, true},
		{"started: running", facts().Started, true},
		{"started: failed", facts(phase(corev1.PodFailed)).Started, true},
		{"started: new", facts(phase("")).Started, false},
	} {
		same(t, c.name, c.got, c.want)
	}
}

// TestWhenAPodFinished is batch/v1's order of what tells it.
func TestWhenAPodFinished(t *testing.T) {
	const failed, succeeded = corev1.PodFailed, corev1.PodSucceeded
	for _, c := range []struct {
		name string
		pod  *corev1.Pod
		want time.Time
	}{
		{"it runs", pod("p", ready(corev1.ConditionFalse, 0)), time.Time{}},
		{"the last container", pod("p", phase(failed), containers(exited(0, -9*time.Second, "", ""), exited(1, -3*time.Second, "", ""))), now.Add(-3 * time.Second)},
		{"a sidecar ends last", pod("p", phase(succeeded), initContainers(exited(0, -time.Second, "", "")), containers(exited(0, -9*time.Second, "", ""))), now.Add(-time.Second)},
		{"a container has no end", pod("p", phase(failed), containers(exited(1, -9*time.Second, "", ""), runs(0)), ready(corev1.ConditionFalse, -5*time.Second)), now.Add(-5 * time.Second)},
		{"no container has", pod("p", phase(failed), ready(corev1.ConditionFalse, -5*time.Second)), now.Add(-5 * time.Second)},
		{"it was ready to the end", pod("p", phase(failed), ready(corev1.ConditionTrue, -5*time.Second)), now.Add(-time.Hour)},
		{"its init container failed", pod("p", phase(failed), initContainers(exited(1, -2*time.Second, "", "")), containers(waits("PodInitializing", "")),
			ready(corev1.ConditionFalse, -50*time.Second)), now.Add(-2 * time.Second)},
		{"deleted while it runs", pod("p", deleted(40), containers(runs(0)), ready(corev1.ConditionTrue, -time.Minute)), now.Add(-10 * time.Second)},
		{"deleted without grace period", pod("p", func(p *corev1.Pod) { p.DeletionTimestamp = new(at(-4 * time.Second)) }), now.Add(-4 * time.Second)},
		{"deleted and ended", pod("p", phase(succeeded), deleted(40), containers(exited(0, -time.Second, "", ""))), now.Add(-time.Second)},
		{"evicted before it started", pod("p", phase(failed)), now.Add(-time.Hour)},
	} {
		same(t, c.name, factsOf(c.pod, true).Finished, c.want)
	}
}

// TestWhatPodFailurePolicyCanMatch: of a pod that failed or is being deleted.
func TestWhatPodFailurePolicyCanMatch(t *testing.T) {
	states := []func(*corev1.Pod){
		containers(exited(3, 0, "", ""), exited(0, 0, "", ""), runs(0), crashed(1, exited(9, 0, "", ""))), initContainers(exited(-7, 0, "", "")),
		condition(corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "Preempted"}),
	}
	exits := []engine.Exit{{Container: "c0", Code: 3}, {Container: "i0", Code: -7}}
	conditions := []engine.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
	for _, end := range []func(*corev1.Pod){phase(corev1.PodFailed), deleted(30)} {
		p := facts(append(states, end)...)
		same(t, "exits", p.Exits, exits)
		same(t, "conditions", p.Conditions, conditions)
	}
	running := facts(states...)
	same(t, "of one that runs", []any{running.Exits, running.Conditions}, []any{[]engine.Exit(nil), []engine.PodCondition(nil)})
}

// TestWhy finds what a person asks about.
func TestWhy(t *testing.T) {
	failed := phase(corev1.PodFailed)
	pend := phase(corev1.PodPending)
	unscheduled := condition(corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes"})
	evicted := func(p *corev1.Pod) { p.Status.Reason, p.Status.Message = "Evicted", "low on memory" }
	late := condition(corev1.PodCondition{Type: v1alpha1.PodConditionStartTimeout, Status: corev1.ConditionTrue, Message: "too late"})
	for _, c := range []struct {
		name string
		pod  engine.Pod
		want engine.Why
	}{
		{"nothing", facts(), engine.Why{}},
		{"the first that failed", facts(failed, containers(exited(137, -time.Second, "OOMKilled", "second"), exited(1, -2*time.Second, "Error", "first"))),
			engine.Why{Container: "c1", Reason: "Error", ExitCode: 1, Message: "first"}},
		{"not one that succeeded", facts(failed, containers(exited(0, -9*time.Second, "Completed", "fine"), exited(2, 0, "Error", ""))),
			engine.Why{Container: "c1", Reason: "Error", ExitCode: 2}},
		{"an init container", facts(failed, initContainers(exited(4, 0, "Error", "no db")), containers(waits("PodInitializing", ""))),
			engine.Why{Container: "i0", Reason: "Error", ExitCode: 4, Message: "no db"}},
		{"evicted", facts(failed, evicted), engine.Why{Reason: "Evicted", Message: "low on memory"}},
		{"an exit code tells more than an eviction", facts(failed, evicted, containers(exited(137, 0, "Error", ""))), engine.Why{Container: "c0", Reason: "Error", ExitCode: 137}},
		{"restarted in place", facts(containers(crashed(2, exited(5, 0, "Error", "bad")))), engine.Why{Container: "c0", Reason: "Error", ExitCode: 5, Message: "bad"}},
		{"restarted in place and succeeded", facts(phase(corev1.PodSucceeded), containers(corev1.ContainerStatus{
			State: exited(0, 0, "Completed", "").State, LastTerminationState: exited(5, -time.Minute, "Error", "bad").State})), engine.Why{}},
		{"the image", facts(pend, containers(waits("ErrImagePull", "rpc error: 1"))), engine.Why{Container: "c0", Reason: "ImagePullBackOff", Message: "the image registry/x:1 cannot be pulled"}},
		{"the image, the other word", facts(pend, containers(waits("ImagePullBackOff", "rpc error: 2"))), engine.Why{Container: "c0", Reason: "ImagePullBackOff", Message: "the image registry/x:1 cannot be pulled"}},
		{"a Secret", facts(pend, containers(waits("ContainerCreating", ""), waits("CreateContainerConfigError", `secret "db" not found`))),
			engine.Why{Container: "c1", Reason: "CreateContainerConfigError", Message: `secret "db" not found`}},
		{"on its way", facts(pend, initContainers(waits("", "")), containers(waits("PodInitializing", ""))), engine.Why{}},
		{"no node", facts(pend, unscheduled), engine.Why{Reason: "Unschedulable", Message: "0/1 nodes"}},
		{"too late", facts(pend, late, unscheduled, deleted(0)), engine.Why{Reason: "StartTimeout", Message: "too late"}},
	} {
		same(t, c.name, c.pod.Why, c.want)
	}
}

// TestHiddenMessages: what containers wrote may be secret; what the kubelet says
// is not.
func TestHiddenMessages(t *testing.T) {
	hidden := func(change ...func(*corev1.Pod)) string { return factsOf(pod("p", change...), false).Why.Message }
	same(t, "of a container", hidden(phase(corev1.PodFailed), containers(exited(1, 0, "Error", "password"))), "")
	same(t, "of one that restarts", hidden(containers(crashed(1, exited(1, 0, "Error", "password")))), "")
	same(t, "the exit code", factsOf(pod("p", phase(corev1.PodFailed), containers(exited(1, 0, "Error", "password"))), false).Why.ExitCode, int32(1))
	same(t, "of the kubelet", hidden(phase(corev1.PodPending), containers(waits("CreateContainerConfigError", "no secret"))), "no secret")
	same(t, "of an eviction", hidden(phase(corev1.PodFailed), func(p *corev1.Pod) { p.Status.Reason, p.Status.Message = "Evicted", "low" }), "low")
}

func messageOf(text string) string {
	return facts(phase(corev1.PodFailed), containers(exited(1, 0, "Error", text))).Why.Message
}

// TestMessages keep their end and their lines, and nothing that a terminal would
// obey.
func TestMessages(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " \n text \n\n": "text", "one\ntwo": "one\ntwo", "a\tb": "a b", "a\r\nb": "a\nb",
		"\x1b[31mred\x1b[0m": "[31mred[0m", "bell\a null\x00": "bell null", "bad \xff\xfe utf8": "bad  utf8",
		"über 日本 🎉": "über 日本 🎉", "bidi \u202e evil": "bidi  evil", "zero\u200bwidth": "zerowidth", "a\u0085b\u2028c": "abc",
	} {
		same(t, text, messageOf(text), want)
	}
	long := messageOf(strings.Repeat("x", 4096) + "the end")
	same(t, "length", len(long), 512)
	same(t, "end", strings.HasSuffix(long, "xthe end"), true)
	same(t, "just fits", len(messageOf(strings.Repeat("x", 512))), 512)
	same(t, "cut within a character", messageOf(strings.Repeat("日", 171)), strings.Repeat("日", 170))
}

func FuzzMessages(f *testing.F) {
	f.Add("text")
	f.Add("\xe6\x97" + strings.Repeat("日", 300))
	f.Add(strings.Repeat(" \x1b\n", 400))
	f.Fuzz(func(t *testing.T, text string) {
		got := messageOf(text)
		if len(got) > 512 || !utf8.ValidString(got) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
		for _, r := range got {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%q in %q", r, got)
			}
		}
	})
}

// TestOwner of a pod: its controller, or what its labels say once the garbage
// collector has orphaned it.
func TestOwner(t *testing.T) {
	ref := func(change func(*metav1.OwnerReference)) func(*corev1.Pod) {
		return func(p *corev1.Pod) { change(&p.OwnerReferences[0]) }
	}
	for _, c := range []struct {
		name, owner, uid string
		pod              *corev1.Pod
	}{
		{"ours", "work", "uid-of-work", pod("p")},
		{"orphaned", "work", "uid-of-work", pod("p", func(p *corev1.Pod) { p.OwnerReferences = nil })},
		{"owned, not controlled", "work", "uid-of-work", pod("p", ref(func(r *metav1.OwnerReference) { r.Controller = nil }))},
		{"another kind's", "work", "", pod("p", ref(func(r *metav1.OwnerReference) { r.Kind = "Job" }))},
		{"another group's", "work", "", pod("p", ref(func(r *metav1.OwnerReference) { r.APIVersion = "batch/v1" }))},
		{"nobody's", "", "", pod("p", func(p *corev1.Pod) { p.OwnerReferences, p.Labels = nil, nil })},
	} {
		owner, uid := ownerOf(c.pod)
		same(t, c.name, []string{owner, string(uid)}, []string{c.owner, c.uid})
		want := []string{c.owner}
		if c.owner == "" {
			want = nil
		}
		same(t, c.name+": index", IndexPod(c.pod), want)
	}
}
