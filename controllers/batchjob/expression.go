package batchjob

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/mould"
)

// maxPrograms is how many compiled expressions are kept.
const maxPrograms = 1024

// errBadExpression: it will not do better with another status of the dependency.
var errBadExpression = errors.New("the expression is wrong")

// expressions compiles each readyExpr once.
type expressions struct {
	mu       sync.Mutex
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
	program, err := mould.CompileReadyExpr(expr)
	e.programs[expr] = compiled{program, err}
	return program, err
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
		if details != nil && details.ActualCost() != nil && *details.ActualCost() > mould.MaxCost {
			err = errors.Join(errBadExpression, errors.New("it costs too much to evaluate"))
		}
		return false, mould.OneLine(err)
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, mould.OneLine(fmt.Errorf("%w: it gives %s, not a bool", errBadExpression, value.Type().TypeName()))
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
