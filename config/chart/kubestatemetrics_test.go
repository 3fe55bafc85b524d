package main

import (
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// seriesConfig is what kube-state-metrics reads of files/kube-state-metrics.yaml.
type seriesConfig struct {
	Kind string `json:"kind"`
	Spec struct {
		Resources []struct {
			GroupVersionKind struct{ Group, Version, Kind string } `json:"groupVersionKind"`
			MetricNamePrefix string                                `json:"metricNamePrefix"`
			ErrorLogV        int                                   `json:"errorLogV"`
			LabelsFromPath   map[string][]string                   `json:"labelsFromPath"`
			Metrics          []series                              `json:"metrics"`
		} `json:"resources"`
	} `json:"spec"`
}

type series struct {
	Name           string              `json:"name"`
	Help           string              `json:"help"`
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
	Each           struct {
		Type     string `json:"type"`
		Gauge    *each  `json:"gauge"`
		Info     *each  `json:"info"`
		StateSet *each  `json:"stateSet"`
	} `json:"each"`
}

type each struct {
	Path           []string            `json:"path"`
	NilIsZero      bool                `json:"nilIsZero"`
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
	ValueFrom      []string            `json:"valueFrom"`
	LabelName      string              `json:"labelName"`
	List           []string            `json:"list"`
}

// TestSeriesOfKubeStateMetrics: every path is one of the CRD, or it would be
// missing in silence, and every series that an alert or a guide names is there.
func TestSeriesOfKubeStateMetrics(t *testing.T) {
	var config seriesConfig
	if err := yaml.UnmarshalStrict([]byte(read(t, chart+"/files/kube-state-metrics.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, resource := range config.Spec.Resources {
		kind := resource.GroupVersionKind.Kind
		var crd apiextensionsv1.CustomResourceDefinition
		base := root + "/" + crdBases + "/batch.stint.dev_" + strings.ToLower(kind) + "s.yaml"
		if err := yaml.Unmarshal([]byte(read(t, base)), &crd); err != nil {
			t.Fatal(err)
		}
		if v := crd.Spec.Versions[0]; v.Name != resource.GroupVersionKind.Version || crd.Spec.Names.Kind != kind {
			t.Errorf("%s %s is not what %s says", kind, resource.GroupVersionKind.Version, base)
		}
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		for _, s := range resource.Metrics {
			made[resource.MetricNamePrefix+"_"+s.Name] = true
			for _, path := range s.paths() {
				if !has(schema, path) {
					t.Errorf("%s_%s: a %s has no %s", resource.MetricNamePrefix, s.Name, kind, strings.Join(path, "."))
				}
			}
		}
	}
	if len(made) < 20 {
		t.Errorf("only %d series", len(made))
	}
	for _, path := range []string{chart + "/files/alerts.yaml", guides + "/moving.md"} {
		for _, name := range strings.FieldsFunc(read(t, path), func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz_", r) }) {
			if (strings.HasPrefix(name, "kube_batchjob_") || strings.HasPrefix(name, "kube_cronbatchjob_")) && !made[name] {
				t.Errorf("%s names %s, which nothing makes", path, name)
			}
		}
	}
}

// paths from the top of the object.
func (s series) paths() (paths [][]string) {
	for _, path := range s.LabelsFromPath {
		paths = append(paths, path)
	}
	for _, e := range []*each{s.Each.Gauge, s.Each.Info, s.Each.StateSet} {
		if e == nil {
			continue
		}
		paths = append(paths, e.Path, slices.Concat(e.Path, e.ValueFrom))
		for _, path := range e.LabelsFromPath {
			paths = append(paths, slices.Concat(e.Path, path))
		}
	}
	return paths
}

// has is whether a path leads to something; into a list it goes on in its items.
func has(schema *apiextensionsv1.JSONSchemaProps, path []string) bool {
	for _, part := range path {
		if schema.Items != nil {
			schema = schema.Items.Schema
		}
		if part == "metadata" {
			return true // every object has it, and no CRD says what is in it
		}
		next, known := schema.Properties[part]
		if !known {
			return false
		}
		schema = &next
	}
	return true
}
