package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Simulated nodes, for machines where a real one cannot be: no root, or no
// Linux. They let everything above the kubelet be tried: Pods are scheduled,
// run and end, and nothing is executed.

var simulatedNodes = []string{"stint-sim1", "stint-sim2"}

// Annotations by which a Pod says how its simulated life goes.
const (
	annotationSeconds  = "simulate.stint.dev/seconds"   // until it ends; default 1
	annotationExitCode = "simulate.stint.dev/exit-code" // default 0
)

// startSimulatedNodes runs the simulator with an identity that may do what a
// kubelet does, and waits until its nodes are Ready.
func (s *session) startSimulatedNodes(ctx context.Context, api *apiClient) error {
	say("the nodes are simulated: no container runs (a real node takes root on Linux)")
	if err := errors.Join(bindSimulator(ctx, api), api.forgetNodes(ctx, nodeName)); err != nil {
		return err
	}
	ca, err := os.ReadFile(s.l.pki("ca.crt"))
	if err != nil {
		return err
	}
	token, err := s.l.token(userSimulator)
	if err != nil {
		return err
	}
	tokenFile := s.l.path("run", "node-simulator.token")
	if err := writeFile(tokenFile, []byte(token), 0o600); err != nil {
		return err
	}
	self, err := s.keepSelf()
	if err != nil {
		return err
	}
	since := time.Now().Add(-10 * time.Second)
	fresh, err := s.l.ensure(component{Name: "node-simulator", Generation: string(ca),
		Argv: []string{self, verbSimulate, s.l.server(), s.l.pki("ca.crt"), tokenFile}})
	if err != nil {
		return err
	}
	if fresh {
		since = time.Now()
	}
	return step("simulated nodes Ready", func() error {
		for _, name := range simulatedNodes {
			err := poll(name, 30*time.Second, func() (bool, error) {
				if err := s.l.alive("node-simulator"); err != nil {
					return false, err
				}
				ok, _ := api.nodeReady(ctx, name, since)
				return ok, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// keepSelf puts a copy of this program where it stays: `go run` removes its own
// at the end, and the simulator must be startable again after that.
func (s *session) keepSelf() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	kept := s.l.path("run", "cluster")
	if self == kept {
		return kept, nil
	}
	return kept, copyFile(self, kept, 0o755)
}

func bindSimulator(ctx context.Context, api *apiClient) error {
	const group = "rbac.authorization.k8s.io"
	rule := func(apiGroup string, resources ...string) map[string]any {
		return map[string]any{"apiGroups": []string{apiGroup}, "resources": resources,
			"verbs": []string{"get", "list", "create", "update", "patch", "delete"}}
	}
	role := map[string]any{"apiVersion": group + "/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": userSimulator},
		"rules": []any{rule("", "nodes", "nodes/status", "pods", "pods/status"), rule("coordination.k8s.io", "leases")}}
	binding := map[string]any{"apiVersion": group + "/v1", "kind": "ClusterRoleBinding", "metadata": map[string]any{"name": userSimulator},
		"roleRef":  map[string]any{"apiGroup": group, "kind": "ClusterRole", "name": userSimulator},
		"subjects": []any{map[string]any{"apiGroup": group, "kind": "User", "name": userSimulator}}}
	return errors.Join(api.create(ctx, "/apis/"+group+"/v1/clusterroles", role), api.create(ctx, "/apis/"+group+"/v1/clusterrolebindings", binding))
}

// simulateMain is the simulator's process: SERVER CAFILE TOKENFILE. Errors are
// logged and tried again: the API server may be away for a while.
func simulateMain(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errUsage
	}
	token, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	api, err := newAPIClient(args[0], args[1], string(token))
	if err != nil {
		return err
	}
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	var reported time.Time
	for {
		if time.Since(reported) > 5*time.Second {
			var failed error
			for _, n := range simulatedNodes {
				failed = errors.Join(failed, reportNode(ctx, api, n))
			}
			if failed == nil {
				reported = time.Now()
			} else {
				say("%s report: %v", time.Now().Format(time.TimeOnly), failed)
			}
		}
		if err := playPods(ctx, api); err != nil {
			say("%s pods: %v", time.Now().Format(time.TimeOnly), err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// reportNode registers a node and renews what shows that it lives.
func reportNode(ctx context.Context, api *apiClient, name string) error {
	meta := map[string]any{"name": name, "labels": map[string]any{"kubernetes.io/hostname": name,
		"kubernetes.io/os": "linux", "simulate.stint.dev/node": "true"}}
	if err := api.create(ctx, "/api/v1/nodes", map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": meta}); err != nil {
		return err
	}
	now := time.Now().UTC().Format(time.RFC3339)
	capacity := map[string]any{"cpu": "64", "memory": "256Gi", "pods": "10000", "ephemeral-storage": "1Ti"}
	condition := func(kind, status string) map[string]any {
		return map[string]any{"type": kind, "status": status, "reason": "Simulated", "message": "simulated", "lastHeartbeatTime": now}
	}
	status := map[string]any{"capacity": capacity, "allocatable": capacity,
		"nodeInfo": map[string]any{"kubeletVersion": "simulated", "operatingSystem": "linux", "containerRuntimeVersion": "none://simulated",
			"architecture": "", "bootID": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "osImage": "", "systemUUID": ""},
		"conditions": []any{condition("Ready", "True"), condition("MemoryPressure", "False"),
			condition("DiskPressure", "False"), condition("PIDPressure", "False")}}
	if err := api.mergePatch(ctx, "/api/v1/nodes/"+name+"/status", map[string]any{"status": status}); err != nil {
		return err
	}
	const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
	spec := map[string]any{"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00")}
	err := api.mergePatch(ctx, leases+"/"+name, map[string]any{"spec": spec})
	if isCode(err, http.StatusNotFound) {
		return api.create(ctx, leases, map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": map[string]any{"name": name}, "spec": spec})
	}
	return err
}

// playPods moves every Pod of the simulated nodes on by at most one step.
func playPods(ctx context.Context, api *apiClient) error {
	var all error
	for _, node := range simulatedNodes {
		var list struct {
			Items []simPod `json:"items"`
		}
		// resourceVersion=0 is answered from the API server's cache.
		if err := api.get(ctx, "/api/v1/pods?resourceVersion=0&fieldSelector=spec.nodeName%3D"+node, &list); err != nil {
			return err
		}
		for _, p := range list.Items {
			err := p.step(ctx, api, time.Now())
			if isCode(err, http.StatusNotFound) || isCode(err, http.StatusConflict) {
				continue // gone or changed since the list was made
			}
			if err != nil {
				all = errors.Join(all, fmt.Errorf("%s/%s: %w", p.Metadata.Namespace, p.Metadata.Name, err))
			}
		}
	}
	return all
}

// number reads a whole number from an annotation.
func (p simPod) number(annotation string, def int) int {
	if n, err := strconv.Atoi(p.Metadata.Annotations[annotation]); err == nil {
		return n
	}
	return def
}
