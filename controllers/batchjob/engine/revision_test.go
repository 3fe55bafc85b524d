package engine_test

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"regexp"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func revisionOf(j *v1alpha1.BatchJob) string {
	revision, _ := engine.Revision(&j.Spec)
	return revision
}

func container(change func(*corev1.Container)) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { change(&s.Template.Spec.Containers[0]) })
}

func template(change func(*corev1.PodTemplateSpec)) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { change(&s.Template) })
}

// TestGoldenRevisions: these hashes stand in the status of every job there is.
// If one of them changes, every finished job in every cluster looks changed:
// change revisionPrefix with it, which re-stamps and runs nothing.
func TestGoldenRevisions(t *testing.T) {
	for _, c := range []struct {
		name            string
		job             *v1alpha1.BatchJob
		revision, fixed string
	}{
		{"minimal", job(), "v1-341f76d5b600e351", "v1-341f76d5b600e351"},
		{"completions", job(fixed(2, 5)), "v1-f29335c62f2851fe", "v1-f29335c62f2851fe"},
		{"work queue", job(queue(3)), "v1-222ba12979b70bde", "v1-222ba12979b70bde"},
		{"indexed", indexed(2, 5), "v1-8dfac65cdd4eee82-5", "v1-8dfac65cdd4eee82-5"},
		{"policies", indexed(2, 5, perIndex(1), policy(onExit(failIndex, true, "main", 3)), success(when("0", -1))),
			"v1-3396acb9c400077d-5", "v1-3396acb9c400077d-5"},
		{"a real one", job(goldenTemplate), "v1-450bc0bf9724bead", "v1-be8eb76708c14748"},
	} {
		revision, mutableLess := engine.Revision(&c.job.Spec)
		same(t, c.name+": revision", revision, c.revision)
		same(t, c.name+": without what may change while suspended", mutableLess, c.fixed)
	}
}

// TestTheAlgorithm, for whoever computes a revision elsewhere: SHA-256 of the
// canonical JSON.
func TestTheAlgorithm(t *testing.T) {
	const canonical = `{"completions":1,"template":{"spec":{"containers":[{"image":"busybox","name":"main"}],"restartPolicy":"Never"}}}`
	same(t, "revision", revisionOf(job()), fmt.Sprintf("v1-%x", sha256.Sum256([]byte(canonical)))[:len("v1-")+16])
}

// goldenTemplate has something of everything.
func goldenTemplate(j *v1alpha1.BatchJob) {
	j.Spec.Template = corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "db", "helm.sh/chart": "db-1.2.3"}, Annotations: map[string]string{"a": "b"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyOnFailure, ServiceAccountName: "migrate", NodeSelector: map[string]string{"pool": "batch"},
			TerminationGracePeriodSeconds: new(int64(0)), AutomountServiceAccountToken: new(false),
			Tolerations: []corev1.Toleration{{Key: "batch", Operator: corev1.TolerationOpExists}},
			Volumes:     []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
			Containers: []corev1.Container{{
				Name: "main", Image: "db:1.2.3@sha256:abc", Command: []string{"/bin/sh", "-c", ""}, Args: []string{"<&>"},
				Env:       []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B"}},
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("1Gi")}},
			}},
		},
	}
}

// TestSameMeaningSameRevision: nulls, empty values, our own defaults and the
// label of the chart make no difference.
func TestSameMeaningSameRevision(t *testing.T) {
	plain := revisionOf(job(goldenTemplate))
	for name, change := range map[string]func(*v1alpha1.BatchJob){
		"the default mode":        spec(func(s *v1alpha1.BatchJobSpec) { s.CompletionMode = new(v1alpha1.NonIndexedCompletion) }),
		"the default completions": spec(func(s *v1alpha1.BatchJobSpec) { s.Completions = new(int32(1)) }),
		"both defaults":           fixed(1, 1),
		"another chart release":   template(func(p *corev1.PodTemplateSpec) { p.Labels["helm.sh/chart"] = "db-1.2.4" }),
		"no chart label":          template(func(p *corev1.PodTemplateSpec) { delete(p.Labels, "helm.sh/chart") }),
		"empty maps and lists":    template(func(p *corev1.PodTemplateSpec) { p.Finalizers, p.Spec.HostAliases = []string{}, []corev1.HostAlias{} }),
		"empty objects": template(func(p *corev1.PodTemplateSpec) {
			p.Spec.SecurityContext, p.Spec.Affinity = &corev1.PodSecurityContext{}, &corev1.Affinity{}
		}),
		"empty objects in a list": container(func(c *corev1.Container) {
			c.SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{}}
		}),
		"the same quantity":            container(func(c *corev1.Container) { c.Resources.Requests["cpu"] = resource.MustParse("1.5") }),
		"an empty value":               container(func(c *corev1.Container) { c.Env[1].Value = "" }),
		"a creation time, as null":     template(func(p *corev1.PodTemplateSpec) { p.CreationTimestamp = metav1.Time{} }),
		"an empty, but set field":      spec(func(s *v1alpha1.BatchJobSpec) { s.PodFailurePolicy = &v1alpha1.PodFailurePolicy{} }),
		"maps in another order of use": template(func(p *corev1.PodTemplateSpec) { p.Annotations = map[string]string{"a": "b"} }),
	} {
		same(t, name, revisionOf(job(goldenTemplate, change)), plain)
	}
	withStatus := func(status corev1.ConditionStatus) *v1alpha1.BatchJob {
		return job(policy(onCondition(ignore, pattern("Any", status))))
	}
	same(t, "the default of a policy written out", revisionOf(withStatus(corev1.ConditionTrue)), revisionOf(withStatus("")))
	onlyChart := job(template(func(p *corev1.PodTemplateSpec) { p.Labels = map[string]string{"helm.sh/chart": "x"} }))
	same(t, "a chart's as the only label", revisionOf(onlyChart), revisionOf(job()))
	same(t, "the argument is left alone", onlyChart.Spec.Template.Labels, map[string]string{"helm.sh/chart": "x"})
}

