package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// revisionPrefix names the algorithm. Whoever changes what is hashed, or how,
// changes it as well: revisions of different algorithms are not compared, so
// that an upgrade of the operator re-stamps jobs and runs none of them again.
const revisionPrefix = "v1-"

// digits of the hash in hexadecimal, 64 bits, and its length with the prefix.
const (
	digits     = 16
	hashLength = len(revisionPrefix) + digits
)

// defining are the fields that define a run; everything else acts on the
// current one. completions of an Indexed job stands behind the hash instead.
type defining struct {
	Template             corev1.PodTemplateSpec     `json:"template"`
	CompletionMode       v1alpha1.CompletionMode    `json:"completionMode"`
	Completions          *int32                     `json:"completions,omitempty"`
	BackoffLimitPerIndex *int32                     `json:"backoffLimitPerIndex,omitempty"`
	PodFailurePolicy     *v1alpha1.PodFailurePolicy `json:"podFailurePolicy,omitempty"`
	SuccessPolicy        *v1alpha1.SuccessPolicy    `json:"successPolicy,omitempty"`
}

// Revision is the hash of a spec's run-defining fields, and fixed the same
// without what may change while a job is suspended (KEP-5440): node selector,
// tolerations, node affinity, scheduling gates, labels, annotations and
// resources. Two specs that mean the same have the same revision: nulls, empty
// values and our own defaults are left out, and so is the label helm.sh/chart.
func Revision(spec *v1alpha1.BatchJobSpec) (revision, fixed string) {
	d := defining{
		Template:             *spec.Template.DeepCopy(),
		BackoffLimitPerIndex: spec.BackoffLimitPerIndex,
		PodFailurePolicy:     spec.PodFailurePolicy.DeepCopy(),
		SuccessPolicy:        spec.SuccessPolicy,
	}
	count, set := spec.GetCompletions()
	size := ""
	switch {
	case spec.IsIndexed():
		d.CompletionMode = v1alpha1.IndexedCompletion
		size = sizeMark + strconv.Itoa(int(count))
	case set:
		d.Completions = &count
	}
	delete(d.Template.Labels, v1alpha1.LabelHelmChart)
	spellOut(d.PodFailurePolicy)
	revision = hash(&d) + size
	mutableWhileSuspended(&d.Template)
	return revision, hash(&d) + size
}

// spellOut writes the one default inside a policy, so that it does not matter
// whether the author did.
func spellOut(policy *v1alpha1.PodFailurePolicy) {
	if policy == nil {
		return
	}
	for i := range policy.Rules {
		for j := range policy.Rules[i].OnPodConditions {
			pattern := &policy.Rules[i].OnPodConditions[j]
			pattern.Status = pattern.GetStatus()
		}
	}
}

// sizeMark stands between the hash and completions in the revision of an
// Indexed job, so that a change of its size alone can be told.
const sizeMark = "-"

// elastic: an Indexed job whose completions and parallelism are the same may
// change both in the middle of a run.
func elastic(spec *v1alpha1.BatchJobSpec) bool {
	count, _ := spec.GetCompletions()
	return spec.IsIndexed() && count == spec.GetParallelism()
}

// sameButSize compares two revisions of Indexed jobs without their sizes.
func sameButSize(a, b string) bool {
	if len(a) <= hashLength || len(b) <= hashLength {
		return false
	}
	return a[:hashLength] == b[:hashLength]
}

// Revisions are the hashes of one spec: the two of Revision, and that of the
// rules by which the ends of pods count, which is everything but the template
// and, for an Indexed job, its size.
type Revisions struct{ Whole, Fixed, Rules string }

// RevisionsOf computes them.
func RevisionsOf(spec *v1alpha1.BatchJobSpec) Revisions {
	whole, fixed := Revision(spec)
	rules := *spec
	rules.Template = corev1.PodTemplateSpec{}
	only, _ := Revision(&rules)
	return Revisions{Whole: whole, Fixed: fixed, Rules: only[:hashLength]}
}

// sizeOf is the size in the revision of an Indexed job.
func sizeOf(revision string) (size int32, indexed bool) {
	if len(revision) <= hashLength+len(sizeMark) {
		return 0, false
	}
	n, err := strconv.ParseInt(revision[hashLength+len(sizeMark):], 10, 32)
	return int32(n), err == nil
}

// mutableWhileSuspended removes the fields that a suspended job may change.
func mutableWhileSuspended(t *corev1.PodTemplateSpec) {
	t.Labels, t.Annotations = nil, nil
	s := &t.Spec
	s.NodeSelector, s.Tolerations, s.SchedulingGates = nil, nil, nil
	if s.Affinity != nil {
		s.Affinity.NodeAffinity = nil
	}
	for i := range s.InitContainers {
		s.InitContainers[i].Resources = corev1.ResourceRequirements{}
	}
	for i := range s.Containers {
		s.Containers[i].Resources = corev1.ResourceRequirements{}
	}
}

// sameAlgorithm tells whether two revisions can be compared.
func sameAlgorithm(a, b string) bool {
	prefix := func(s string) string { p, _, _ := strings.Cut(s, "-"); return p }
	return a != "" && prefix(a) == prefix(b)
}

// hash is total: a spec that was read from JSON can be written as JSON.
func hash(d *defining) string {
	canonical := canonicalJSON(d)
	sum := sha256.Sum256(canonical)
	return revisionPrefix + hex.EncodeToString(sum[:])[:digits]
}

// canonicalJSON has sorted keys and neither nulls nor empty values.
func canonicalJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var generic any
	if err := decoder.Decode(&generic); err != nil {
		return raw
	}
	out, err := json.Marshal(prune(generic))
	if err != nil {
		return raw
	}
	return out
}

// emptyMeansAll are the members whose empty value is not their absence: an empty
// label selector selects everything, an absent one nothing or a default.
var emptyMeansAll = map[string]bool{"labelSelector": true, "namespaceSelector": true}

// prune removes empty members of objects, the innermost first; nil means that
// nothing is left. Elements of lists stay: their place has a meaning.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			switch pruned := prune(member); {
			case pruned != nil:
				v[key] = pruned
			case member != nil && emptyMeansAll[key]:
				v[key] = map[string]any{}
			default:
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	}
	return v
}
