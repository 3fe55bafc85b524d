//go:build integration

package integration

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// TestBatchV1RefusesTheSame sends the rows of batch/v1's rules to batch/v1 itself:
// what is refused here is refused there, for the same field, and what is accepted
// here is accepted there.
func TestBatchV1RefusesTheSame(t *testing.T) {
	ns := newNamespace(t)
	for _, rule := range slices.Concat(batchV1Rules, labelRules, policyRules) {
		t.Run(rule.name, func(t *testing.T) {
			object := manifest(t, minimalJob, indent("spec", rule.spec))
			object.SetGroupVersionKind(builtinKind)
			err := tryCreate(t, object, ns)
			if problem := sameRefusal(err, rule.field); problem != nil {
				t.Error(problem)
			}
		})
	}
}

// sameRefusal tells what is different if err does not name the field, or one
// above or below it.
func sameRefusal(err error, field string) error {
	switch {
	case err == nil && field == "":
		return nil
	case err == nil:
		return fmt.Errorf("we refuse %s, batch/v1 does not", field)
	case field == "":
		return fmt.Errorf("we accept it, batch/v1 says: %w", err)
	case apierrors.IsBadRequest(err) && strings.Contains(err.Error(), index.ReplaceAllString(field, "")):
		return nil // a number that does not fit its type: it comes no further than the decoder
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return err
	}
	for _, cause := range status.Status().Details.Causes {
		if partOf(cause.Field, field) || partOf(field, cause.Field) {
			return nil
		}
	}
	return fmt.Errorf("we refuse %s, batch/v1 says: %w", field, err)
}

// index is that of a list in the path of a field.
var index = regexp.MustCompile(`\[\d+\]`)

// partOf tells whether a field is another one, or a part of it.
func partOf(field, of string) bool {
	rest, ok := strings.CutPrefix(field, of)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