// TestOtherMeaningOtherRevision: what defines a run.
func TestOtherMeaningOtherRevision(t *testing.T) {
	seen := map[string]string{revisionOf(job(goldenTemplate)): "the manifest itself"}
	for name, change := range map[string]func(*v1alpha1.BatchJob){
		"image":                   container(func(c *corev1.Container) { c.Image = "db:1.2.4" }),
		"a variable":              container(func(c *corev1.Container) { c.Env[0].Value = "2" }),
		"the order of variables":  container(func(c *corev1.Container) { c.Env[0], c.Env[1] = c.Env[1], c.Env[0] }),
		"an empty argument less":  container(func(c *corev1.Container) { c.Command = c.Command[:2] }),
		"an empty argument moved": container(func(c *corev1.Container) { c.Command = []string{"/bin/sh", "", "-c"} }),
		"a quantity":              container(func(c *corev1.Container) { c.Resources.Requests["cpu"] = resource.MustParse("1501m") }),
		"a second container": template(func(p *corev1.PodTemplateSpec) {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "b"})
		}),
		"the same as init": template(func(p *corev1.PodTemplateSpec) {
			p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: "b"})
		}),
		"a label":                   template(func(p *corev1.PodTemplateSpec) { p.Labels["app"] = "other" }),
		"an annotation":             template(func(p *corev1.PodTemplateSpec) { p.Annotations["c"] = "d" }),
		"false is not unset":        template(func(p *corev1.PodTemplateSpec) { p.Spec.AutomountServiceAccountToken = nil }),
		"0 is not unset":            template(func(p *corev1.PodTemplateSpec) { p.Spec.TerminationGracePeriodSeconds = nil }),
		"a term":                    affinity(nil, nil),
		"a selector of all":         affinity(&metav1.LabelSelector{}, nil),
		"all namespaces":            affinity(nil, &metav1.LabelSelector{}),
		"restartPolicy":             template(func(p *corev1.PodTemplateSpec) { p.Spec.RestartPolicy = corev1.RestartPolicyNever }),
		"work queue":                queue(1),
		"completions":               fixed(1, 2),
		"no completions":            fixed(1, 0),
		"mode":                      func(j *v1alpha1.BatchJob) { fixed(1, 2)(j); asIndexed(&j.Spec) },
		"another size":              func(j *v1alpha1.BatchJob) { fixed(1, 3)(j); asIndexed(&j.Spec) },
		"backoffLimitPerIndex of 0": func(j *v1alpha1.BatchJob) { fixed(1, 2)(j); asIndexed(&j.Spec); perIndex(0)(j) },
		"backoffLimitPerIndex of 1": func(j *v1alpha1.BatchJob) { fixed(1, 2)(j); asIndexed(&j.Spec); perIndex(1)(j) },
		"podFailurePolicy":          policy(onExit(ignore, true, "", 1)),
		"its action":                policy(onExit(count, true, "", 1)),
		"its operator":              policy(onExit(ignore, false, "", 1)),
		"its codes":                 policy(onExit(ignore, true, "", 2)),
		"successPolicy":             success(when("", 1)),
		"its count":                 success(when("", 0)),
		"its indexes":               success(when("1", -1)),
	} {
		revision := revisionOf(job(goldenTemplate, change))
		if other, ok := seen[revision]; ok {
			t.Errorf("%s and %s have the same revision %s", name, other, revision)
		}
		seen[revision] = name
	}
}

