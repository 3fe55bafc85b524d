package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
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
		if runtime.IsNotRegisteredError(err) && strings.Contains(doc, "\napiVersion: monitoring.coreos.com/v1\n") {
			continue // test/dock decodes these
		}
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

func deployment(t *testing.T, args ...string) *appsv1.Deployment {
	t.Helper()
	found := only[*appsv1.Deployment](decode(t, template(t, args...)))
	if len(found) != 1 {
		t.Fatalf("%d Deployments", len(found))
	}
	return found[0]
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
