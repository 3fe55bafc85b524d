package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// table is what the API server answers to `kubectl get batchjobs`: its columns
// and rows, not ours.
type table struct {
	header []string
	rows   [][]string
}

// get asks for the table of the samples; other jobs of the namespace are left
// out.
func (d *demo) get(ctx context.Context) (*table, error) {
	b, err := d.core.CoreV1().RESTClient().Get().
		AbsPath("/apis", v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, "namespaces", d.namespace, "batchjobs").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the table of BatchJobs: %w", err)
	}
	var answer metav1.Table
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, err
	}
	t := &table{}
	for _, c := range answer.ColumnDefinitions {
		if c.Priority == 0 {
			t.header = append(t.header, strings.ToUpper(c.Name))
		}
	}
	for _, row := range answer.Rows {
		var object metav1.PartialObjectMetadata
		if err := json.Unmarshal(row.Object.Raw, &object); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(d.jobs(), func(j *v1alpha1.BatchJob) bool { return j.Name == object.Name }) {
			t.rows = append(t.rows, cells(answer.ColumnDefinitions, row.Cells))
		}
	}
	return t, nil
}

func cells(columns []metav1.TableColumnDefinition, row []any) []string {
	var out []string
	for i, c := range columns {
		switch {
		case c.Priority != 0:
		case row[i] == nil:
			out = append(out, "")
		default:
			out = append(out, fmt.Sprint(row[i]))
		}
	}
	return out
}

// write aligns as kubectl does.
func (t *table) write(w io.Writer) error {
	aligned := tabwriter.NewWriter(w, 6, 4, 3, ' ', 0)
	for _, line := range append([][]string{t.header}, t.rows...) {
		fmt.Fprintln(aligned, strings.Join(line, "\t"))
	}
	return aligned.Flush()
}

// same tells whether two tables differ in nothing but the age of the jobs.
func (t *table) same(other *table) bool {
	if other == nil {
		return false
	}
	age := slices.Index(t.header, "AGE")
	return slices.EqualFunc(t.rows, other.rows, func(a, b []string) bool {
		for i := range a {
			if i != age && a[i] != b[i] {
				return false
			}
		}
		return true
	})
}
