package dock

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const repository = "../.."

// build is `kustomize build`, which by itself reads nothing outside of the
// directory but other kustomizations.
func build(t *testing.T, dir string) string {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsRootOnly
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestConfigStandsAlone: every directory that people build has what it needs.
func TestConfigStandsAlone(t *testing.T) {
	for dir, want := range map[string][]string{
		"default": {"kind: Namespace", "kind: Deployment", "kind: ClusterRole", "name: batchjobs.batch.stint.dev", "name: cronbatchjobs.batch.stint.dev"},
		"crd":     {"name: batchjobs.batch.stint.dev", "name: cronbatchjobs.batch.stint.dev"},
		"samples": {"kind: BatchJob"},
	} {
		text := build(t, filepath.Join(repository, "config", dir))
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("config/%s has no %q", dir, part)
			}
		}
	}
}

// example is a copy of the example with one file changed.
func example(t *testing.T, change func(kustomization string) string) string {
	t.Helper()
	root := t.TempDir()
	from := filepath.Join(repository, "charts", "docs", "examples", "kustomize")
	to := filepath.Join(root, "charts", "docs", "examples", "kustomize")
	config := filepath.Join("config", "kustomizeconfig")
	for source, target := range map[string]string{from: to, filepath.Join(repository, config): filepath.Join(root, config)} {
		if err := os.CopyFS(target, os.DirFS(source)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(to, "kustomization.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(change(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return build(t, to)
}

var hashed = regexp.MustCompile(`import-(settings|login)-[a-z0-9]{10}`)

// TestAChangedConfigChangesTheTemplate: the hashes of generated ConfigMaps and
// Secrets reach every place where a template names one, of both kinds. A changed
// template is a new revision.
func TestAChangedConfigChangesTheTemplate(t *testing.T) {
	same := func(s string) string { return s }
	before := example(t, same)
	for line := range strings.SplitSeq(before, "\n") {
		if strings.Contains(line, "import-settings") || strings.Contains(line, "import-login") {
			if !hashed.MatchString(line) {
				t.Errorf("no hash in %q", strings.TrimSpace(line))
			}
		}
	}
	// One name each is that of the generated object itself.
	if n := len(hashed.FindAllString(before, -1)); n != 2+8 {
		t.Errorf("%d names with a hash, want 10 in\n%s", n, before)
	}
	after := example(t, func(s string) string { return strings.Replace(s, "batch=100", "batch=200", 1) })
	if name := hashed.FindString(before); strings.Contains(after, name) && strings.Contains(name, "settings") {
		t.Errorf("%s is still named after its content changed", name)
	}
	if before == after || example(t, same) != before {
		t.Error("the same files must give the same result, other ones another")
	}
}

// TestImagesAndPrefixes reach templates too, init containers included, and the
// name of a ServiceAccount follows its object.
func TestImagesAndPrefixes(t *testing.T) {
	text := example(t, func(s string) string { return s + "namePrefix: team-\n" })
	if n := strings.Count(text, "image: busybox:1.37"); n != 3 || strings.Contains(text, "busybox:1.36") {
		t.Errorf("%d images of 3 are changed in\n%s", n, text)
	}
	if strings.Contains(text, " import-settings") || !strings.Contains(text, "name: team-import-settings-") {
		t.Errorf("a reference did not follow its object:\n%s", text)
	}
}
