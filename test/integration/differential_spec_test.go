//go:build integration

package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// scenarios are all of them.
func scenarios() []scenario {
	return slices.Concat(plainScenarios(), restartScenarios(), failureScenarios(), deletionScenarios(), indexedScenarios(), perIndexScenarios(),
		policyScenarios(), successScenarios(), timeScenarios(), suspendScenarios(), elasticScenarios(), handScenarios())
}

// baseSpec is what the spec of a scenario is merged into. Its pods are bound to
// a node, so that they end when they are told to and not with the deletion.
const baseSpec = `
template:
  metadata:
    labels:
      app: NAME
  spec:
    restartPolicy: Never
    nodeName: NODE
    tolerations:
    - operator: Exists
    containers:
    - name: main
      image: busybox
`

func (sc *scenario) specFor(name string) (map[string]any, error) {
	spec := map[string]any{}
	for _, text := range []string{baseSpec, sc.spec} {
		text = strings.NewReplacer("NAME", name, "NODE", nodeName).Replace(text)
		part := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &part); err != nil {
			return nil, fmt.Errorf("%w in:\n%s", err, text)
		}
		merge(spec, toIntegers(part).(map[string]any))
	}
	return spec, nil
}

// nodeName is that of the node that the pods of all scenarios are bound to.
var nodeName string

// startNode makes a node without a kubelet: the scenarios play that. It is kept
// alive, or the built-in controllers would take its pods for lost.
func startNode(t *testing.T) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "differential-"}}
	if err := api.Create(t.Context(), node); err != nil {
		t.Fatalf("making a node: %v", err)
	}
	nodeName = node.Name
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Namespace: corev1.NamespaceNodeLease},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: new(nodeName), LeaseDurationSeconds: new(int32(40)), RenewTime: new(metav1.NowMicro())}}
	t.Cleanup(func() {
		if err := api.Delete(context.WithoutCancel(t.Context()), node); err != nil {
			t.Error(err)
		}
	})
	before := client.MergeFrom(node.DeepCopy())
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
		LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}
	if err := api.Status().Patch(t.Context(), node, before); err != nil {
		t.Fatal(err)
	}
	if err := api.Create(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		beat := time.NewTicker(5 * time.Second)
		defer beat.Stop()
		for {
			select {
			case <-stop:
				return
			case <-beat.C:
				lease.Spec.RenewTime = new(metav1.NowMicro())
				if err := api.Update(context.Background(), lease); err != nil {
					fmt.Println("keeping the node alive:", err)
				}
			}
		}
	}()
}
