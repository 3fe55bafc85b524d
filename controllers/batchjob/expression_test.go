package batchjob

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestExpressions: what an expression says of a job, and whether an error may
// pass.
func TestExpressions(t *testing.T) {
	dep := job(func(j *v1alpha1.BatchJob) {
		j.Labels = map[string]string{"tier": "db"}
		j.Status.Succeeded, j.Status.Phase = 3, v1alpha1.PhaseRunning
	})
	self := job(func(j *v1alpha1.BatchJob) { j.Spec.Parallelism = new(int32(3)) })
	const yes, no, later, never = "yes", "no", "later", "never"
	for expr, want := range map[string]string{
		"dep.status.succeeded >= 3":                     yes,
		"dep.status.succeeded > 3":                      no,
		"dep.status.failed == 0":                        yes, // left out of the object while it is 0
		"dep.status.phase == 'Running'":                 yes,
		"dep.metadata.labels['tier'] == 'db'":           yes,
		"dep.metadata.?labels.tier.orValue('') == 'db'": yes,
		"dep.status.succeeded >= self.spec.parallelism": yes,
		"has(dep.status.completionTime)":                no,
		"dep.status.completionTime != ''":               later, // no such key, yet
		"dep.status.run.number > 1":                     later,
		"dep.status.succeeded":                          never, // no bool
		"1 + 1":                                         never,
		"dep.status.":                                   never,
		"nobody.status":                                 never,
		"''.matches('(')":                               later,
		costly:                                          never,
		"[1].exists(x, x == dep.status.succeeded - 2)":  yes,
		"timestamp(dep.metadata.creationTimestamp) < timestamp('x')": later,
	} {
		exprs := newExpressions()
		for range 2 { // compiled, and from the cache
			holds, err := exprs.evaluate(expr, self, dep)
			got := map[bool]string{true: yes, false: no}[holds]
			if err != nil {
				got = map[bool]string{true: never, false: later}[errors.Is(err, errBadExpression)]
				if strings.ContainsAny(err.Error(), "\n\t|") || len(err.Error()) > 400 {
					t.Errorf("%s: the error is %q", expr, err)
				}
			}
			same(t, expr, got, want)
		}
	}
}

// costly would keep a worker busy for minutes.
var costly = "[" + strings.TrimSuffix(strings.Repeat("0,", 60), ",") + "]" + strings.Repeat(".map(x, [0,0,0,0,0,0,0,0,0,0])", 1) +
	".all(a, [" + strings.TrimSuffix(strings.Repeat("0,", 60), ",") + "].all(b, [" + strings.TrimSuffix(strings.Repeat("0,", 60), ",") +
	"].all(c, [" + strings.TrimSuffix(strings.Repeat("0,", 60), ",") + "].all(d, true))))"

// TestCompiledOnce: and not kept without bound.
func TestCompiledOnce(t *testing.T) {
	exprs := newExpressions()
	for i := range maxPrograms + 5 {
		if _, err := exprs.compile(fmt.Sprintf("dep.status.failed < %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(exprs.programs); n > maxPrograms {
		t.Errorf("%d programs are kept", n)
	}
}
