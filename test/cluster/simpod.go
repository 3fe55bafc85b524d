package main

import (
	"context"
	"net/http"
	"time"
)

// simPod is what the simulator reads of a Pod.
type simPod struct {
	Metadata struct {
		Name              string            `json:"name"`
		Namespace         string            `json:"namespace"`
		UID               string            `json:"uid"`
		Annotations       map[string]string `json:"annotations"`
		DeletionTimestamp *time.Time        `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		RestartPolicy         string         `json:"restartPolicy"`
		ActiveDeadlineSeconds *int64         `json:"activeDeadlineSeconds"`
		Containers            []simContainer `json:"containers"`
		InitContainers        []simContainer `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase             string     `json:"phase"`
		StartTime         *time.Time `json:"startTime"`
		ContainerStatuses []struct {
			RestartCount int `json:"restartCount"`
			State        struct {
				Running *struct {
					StartedAt time.Time `json:"startedAt"`
				} `json:"running"`
			} `json:"state"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

type simContainer struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// simStep is what happens to a Pod next.
type simStep int

const (
	simNothing simStep = iota
	simStart
	simSucceed
	simFail
	simRestart
	simDeadline
	simKill   // it is being deleted and its containers must end first
	simRemove // they have: the object goes
)

// next decides as a kubelet would, for containers that end by themselves after
// the annotated time. Those of restartPolicy Always run until deleted.
func (p simPod) next(now time.Time) simStep {
	ended := p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed"
	switch {
	case p.Metadata.DeletionTimestamp != nil && ended:
		return simRemove
	case p.Metadata.DeletionTimestamp != nil:
		return simKill
	case ended:
		return simNothing
	case p.Status.StartTime == nil || p.started().IsZero():
		return simStart
	case p.Spec.ActiveDeadlineSeconds != nil && now.Sub(*p.Status.StartTime) > time.Duration(*p.Spec.ActiveDeadlineSeconds)*time.Second:
		return simDeadline
	case p.Spec.RestartPolicy == "Always" || now.Sub(p.started()) < time.Duration(p.number(annotationSeconds, 1))*time.Second:
		return simNothing
	case p.number(annotationExitCode, 0) == 0:
		return simSucceed
	case p.Spec.RestartPolicy == "OnFailure":
		return simRestart
	}
	return simFail
}

// started answers since when the containers run.
func (p simPod) started() time.Time {
	if len(p.Status.ContainerStatuses) == 0 || p.Status.ContainerStatuses[0].State.Running == nil {
		return time.Time{}
	}
	return p.Status.ContainerStatuses[0].State.Running.StartedAt
}

func (p simPod) step(ctx context.Context, api *apiClient, now time.Time) error {
	path := "/api/v1/namespaces/" + p.Metadata.Namespace + "/pods/" + p.Metadata.Name
	var status map[string]any
	switch p.next(now) {
	case simNothing:
		return nil
	case simRemove:
		// With the uid: a new Pod of the same name is none of this one's business.
		return api.do(ctx, http.MethodDelete, path, "application/json", map[string]any{"apiVersion": "v1", "kind": "DeleteOptions",
			"gracePeriodSeconds": 0, "preconditions": map[string]any{"uid": p.Metadata.UID}}, nil)
	case simStart:
		status = p.running(now, 0)
	case simRestart:
		status = p.running(now, p.Status.ContainerStatuses[0].RestartCount+1)
	case simSucceed:
		status = p.ended(now, "Succeeded", "Completed", 0)
	case simFail:
		status = p.ended(now, "Failed", "Error", p.number(annotationExitCode, 1))
	case simDeadline:
		status = p.ended(now, "Failed", "Error", 137)
		status["reason"], status["message"] = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
	case simKill:
		status = p.ended(now, "Failed", "Error", 143)
	}
	return api.mergePatch(ctx, path+"/status", map[string]any{"metadata": map[string]any{"uid": p.Metadata.UID}, "status": status})
}

func (p simPod) running(now time.Time, restarts int) map[string]any {
	at := now.UTC().Format(time.RFC3339)
	status := p.status("True", at, restarts, map[string]any{"running": map[string]any{"startedAt": at}})
	status["phase"] = "Running"
	if p.Status.StartTime == nil {
		status["startTime"] = at
	}
	return status
}

func (p simPod) ended(now time.Time, phase, reason string, code int) map[string]any {
	at := now.UTC().Format(time.RFC3339)
	begin, restarts := p.started(), 0
	if begin.IsZero() {
		begin = now
	} else {
		restarts = p.Status.ContainerStatuses[0].RestartCount
	}
	status := p.status("False", at, restarts, map[string]any{"running": nil, "terminated": map[string]any{"exitCode": code, "reason": reason,
		"startedAt": begin.UTC().Format(time.RFC3339), "finishedAt": at}})
	status["phase"] = phase
	return status
}

// status describes all containers as being in one state.
func (p simPod) status(ready, at string, restarts int, state map[string]any) map[string]any {
	describe := func(cs []simContainer, ready bool, state map[string]any) []any {
		list := []any{}
		for _, c := range cs {
			list = append(list, map[string]any{"name": c.Name, "image": c.Image, "imageID": "simulated", "containerID": "simulated://" + p.Metadata.UID + "/" + c.Name,
				"ready": ready, "started": ready, "restartCount": restarts, "state": state})
		}
		return list
	}
	conditions := []any{}
	for _, t := range []string{"PodScheduled", "Initialized", "ContainersReady", "Ready"} {
		value := "True"
		if t == "Ready" || t == "ContainersReady" {
			value = ready
		}
		conditions = append(conditions, map[string]any{"type": t, "status": value, "lastTransitionTime": at})
	}
	done := map[string]any{"terminated": map[string]any{"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}
	return map[string]any{"conditions": conditions, "hostIP": "192.0.2.1",
		"containerStatuses":     describe(p.Spec.Containers, ready == "True", state),
		"initContainerStatuses": describe(p.Spec.InitContainers, true, done)}
}
