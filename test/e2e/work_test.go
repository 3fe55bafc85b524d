//go:build e2e

package e2e

import (
	"fmt"
	"strings"
)

// work is a job as a team writes it into git: for batch/v1 and for ours the
// same but for apiVersion and kind.
type work struct {
	kind string // Job or BatchJob
	name string
	// image differs from release to release; all of them are the same busybox.
	image string
	// script is what the container runs, seconds and exit what a simulated node
	// is told of it.
	script  string
	seconds int
	exit    int
	// annotations of the object and fields of its spec, one per element.
	annotations, spec []string
}

const (
	v1 = "busybox:1.28"
	v2 = "busybox:1.36"
	v3 = "busybox:1.37"
)

// quick succeeds at once, failing fails, lasting goes on until it is asked to
// end.
func quick(kind, name, image string, spec ...string) work {
	return work{kind: kind, name: name, image: image, script: "true", seconds: 1, spec: spec}
}

func failing(kind, name, image string) work {
	return work{kind: kind, name: name, image: image, script: "echo 'no such table' >&2; exit 3", seconds: 1, exit: 3}
}

func lasting(name, image string) work {
	return work{kind: "BatchJob", name: name, image: image, script: waits, seconds: 3600}
}

func apiVersionOf(kind string) string {
	if strings.HasPrefix(kind, "Batch") || strings.HasPrefix(kind, "CronBatch") {
		return "batch.stint.dev/v1alpha1"
	}
	return "batch/v1"
}

func lines(indent int, of []string) string {
	var out strings.Builder
	for _, l := range of {
		out.WriteString("\n" + strings.Repeat(" ", indent) + strings.ReplaceAll(l, "\n", "\n"+strings.Repeat(" ", indent)))
	}
	return out.String()
}

func (w work) String() string {
	return fmt.Sprintf(`apiVersion: %s
kind: %s
metadata:
  name: %s
  annotations:
    example.com/team: data%s
%s`, apiVersionOf(w.kind), w.kind, w.name, lines(4, w.annotations), w.specText(0))
}

// specText is the spec of the job, indented.
func (w work) specText(indent int) string {
	text := fmt.Sprintf(`spec:
  backoffLimit: 0%s
  template:
    metadata:
      annotations: {simulate.stint.dev/seconds: "%d", simulate.stint.dev/exit-code: "%d"}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: %s
        command: ["/bin/sh", "-c", %q]
`, lines(2, w.spec), w.seconds, w.exit, w.image, w.script)
	pad := strings.Repeat(" ", indent)
	return pad + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n"+pad), pad)
}

// scheduled is the CronJob, or CronBatchJob, that runs this work.
func (w work) scheduled(schedule string) string {
	kind := "CronJob"
	if strings.HasPrefix(w.kind, "Batch") {
		kind = "CronBatchJob"
	}
	return fmt.Sprintf(`apiVersion: %s
kind: %s
metadata: {name: %s}
spec:
  schedule: %q
  jobTemplate:
%s`, apiVersionOf(kind), kind, w.name, schedule, w.specText(4))
}