// affinity is a pod affinity, in which an empty selector is not an absent one.
func affinity(labels, namespaces *metav1.LabelSelector) func(*v1alpha1.BatchJob) {
	return template(func(p *corev1.PodTemplateSpec) {
		p.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
			{TopologyKey: "zone", LabelSelector: labels, NamespaceSelector: namespaces}}}}
	})
}

// actingFields act on the current run and are not part of its revision.
var actingFields = map[string]func(*v1alpha1.BatchJobSpec){
	"Parallelism":             func(s *v1alpha1.BatchJobSpec) { s.Parallelism = new(int32(7)) },
	"BackoffLimit":            func(s *v1alpha1.BatchJobSpec) { s.BackoffLimit = new(int32(7)) },
	"MaxFailedIndexes":        func(s *v1alpha1.BatchJobSpec) { s.MaxFailedIndexes = new(int32(7)) },
	"ActiveDeadlineSeconds":   func(s *v1alpha1.BatchJobSpec) { s.ActiveDeadlineSeconds = new(int64(7)) },
	"PodReplacementPolicy":    func(s *v1alpha1.BatchJobSpec) { s.PodReplacementPolicy = new(v1alpha1.Failed) },
	"Suspend":                 func(s *v1alpha1.BatchJobSpec) { s.Suspend = new(true) },
	"TTLSecondsAfterFinished": func(s *v1alpha1.BatchJobSpec) { s.TTLSecondsAfterFinished = new(int32(7)) },
	"Selector": func(s *v1alpha1.BatchJobSpec) {
		s.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
	},
	"ManualSelector":  func(s *v1alpha1.BatchJobSpec) { s.ManualSelector = new(true) },
	"ManagedBy":       func(s *v1alpha1.BatchJobSpec) { s.ManagedBy = new(v1alpha1.ManagedByStint) },
	"RerunPolicy":     func(s *v1alpha1.BatchJobSpec) { s.RerunPolicy = v1alpha1.RerunNever },
	"UpdatePolicy":    func(s *v1alpha1.BatchJobSpec) { s.UpdatePolicy = v1alpha1.UpdateReplace },
	"RunAt":           func(s *v1alpha1.BatchJobSpec) { s.RunAt = "token" },
	"TTLPolicy":       func(s *v1alpha1.BatchJobSpec) { s.TTLPolicy = new(v1alpha1.TTLDeletePods) },
	"PodHistoryLimit": func(s *v1alpha1.BatchJobSpec) { s.PodHistoryLimit = new(int32(7)) },
	"DependsOn":       func(s *v1alpha1.BatchJobSpec) { s.DependsOn = []v1alpha1.Dependency{{Name: "a"}} },
	"Backoff": func(s *v1alpha1.BatchJobSpec) {
		s.Backoff = &v1alpha1.Backoff{InitialDelay: &metav1.Duration{Duration: 7}}
	},
	"PodStartTimeoutSeconds": func(s *v1alpha1.BatchJobSpec) { s.PodStartTimeoutSeconds = new(int32(7)) },
}

// definingFields are tried in TestOtherMeaningOtherRevision.
var definingFields = map[string]bool{"Template": true, "CompletionMode": true, "Completions": true, "BackoffLimitPerIndex": true,
	"PodFailurePolicy": true, "SuccessPolicy": true}

// TestEveryFieldIsClassified: a new field of the spec either defines a run or
// acts on it, and somebody has to say which.
func TestEveryFieldIsClassified(t *testing.T) {
	base := indexed(2, 5)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[v1alpha1.BatchJobSpec]()) {
		change, acts := actingFields[f.Name]
		if acts == definingFields[f.Name] {
			t.Errorf("spec.%s: say whether it defines a run (definingFields) or acts on it (actingFields)", f.Name)
		}
		if !acts {
			continue
		}
		changed := base.DeepCopy()
		change(&changed.Spec)
		if reflect.DeepEqual(base.Spec, changed.Spec) {
			t.Errorf("spec.%s: the change changes nothing", f.Name)
		}
		before, beforeFixed := engine.Revision(&base.Spec)
		now, nowFixed := engine.Revision(&changed.Spec)
		same(t, f.Name, []string{now, nowFixed}, []string{before, beforeFixed})
	}
}

// TestTheFormOfARevision: a version of the algorithm, a hash, and the size of an
// Indexed job. It is a label value too.
func TestTheFormOfARevision(t *testing.T) {
	form := regexp.MustCompile(`^v1-[0-9a-f]{16}(-\d+)?$`)
	for _, j := range []*v1alpha1.BatchJob{{}, job(), job(goldenTemplate), indexed(1, 2147483647)} {
		revision, mutableLess := engine.Revision(&j.Spec)
		if !form.MatchString(revision) || !form.MatchString(mutableLess) || len(revision) > 63 {
			t.Errorf("%q, %q", revision, mutableLess)
		}
	}
}
