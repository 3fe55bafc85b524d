package dock

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const everyValue = repository + "/config/chart/testdata/all-values.yaml"

// render is the chart with these arguments, by kind of object.
func render(t *testing.T, args ...string) map[string][]byte {
	t.Helper()
	helm := os.Getenv("HELM")
	if _, err := os.Stat(helm); err != nil {
		t.Skip("HELM names no helm: run `make test`")
	}
	cmd := exec.Command(helm, append([]string{"template", "stint", filepath.Join(repository, "charts", "stint"), "--namespace", "stint-system"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	objects := map[string][]byte{}
	for doc := range strings.SplitSeq("\n"+string(out), "\n---\n") {
		var head struct{ Kind string }
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			t.Fatal(err)
		}
		objects[head.Kind] = []byte(doc)
	}
	return objects
}

// TestServiceMonitor has no field that the Prometheus operator does not know,
// and selects the port that the Service has.
func TestServiceMonitor(t *testing.T) {
	for _, args := range [][]string{{"--set", "metrics.serviceMonitor.enabled=true"}, {"--values", everyValue}} {
		objects := render(t, args...)
		var monitor monitoringv1.ServiceMonitor
		if err := yaml.UnmarshalStrict(objects["ServiceMonitor"], &monitor); err != nil {
			t.Fatalf("%v in\n%s", err, objects["ServiceMonitor"])
		}
		if e := monitor.Spec.Endpoints; len(e) != 1 || !strings.Contains(string(objects["Service"]), "name: "+e[0].Port+"\n") {
			t.Errorf("%v: endpoints %+v", args, e)
		}
	}
}

// rules of the rendered PrometheusRule, as Prometheus reads them.
func rules(t *testing.T, args ...string) []rulefmt.RuleGroup {
	t.Helper()
	text := render(t, args...)["PrometheusRule"]
	var rule monitoringv1.PrometheusRule
	if err := yaml.UnmarshalStrict(text, &rule); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	file, err := yaml.Marshal(rule.Spec)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatalf("%v in\n%s", errs, file)
	}
	return groups.Groups
}

// TestAlerts: Prometheus takes every expression and template, the manual has a
// chapter for each alert, and those that need kube-state-metrics come with its
// configuration only.
func TestAlerts(t *testing.T) {
	manual, err := os.ReadFile(repository + "/charts/docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	own := rules(t, "--set", "metrics.rules.enabled=true")
	all := rules(t, "--set", "metrics.rules.enabled=true,kubeStateMetrics.enabled=true,metrics.rules.alertLabels.team=a")
	if len(own) != 1 || len(all) != 2 {
		t.Fatalf("%d groups, with kube-state-metrics %d", len(own), len(all))
	}
	for _, group := range all {
		for _, rule := range group.Rules {
			if !strings.Contains(string(manual), "\n## "+rule.Alert+"\n") {
				t.Errorf("charts/docs/alerts.md has no chapter %s", rule.Alert)
			}
			if !strings.HasSuffix(rule.Annotations["runbook_url"], "#"+strings.ToLower(rule.Alert)) ||
				!slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) || rule.Labels["team"] != "a" {
				t.Errorf("%s: %v %v", rule.Alert, rule.Labels, rule.Annotations)
			}
			if strings.Contains(rule.Expr, "OPERATOR") {
				t.Errorf("%s selects nothing: %s", rule.Alert, rule.Expr)
			}
		}
	}
}

// TestDashboard: Grafana's variables filled in, Prometheus takes every query.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(repository + "/charts/stint/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || len(board.Panels) < 10 {
		t.Fatalf("%v, %d panels", err, len(board.Panels))
	}
	fill := strings.NewReplacer("$__rate_interval", "5m", "$namespace", "a", "$job", "b")
	seen := map[int]bool{}
	for _, panel := range board.Panels {
		if seen[panel.ID] || len(panel.Targets) == 0 {
			t.Errorf("panel %d, %s: an id of another's, or no query", panel.ID, panel.Title)
		}
		seen[panel.ID] = true
		for _, target := range panel.Targets {
			if _, err := parser.NewParser(parser.Options{}).ParseExpr(fill.Replace(target.Expr)); err != nil {
				t.Errorf("%s: %v", panel.Title, err)
			}
		}
	}
	var cm struct{ Data map[string]string }
	if err := yaml.Unmarshal(render(t, "--set", "metrics.dashboard.enabled=true")["ConfigMap"], &cm); err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(cm.Data["stint.json"]) != strings.TrimSpace(string(text)) {
		t.Error("the ConfigMap has another dashboard")
	}
}
