package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const guides = root + "/charts/docs"

// files of the guides that end like this.
func files(t *testing.T, dir, ending string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ending) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v, %d files *%s in %s", err, len(paths), ending, dir)
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestExamples have no field that our kinds, or Kubernetes', do not have.
func TestExamples(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	ours := 0
	for _, path := range files(t, guides+"/examples", ".yaml") {
		for doc := range strings.SplitSeq(read(t, path), "\n---\n") {
			object, _, err := decoder.Decode([]byte(doc), nil, nil)
			switch {
			case runtime.IsNotRegisteredError(err): // Flux's, Argo CD's, kustomize's
			case err != nil:
				t.Errorf("%s: %v", path, err)
			case object.GetObjectKind().GroupVersionKind().Group == v1alpha1.GroupVersion.Group:
				ours++
			}
		}
	}
	if ours < 7 {
		t.Errorf("only %d objects of ours", ours)
	}
}

// TestMovingAJobIsTwoLines, as the guide says.
func TestMovingAJobIsTwoLines(t *testing.T) {
	content := func(name string) []string {
		_, manifest, _ := strings.Cut(read(t, guides+"/examples/"+name), "\n") // less the comment
		return strings.Split(manifest, "\n")
	}
	before, after := content("job-before.yaml"), content("job-after.yaml")
	if len(before) != len(after) {
		t.Fatalf("%d lines, then %d", len(before), len(after))
	}
	differ := 0
	for i := range before {
		if before[i] != after[i] {
			differ++
		}
	}
	if differ != 2 {
		t.Errorf("%d lines differ", differ)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks of the guides and the READMEs point at something.
func TestLinks(t *testing.T) {
	pages := append(files(t, root+"/charts", ".md"), root+"/README.md")
	for _, page := range pages {
		for _, found := range link.FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), found[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
			}
		}
	}
}
