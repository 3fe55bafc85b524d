package batchjob

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const (
	// maxCost is what the evaluation of one readyExpr may cost, as much as the
	// API server allows to one CEL rule: about a tenth of a second.
	maxCost = 1_000_000
	// maxPrograms is how many compiled expressions are kept.
	maxPrograms = 1024
	// maxExprError is how much of an error of CEL goes into a condition.
	maxExprError = 300
)

// errBadExpression: it will not do better with another status of the dependency.
var errBadExpression = errors.New("the expression is wrong")

// expressions compiles each readyExpr once.
type expressions struct {
	mu       sync.Mutex
	env      *cel.Env
	programs map[string]compiled
}

type compiled struct {
	program cel.Program
	err     error
}

func newExpressions() *expressions { return &expressions{programs: map[string]compiled{}} }

// compile fails where an expression can never give a bool.
func (e *expressions) compile(expr string) (cel.Program, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c, ok := e.programs[expr]; ok {
		return c.program, c.err
	}
	if len(e.programs) >= maxPrograms {
		clear(e.programs)
	}
	program, err := e.build(expr)
	e.programs[expr] = compiled{program, err}
	return program, err
}

// build is called with the lock held.
func (e *expressions) build(expr string) (cel.Program, error) {
	if e.env == nil {
		env, err := cel.NewEnv(cel.Variable("dep", cel.DynType), cel.Variable("self", cel.DynType), cel.OptionalTypes())
		if err != nil {
			return nil, err
		}
		e.env = env
	}
	ast, issues := e.env.Compile(expr)
	if issues.Err() != nil {
		return nil, oneLine(issues.Err())
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("it gives %s, not a bool", t)
	}
	return e.env.Program(ast, cel.CostLimit(maxCost))
}

// evaluate tells what the expression says of a dependency. An error that is not
// errBadExpression may pass: the status lacks a field that it will have.
func (e *expressions) evaluate(expr string, self, dep *v1alpha1.BatchJob) (bool, error) {
	program, err := e.compile(expr)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errBadExpression, err)
	}
	vars := map[string]any{}
	for name, job := range map[string]*v1alpha1.BatchJob{"self": self, "dep": dep} {
		if vars[name], err = asObject(job); err != nil {
			return false, err
		}
	}
	value, details, err := program.Eval(vars)
	if err != nil {
		if details != nil && details.ActualCost() != nil && *details.ActualCost() > maxCost {
			err = errors.Join(errBadExpression, errors.New("it costs too much to evaluate"))
		}
		return false, oneLine(err)
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, oneLine(fmt.Errorf("%w: it gives %s, not a bool", errBadExpression, value.Type().TypeName()))
	}
	return bool(holds), nil
}

// asObject is a job as its author knows it, with the counters that are left out
// of the status while they are 0.
func asObject(job *v1alpha1.BatchJob) (map[string]any, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(job)
	if err != nil {
		return nil, fmt.Errorf("converting BatchJob %s/%s for CEL: %w", job.Namespace, job.Name, err)
	}
	if status, ok := object["status"].(map[string]any); ok {
		for _, counter := range []string{"active", "succeeded", "failed"} {
			if _, ok := status[counter]; !ok {
				status[counter] = int64(0)
			}
		}
	}
	return object, nil
}

// oneLine takes the drawings out of CEL's errors, and keeps what they wrap.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "<input>:", "")), " ")
	if before, _, drawn := strings.Cut(text, " | "); drawn {
		text = before
	}
	if len(text) > maxExprError {
		text = strings.ToValidUTF8(text[:maxExprError], "") + "…"
	}
	return said{text, err}
}

// said is an error in other words.
type said struct {
	text  string
	cause error
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.cause }
