package controllers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// This test holds the map of doc.go. Tried on a copy of the repository, it fails
// with the words on the right for
//
//	engine/scale.go imports controller-runtime's client      "reaches sigs.k8s.io/controller-runtime"
//	engine/scale.go imports context, or math/rand/v2         "imports context"
//	engine/scale.go calls time.Now(), or metav1.Now()        "calls time.Now"
//	batchjob/observe.go imports controllers/cronbatchjob     "imports controllers/cronbatchjob"
//	report/status.go imports controllers/batchjob            "import cycle not allowed"
//	api/v1alpha1 imports controllers/batchjob/engine         "import cycle not allowed"
//	a package controllers/utils                              "has no place in the house"
//	a directory internal at the top                          "is not in the fixed top level"
//	a function of 61 lines, a file of 401                    "has 61 lines", "has 401 lines"

const (
	module = "github.com/stint-dev/stint/"
	root   = ".."
)

// mayImport says which rooms a room may enter.
var mayImport = map[string][]string{
	"api/v1alpha1":                    {},
	"controllers":                     {},
	"controllers/schedule":            {},
	"controllers/mould":               {"api/v1alpha1"},
	"controllers/shard":               {},
	"controllers/batchjob/engine":     {"api/v1alpha1", "controllers/schedule", "controllers/mould"},
	"controllers/cronbatchjob/engine": {"api/v1alpha1", "controllers/schedule", "controllers/mould"},
	"controllers/report":              {"api/v1alpha1", "controllers/schedule", "controllers/batchjob/engine", "controllers/cronbatchjob/engine"},
	"controllers/batchjob":            {"api/v1alpha1", "controllers/schedule", "controllers/mould", "controllers/shard", "controllers/batchjob/engine", "controllers/report"},
	"controllers/cronbatchjob":        {"api/v1alpha1", "controllers/schedule", "controllers/mould", "controllers/shard", "controllers/cronbatchjob/engine", "controllers/report"},
	"cmd":                             {"api/v1alpha1", "controllers/shard", "controllers/report", "controllers/batchjob", "controllers/cronbatchjob"},
}

// pure rooms decide. Everything that they need is in what they are given.
var pure = []string{"controllers/schedule", "controllers/mould", "controllers/shard", "controllers/batchjob/engine", "controllers/cronbatchjob/engine"}

// Nothing that a pure room imports, however far away, may touch a cluster;
// itself it may import nothing that speaks, waits, reads the machine or is
// random.
var (
	outOfReach = []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime", "github.com/fluxcd/pkg/runtime", "k8s.io/apiserver", "k8s.io/component-base"}
	notImports = []string{"context", "log", "net", "os", "io/fs", "syscall", "embed", "sync", "math/rand", "crypto/rand", "github.com/go-logr",
		"k8s.io/klog", "github.com/google/uuid", "k8s.io/utils/clock", "k8s.io/apimachinery/pkg/util/rand", "k8s.io/apimachinery/pkg/util/uuid",
		"k8s.io/apimachinery/pkg/util/wait", "k8s.io/apimachinery/pkg/watch"}
	notCalls = map[string][]string{
		"time":                                 {"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep", "Local"},
		"k8s.io/apimachinery/pkg/apis/meta/v1": {"Now", "NowMicro"},
	}
)

// topLevel is fixed; what git does not keep, or what begins with a dot, is free.
var topLevel = []string{"api", "controllers", "config", "charts", "cmd", "test", "PROJECT", "Makefile", "go.mod", "go.sum", "README.md", "Dockerfile",
	"LICENSE", "bin", "dist"}

// notDirectories are names that say nothing of what is inside.
var notDirectories = []string{"pkg", "internal", "hack", "utils", "util", "common", "helpers"}

const maxFunction, maxFile = 60, 400

// listed is a package as go list tells of it.
type listed struct {
	ImportPath    string
	Imports, Deps []string
}

func TestArrows(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		for _, wrong := range slices.Concat(arrows(p), reaches(p)) {
			t.Error(wrong)
		}
	}
	if len(packages) < 7 {
		t.Errorf("only %d packages were looked at", len(packages))
	}
}

// list asks go about the product's packages.
func list(t *testing.T) (packages []listed) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./api/...", "./cmd/...", "./controllers/...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// room is where a package lives; what is below cmd belongs to it.
func room(importPath string) string {
	name := strings.TrimPrefix(importPath, module)
	if strings.HasPrefix(name, "cmd/") {
		return "cmd"
	}
	return name
}

// arrows are imports that do not follow the map.
func arrows(p listed) (wrong []string) {
	here := room(p.ImportPath)
	allowed, known := mayImport[here]
	if !known {
		return []string{here + " has no place in the house: give it one in architecture_test.go and in the architecture"}
	}
	for _, imported := range p.Imports {
		if there := room(imported); strings.HasPrefix(imported, module) && there != here && !slices.Contains(allowed, there) {
			wrong = append(wrong, here+" imports "+there)
		}
	}
	return wrong
}

