package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func TestRendersTheSameTwiceAndStrictly(t *testing.T) {
	for name, args := range map[string][]string{"defaults": nil, "every value set": {"--values", allSet}} {
		t.Run(name, func(t *testing.T) {
			rendered := template(t, args...)
			if !bytes.Equal(rendered, template(t, args...)) {
				t.Error("two renderings differ: GitOps tools would see drift for ever")
			}
			if objects := decode(t, rendered); len(objects) < 9 {
				t.Errorf("only %d objects", len(objects))
			}
			if _, err := helm(t, append([]string{"lint", "--strict", chart}, args...)...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCRDs(t *testing.T) {
	crds := only[*apiextensionsv1.CustomResourceDefinition](decode(t, template(t)))
	if len(crds) != 2 {
		t.Fatalf("%d CRDs, want 2", len(crds))
	}
	for _, crd := range crds {
		if crd.Annotations["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s would be deleted by helm uninstall", crd.Name)
		}
		base := filepath.Join(root, crdBases, "batch.stint.dev_"+crd.Spec.Names.Plural+".yaml")
		text, err := os.ReadFile(base)
		if err != nil {
			t.Fatal(err)
		}
		var want apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(crd.Spec, want.Spec) {
			t.Errorf("%s in the chart is not what %s says", crd.Name, base)
		}
	}

	free := decode(t, template(t, "--set", "crds.keep=false,crds.annotations.team=batch"))
	for _, crd := range only[*apiextensionsv1.CustomResourceDefinition](free) {
		if _, kept := crd.Annotations["helm.sh/resource-policy"]; kept || crd.Annotations["team"] != "batch" {
			t.Errorf("%s: annotations %v", crd.Name, crd.Annotations)
		}
	}
	if none := decode(t, template(t, "--set", "crds.enabled=false")); len(only[*apiextensionsv1.CustomResourceDefinition](none)) > 0 {
		t.Error("crds.enabled=false renders CRDs")
	}
}

func TestCRDTemplateEscapesDelimiters(t *testing.T) {
	got, err := crdTemplate("---\nkind: X\nmetadata:\n  annotations:\n    a: b\n  name: x\nspec: '{{ .Values }}'\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := `spec: '{{ "{{" }} .Values }}'`; !strings.Contains(got, want) {
		t.Errorf("want %s in\n%s", want, got)
	}
	if _, err := crdTemplate("kind: X\nmetadata:\n  name: x\n"); err == nil {
		t.Error("a CRD without annotations has no place for ours: want an error")
	}
}

// The roles grant what is written in the markers: nothing by wildcard, and
// nothing of Secrets.
func TestRoles(t *testing.T) {
	objects := decode(t, template(t))
	var rules []rbacv1.PolicyRule
	for _, role := range only[*rbacv1.ClusterRole](objects) {
		rules = append(rules, role.Rules...)
	}
	for _, role := range only[*rbacv1.Role](objects) {
		rules = append(rules, role.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("no rules")
	}
	for _, rule := range rules {
		all := slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs)
		if slices.Contains(all, "*") || slices.Contains(rule.Resources, "secrets") {
			t.Errorf("too much: %v", rule)
		}
	}
}

// What the pod security standard "restricted" asks for, and more.
func TestPodSecurity(t *testing.T) {
	pod := deployment(t).Spec.Template.Spec
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot ||
		s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("pod: %v", s)
	}
	s := pod.Containers[0].SecurityContext
	if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
		!reflect.DeepEqual(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
		t.Errorf("container: %v", s)
	}
}

func TestImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for set, want := range map[string]string{
		"image.tag=":                         "ghcr.io/stint-dev/stint-controller:" + appVersion(t),
		"image.tag=x":                        "ghcr.io/stint-dev/stint-controller:x",
		"image.repository=r":                 "r:" + appVersion(t),
		"image.tag=x,image.digest=" + digest: "ghcr.io/stint-dev/stint-controller:x@" + digest,
	} {
		if got := deployment(t, "--set", set).Spec.Template.Spec.Containers[0].Image; got != want {
			t.Errorf("--set %s: image %s, want %s", set, got, want)
		}
	}
}
