package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

const samplesDir = "../../config/samples"

// A sample is a manifest of a batch/v1 Job by another apiVersion and kind, but
// where it is there to show a field of ours.
func TestSamplesAreJobsByAnotherName(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(samplesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d samples: %v", len(files), err)
	}
	ours := []string{"failing-import.yaml"} // spec.backoff
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte("kind: BatchJob")) || slices.Contains(ours, filepath.Base(file)) {
			continue
		}
		text := strings.NewReplacer("batch.stint.dev/v1alpha1", "batch/v1", "kind: BatchJob", "kind: Job").Replace(string(b))
		if err := yaml.UnmarshalStrict([]byte(text), &batchv1.Job{}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(samplesDir, "hello.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("batch.stint.dev/v1alpha1", "batch/v1", "kind: CronBatchJob", "kind: CronJob").Replace(string(b))
	if err := yaml.UnmarshalStrict([]byte(text), &batchv1.CronJob{}); err != nil {
		t.Error(err)
	}
}

func TestKustomizationNamesEverySample(t *testing.T) {
	samples, err := readSamples(samplesDir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(samplesDir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != len(files)-1 { // kustomization.yaml itself
		t.Errorf("it names %d of %d", len(samples), len(files)-1)
	}
	names := map[string]bool{}
	for _, s := range samples {
		if names[s.GetName()] {
			t.Errorf("two samples are called %s, and would be one object", s.GetName())
		}
		names[s.GetName()] = true
		if s.GetNamespace() != "" {
			t.Errorf("%s names a namespace", s.GetName())
		}
	}
}

func TestTablesDifferByMoreThanAge(t *testing.T) {
	of := func(status, age string) *table {
		return &table{header: []string{"NAME", "STATUS", "AGE"}, rows: [][]string{{"pi", status, age}}}
	}
	if !of("Running", "1s").same(of("Running", "9s")) {
		t.Error("a table that has only grown older is shown again")
	}
	if of("Running", "1s").same(of("Complete", "1s")) || of("Running", "1s").same(nil) {
		t.Error("a table that has changed is not shown")
	}
	var out bytes.Buffer
	if err := of("Complete", "1s").write(&out); err != nil {
		t.Fatal(err)
	}
	if want := "NAME   STATUS     AGE\npi     Complete   1s\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
