//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// killed takes the operator away twice in the middle of a job of 20 pods: its
// pod is deleted by force, and its process gets a SIGKILL. Both go on at another
// point of the job each time. Pods end all the while.
func killed(t *testing.T) {
	for round := 1; round <= 3; round++ {
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			s := newSpace(t)
			s.apply(script("twenty", "Never", "sleep 2", "completions: 20", "parallelism: 4"))
			s.succeeded("twenty", 2*round)
			s.deletePodByForce()
			s.operatorReady()
			s.succeeded("twenty", 8+2*round)
			s.killProcess()
			s.phase("twenty", v1alpha1.PhaseComplete, 3*time.Minute)
			s.counted("twenty", 20)
		})
	}
}

// succeeded waits until at least so many are counted, and fails if the job is
// over by then: the kill has to come in the middle.
func (s *space) succeeded(name string, atLeast int) {
	s.Helper()
	s.eventually(2*time.Minute, fmt.Sprintf("%d of %s have succeeded", atLeast, name), func(ctx context.Context) error {
		job, err := s.job(ctx, name)
		if err == nil && int(job.Status.Succeeded) < atLeast {
			err = fmt.Errorf("%d have", job.Status.Succeeded)
		}
		if err == nil && job.IsFinished() {
			s.Fatalf("%s has ended before the kill\n%s", name, s.describe())
		}
		return err
	})
}

// operator is the one pod of the operator that is not on its way out.
func operator(ctx context.Context) (*corev1.Pod, error) {
	var list corev1.PodList
	if err := api.List(ctx, &list, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/instance": release}); err != nil {
		return nil, err
	}
	pods := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	if len(pods) != 1 {
		return nil, fmt.Errorf("%d pods of the operator in %s, want one", len(pods), system)
	}
	return &pods[0], nil
}

// operatorReady waits for a pod that answers its probe.
func (s *space) operatorReady() *corev1.Pod {
	s.Helper()
	var pod *corev1.Pod
	s.eventually(soon, "the operator is ready", func(ctx context.Context) error {
		var err error
		if pod, err = operator(ctx); err != nil {
			return err
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("pod %s is %s", pod.Name, pod.Status.Phase)
	})
	return pod
}

func (s *space) deletePodByForce() {
	s.Helper()
	pod := s.operatorReady()
	if err := api.Delete(s.Context(), pod, &client.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
		s.Fatal(err)
	}
}

// killProcess sends SIGKILL to the operator's process and waits until the
// kubelet has noticed. Where the node is another machine, the pod is deleted
// by force instead.
func (s *space) killProcess() {
	s.Helper()
	pod := s.operatorReady()
	pid, err := processOf(pod)
	if err != nil {
		s.Logf("no process of the operator on this machine (%v): deleting its pod again", err)
		s.deletePodByForce()
		return
	}
	before := pod.Status.ContainerStatuses[0].RestartCount
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.Fatal(err)
	}
	s.eventually(soon, "the container is restarted", func(ctx context.Context) error {
		now, err := core.CoreV1().Pods(system).Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && now.Status.ContainerStatuses[0].RestartCount <= before {
			err = fmt.Errorf("%d restarts, as before", before)
		}
		return err
	})
}

// processOf finds the operator's process by the cgroup of its pod, so that
// nobody else's is ever hit.
func processOf(pod *corev1.Pod) (int, error) {
	uid := string(pod.UID)
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		groups, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(groups, []byte(uid)) && !bytes.Contains(groups, []byte(strings.ReplaceAll(uid, "-", "_"))) {
			continue // gone meanwhile, or of another pod
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil || !strings.HasPrefix(string(line), "/stint-controller\x00") {
			continue // the pause container
		}
		return strconv.Atoi(filepath.Base(filepath.Dir(file)))
	}
	return 0, errors.New("none in the pod's cgroup")
}
