//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// missingImage is mended by a corrected manifest, as no container has run.
func missingImage(s *space) {
	bad := script("typo", "Never", "echo found")
	s.apply(strings.ReplaceAll(bad, "image: busybox", "image: registry.example.com/team/busybx:v1"))
	s.says("typo", v1alpha1.ReasonProgressing, "ImagePullBackOff", "registry.example.com/team/busybx:v1")
	if c := s.columns("typo"); !strings.Contains(c["REASON"], "ImagePullBackOff") || c["COMPLETIONS"] != "0/1" {
		s.Errorf("columns %q", c)
	}
	s.apply(bad)
	s.phase("typo", v1alpha1.PhaseComplete, soon)
}

// stuckDrain: the pod of a run that is superseded has begun, so the next run
// waits for it, though it never gets on; the message says why, and the way out.
func stuckDrain(s *space) {
	half := strings.Replace(script("half", "Never", "true"), "      containers:", `      initContainers:
      - {name: prepare, image: busybox, command: ["true"]}
      containers:`, 1)
	s.apply(strings.Replace(half, "- name: main\n        image: busybox", "- name: main\n        image: registry.example.com/team/busybx:v1", 1))
	s.says("half", v1alpha1.ReasonProgressing, "ImagePullBackOff")
	s.apply(half)
	pod := s.podOf("half")
	s.says("half", v1alpha1.ReasonDraining, pod, `container "main": ImagePullBackOff: the image registry.example.com/team/busybx:v1 cannot be pulled`, "delete the pod")
	if c := s.columns("half"); c["REASON"] != "Draining: ImagePullBackOff" {
		s.Errorf("columns %q", c)
	}
	s.kubectl("delete", "pod", pod)
	s.run("half", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
}

// crashLoop is a container that fails again and again in the same pod.
func crashLoop(s *space) {
	s.apply(script("loop", "OnFailure", "echo 'no such table' >&2; exit 3"))
	s.says("loop", v1alpha1.ReasonProgressing, `container "main" exited with code 3`, "no such table")
	// While it runs once more, nothing is wrong.
	s.eventually(soon, "REASON tells", func(context.Context) error {
		if c := s.columns("loop"); c["REASON"] != "exit 3: no such table" {
			return fmt.Errorf("columns %q", c)
		}
		return nil
	})
}

func badImage(s *space) {
	s.apply(strings.ReplaceAll(script("noname", "Never", "true"), "image: busybox", `image: "Busybox Latest"`))
	s.says("noname", v1alpha1.ReasonProgressing, "InvalidImageName")
	if c := s.columns("noname"); !strings.Contains(c["REASON"], "InvalidImageName") {
		s.Errorf("columns %q", c)
	}
}

func missingServiceAccount(s *space) {
	s.apply(script("as-robot", "Never", "true") + "      serviceAccountName: robot\n")
	s.says("as-robot", v1alpha1.ReasonProgressingWithRetry, `serviceaccount "robot" not found`)
	if c := s.columns("as-robot"); !strings.Contains(c["REASON"], v1alpha1.ReasonProgressingWithRetry) {
		s.Errorf("columns %q", c)
	}
	s.kubectl("create", "serviceaccount", "robot")
	s.phase("as-robot", v1alpha1.PhaseComplete, soon)
	s.counted("as-robot", 1)
}

func quota(s *space) {
	s.kubectl("create", "quota", "none", "--hard=pods=0")
	s.eventually(soon, "the quota is in force", func(context.Context) error {
		if out := s.kubectl("get", "quota", "none", "-o", "jsonpath={.status.hard.pods}"); out != "0" {
			return fmt.Errorf("its status says %q", out)
		}
		return nil
	})
	s.apply(script("poor", "Never", "true"))
	s.says("poor", v1alpha1.ReasonProgressingWithRetry, "exceeded quota: none")
	if c := s.columns("poor"); !strings.HasPrefix(c["REASON"], v1alpha1.ReasonProgressingWithRetry+": exceeded quota: none") {
		s.Errorf("columns %q", c)
	}
	s.kubectl("patch", "quota", "none", "--type=merge", "-p", `{"spec":{"hard":{"pods":"5"}}}`)
	s.phase("poor", v1alpha1.PhaseComplete, soon)
	s.counted("poor", 1)
}

// rejectedPod: the schema admits it, and only the pod's creation tells.
func rejectedPod(s *space) {
	good := script("odd", "Never", "true")
	s.apply(strings.ReplaceAll(good, "image: busybox", "image: busybox\n        ports: [{containerPort: 99999}]"))
	job := s.says("odd", v1alpha1.ReasonPodRejected, "containerPort", "must be between 1 and 65535")
	if !meta.IsStatusConditionTrue(job.Status.Conditions, v1alpha1.ConditionStalled) || job.Status.Phase != v1alpha1.PhaseStalled {
		s.Errorf("phase %s, conditions %+v", job.Status.Phase, job.Status.Conditions)
	}
	s.apply(good)
	s.phase("odd", v1alpha1.PhaseComplete, soon)
	s.counted("odd", 1)
}

// badManifests are refused by the API server; what the field is called there
// depends on whether schema, rule or decoder tells.
func badManifests(s *space) {
	good := script("bad", "Never", "true")
	for what, c := range map[string]struct {
		manifest string
		field    string
	}{
		"restartPolicy Always": {script("bad", "Always", "true"), "spec.template.spec.restartPolicy"},
		"no restartPolicy":     {strings.Replace(good, "restartPolicy: Never", "priority: 0", 1), "spec.template.spec.restartPolicy"},
		"negative completions": {script("bad", "Never", "true", "completions: -1"), "spec.completions"},
		"negative parallelism": {script("bad", "Never", "true", "parallelism: -1"), "spec.parallelism"},
		"negative limit":       {script("bad", "Never", "true", "backoffLimit: -1"), "spec.backoffLimit"},
		"negative deadline":    {script("bad", "Never", "true", "activeDeadlineSeconds: -1"), "spec.activeDeadlineSeconds"},
		"negative ttl":         {script("bad", "Never", "true", "ttlSecondsAfterFinished: -1"), "spec.ttlSecondsAfterFinished"},
		"unknown field":        {script("bad", "Never", "true", "paralellism: 2"), "paralellism"},
		"unknown in the pod":   {strings.Replace(good, "image:", "imagee: x\n        image:", 1), "imagee"},
		"a selector alone":     {script("bad", "Never", "true", "selector: {matchLabels: {a: b}}"), "spec.selector"},
		"a bad label value":    {script("bad", "Never", "true", "manualSelector: true", "selector: {matchLabels: {a: 'b c'}}"), "spec.selector.matchLabels"},
		"a bad operator":       {script("bad", "Never", "true", "manualSelector: true", "selector: {matchExpressions: [{key: a, operator: Is}]}"), "spec.selector.matchExpressions"},
		"a text for a number":  {script("bad", "Never", "true", "completions: three"), "spec.completions"},
	} {
		for _, how := range [][]string{{"apply"}, {"apply", "--server-side"}, {"create"}} {
			out, err := s.try(append(how, "--validate=strict", "-f", "-", c.manifest)...)
			if err == nil || !strings.Contains(out, c.field) {
				s.Errorf("%s, kubectl %v: %v, want an error that names %s:\n%s", what, how, err, c.field, out)
			}
		}
	}
	if out := s.kubectl("get", "batchjobs", "-o", "name"); out != "" {
		s.Errorf("accepted: %s", out)
	}
}