// reaches are things that a pure room must not get hold of.
func reaches(p listed) (wrong []string) {
	here := room(p.ImportPath)
	if !slices.Contains(pure, here) {
		return nil
	}
	for _, far := range p.Deps {
		if under(far, outOfReach) {
			wrong = append(wrong, here+" reaches "+far)
		}
	}
	for _, near := range p.Imports {
		if under(near, notImports) {
			wrong = append(wrong, here+" imports "+near)
		}
	}
	return wrong
}

// under tells whether a package is one of these or below one.
func under(importPath string, of []string) bool {
	return slices.ContainsFunc(of, func(p string) bool { return importPath == p || strings.HasPrefix(importPath, p+"/") })
}

// TestPureRooms do not look at a clock, and start nothing.
func TestPureRooms(t *testing.T) {
	files := 0
	for _, dir := range pure {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			files++
			set, file := parse(t, name, nil)
			for _, wrong := range impure(set, file) {
				t.Error(wrong)
			}
		}
	}
	if files < 10 {
		t.Errorf("only %d files were looked at", files)
	}
}

func parse(t *testing.T, name string, source any) (*token.FileSet, *ast.File) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return set, file
}

// impure finds clocks, goroutines and global state that somebody could set.
func impure(set *token.FileSet, file *ast.File) (wrong []string) {
	say := func(n ast.Node, what string) {
		wrong = append(wrong, fmt.Sprintf("%s: %s", set.Position(n.Pos()), what))
	}
	names := map[string]string{}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			say(n, "starts a goroutine")
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				say(n, "has an init function")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(notCalls[names[x.Name]], n.Sel.Name) {
				say(n, "calls "+x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return wrong
}

// TestBudgets hold without exemptions, in tests too.
func TestBudgets(t *testing.T) {
	files := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		base := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (strings.HasPrefix(base, ".") || base == "bin" || base == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() && slices.Contains(notDirectories, base):
			t.Errorf("%s: a directory's name says what is inside", name)
		case !entry.IsDir() && strings.HasSuffix(base, ".go"):
			files++
			set, file := parse(t, name, nil)
			for _, wrong := range tooLong(set, file) {
				t.Error(wrong)
			}
		}
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("%d files were looked at: %v", files, err)
	}
}

// tooLong counts as golangci-lint's funlen does: the lines between func and the
// closing brace.
func tooLong(set *token.FileSet, file *ast.File) (wrong []string) {
	if ast.IsGenerated(file) {
		return nil
	}
	if lines := set.File(file.Pos()).LineCount(); lines > maxFile {
		wrong = append(wrong, fmt.Sprintf("%s has %d lines", set.Position(file.Pos()).Filename, lines))
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			if lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line - 1; lines > maxFunction {
				wrong = append(wrong, fmt.Sprintf("%s: %s has %d lines", set.Position(f.Pos()), f.Name.Name, lines))
			}
		}
	}
	return wrong
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) && !strings.HasSuffix(e.Name(), ".out") {
			t.Errorf("%s is not in the fixed top level", e.Name())
		}
	}
}

// TestTheRulesCanFail: a rule that nothing breaks proves nothing.
func TestTheRulesCanFail(t *testing.T) {
	const engine = module + "controllers/batchjob/engine"
	for _, p := range []listed{
		{ImportPath: engine, Imports: []string{module + "controllers/report"}},
		{ImportPath: engine, Imports: []string{module + "controllers/cronbatchjob/engine"}},
		{ImportPath: engine, Deps: []string{"sigs.k8s.io/controller-runtime/pkg/client"}},
		{ImportPath: engine, Deps: []string{"k8s.io/client-go/rest"}},
		{ImportPath: engine, Imports: []string{"math/rand/v2"}},
		{ImportPath: engine, Imports: []string{"log/slog"}},
		{ImportPath: module + "controllers/schedule", Imports: []string{"os"}},
		{ImportPath: module + "controllers/report", Imports: []string{module + "controllers/batchjob"}},
		{ImportPath: module + "controllers/batchjob", Imports: []string{module + "controllers/cronbatchjob"}},
		{ImportPath: module + "cmd/kubectl-stint", Imports: []string{module + "test/world"}},
		{ImportPath: module + "api/v1alpha1", Imports: []string{module + "controllers/schedule"}},
		{ImportPath: module + "controllers/utils"},
	} {
		if len(arrows(p))+len(reaches(p)) != 1 {
			t.Errorf("%+v is not found out once: %v, %v", p, arrows(p), reaches(p))
		}
	}
	for _, source := range []string{
		`package engine; import "time"; var _ = time.Now()`,
		`package engine; import clock "time"; func f() { clock.Sleep(1) }`,
		`package engine; import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"; var now = metav1.Now`,
		`package engine; func f() { go f() }`,
		`package engine; func init() {}`,
		"package engine; func f() {" + strings.Repeat("\n", maxFunction+2) + "}",
		"package engine" + strings.Repeat("\n", maxFile+1),
	} {
		set, file := parse(t, "x.go", source)
		if len(impure(set, file))+len(tooLong(set, file)) != 1 {
			t.Errorf("%.60q is not found out once: %v, %v", source, impure(set, file), tooLong(set, file))
		}
	}
}
