package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const (
	root   = "../.."
	chart  = root + "/charts/stint"
	allSet = "testdata/all-values.yaml"
)

// helm runs the pinned helm that HELM names; without it these tests are
// skipped, `make test` and `make verify` build it.
func helm(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	bin := os.Getenv("HELM")
	if _, err := os.Stat(bin); err != nil {
		t.Skip("HELM names no helm: run `make verify`")
	}
	cmd := exec.Command(bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("helm %s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.Bytes(), nil
}

func template(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := helm(t, append([]string{"template", "stint", chart, "--namespace", "stint-system"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decode reads every object into its Go type and fails on a field that the
// type does not have.
func decode(t *testing.T, rendered []byte) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for doc := range strings.SplitSeq("\n"+string(rendered), "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		object, _, err := decoder.Decode([]byte(doc), nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		objects = append(objects, object)
	}
	return objects
}

func only[T runtime.Object](objects []runtime.Object) []T {
	var found []T
	for _, object := range objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

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

func TestSchemaRefuses(t *testing.T) {
	for _, set := range []string{
		"replica=1", "image.tags=x", "image.digest=sha256:abc", "image.pullPolicy=always", "replicas=-1",
		"concurrency=0", "logLevel=verbose", "extraArgs={concurrent}", "serviceAccount.create=false",
		"fullnameOverride=Not_A_Name",
	} {
		if _, err := helm(t, "template", "stint", chart, "--set", set); err == nil || !strings.Contains(err.Error(), "schema") {
			t.Errorf("--set %s: want a refusal by the schema, got %v", set, err)
		}
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

func deployment(t *testing.T, args ...string) *appsv1.Deployment {
	t.Helper()
	found := only[*appsv1.Deployment](decode(t, template(t, args...)))
	if len(found) != 1 {
		t.Fatalf("%d Deployments", len(found))
	}
	return found[0]
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

func appVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(chart + "/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var meta struct{ AppVersion string }
	if err := yaml.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	return meta.AppVersion
}
