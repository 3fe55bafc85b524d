package mould

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
)

const (
	// MaxCost is what the evaluation of one readyExpr may cost, as much as the
	// API server allows to one CEL rule: about a tenth of a second.
	MaxCost = 1_000_000
	// maxExprError is how much of an error of CEL goes into a condition.
	maxExprError = 300
)

// CompileReadyExpr compiles an expression over the jobs self and dep. It fails
// where that can never give a bool.
func CompileReadyExpr(expr string) (cel.Program, error) {
	env, err := cel.NewEnv(cel.Variable("dep", cel.DynType), cel.Variable("self", cel.DynType), cel.OptionalTypes())
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(expr)
	if issues.Err() != nil {
		return nil, OneLine(issues.Err())
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("it gives %s, not a bool", t)
	}
	return env.Program(ast, cel.CostLimit(MaxCost))
}

// OneLine takes the drawings out of CEL's errors, and keeps what they wrap.
func OneLine(err error) error {
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
