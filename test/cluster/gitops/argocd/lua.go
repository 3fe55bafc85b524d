package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	appv1 "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// luaTask is one question to the Lua of a resource customization; the answer
// stands in luaAnswer at the same place.
type luaTask struct {
	// Object is the resource, as JSON.
	Object map[string]any `json:"object"`
	// Health is the script of resource.customizations.health.
	Health string `json:"health,omitempty"`
	// Actions is the YAML of resource.customizations.actions.
	Actions string `json:"actions,omitempty"`
	// Run names an action to run; empty, the actions are listed.
	Run string `json:"run,omitempty"`
}

type luaAnswer struct {
	Status  string                 `json:"status,omitempty"`
	Message string                 `json:"message,omitempty"`
	Actions []appv1.ResourceAction `json:"actions,omitempty"`
	Changed []map[string]any       `json:"changed,omitempty"`
	Error   string                 `json:"error,omitempty"`
}

// luaCommand reads a JSON list of tasks and prints the list of answers.
func luaCommand() *cobra.Command {
	return &cobra.Command{Use: "lua", Short: "run health and action scripts over objects", RunE: func(*cobra.Command, []string) error {
		in, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		var tasks []luaTask
		if err := json.Unmarshal(in, &tasks); err != nil {
			return fmt.Errorf("reading the tasks: %w", err)
		}
		answers := make([]luaAnswer, len(tasks))
		for i := range tasks {
			if err := answers[i].fill(&tasks[i]); err != nil {
				answers[i].Error = err.Error()
			}
		}
		return json.NewEncoder(os.Stdout).Encode(answers)
	}}
}

func (a *luaAnswer) fill(task *luaTask) error {
	obj := &unstructured.Unstructured{Object: task.Object}
	if task.Health != "" {
		h, err := lua.VM{}.ExecuteHealthLua(obj, task.Health)
		if err != nil {
			return err
		}
		a.Status, a.Message = string(h.Status), h.Message
	}
	if task.Actions == "" {
		return nil
	}
	var actions appv1.ResourceActions
	if err := yaml.UnmarshalStrict([]byte(task.Actions), &actions); err != nil {
		return fmt.Errorf("reading the actions: %w", err)
	}
	if task.Run == "" {
		var err error
		a.Actions, err = lua.VM{}.ExecuteResourceActionDiscovery(obj, []string{actions.ActionDiscoveryLua})
		return err
	}
	for _, d := range actions.Definitions {
		if d.Name != task.Run {
			continue
		}
		impacted, err := lua.VM{}.ExecuteResourceAction(obj, d.ActionLua, nil)
		for _, r := range impacted {
			a.Changed = append(a.Changed, r.UnstructuredObj.Object)
		}
		return err
	}
	return fmt.Errorf("no action is called %q", task.Run)
}
