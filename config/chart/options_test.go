package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

func rendered(t *testing.T, set string) []runtime.Object {
	t.Helper()
	return decode(t, template(t, "--set", set))
}

// one is the only object of a kind whose name ends like that.
func one[T runtime.Object](t *testing.T, objects []runtime.Object, suffix string) T {
	t.Helper()
	var found []T
	for _, object := range only[T](objects) {
		if m, err := meta.Accessor(object); err == nil && strings.HasSuffix(m.GetName(), suffix) {
			found = append(found, object)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects %T named …%s", len(found), *new(T), suffix)
	}
	return found[0]
}

// TestNothingOptionalByDefault: what a cluster may not know is asked for.
func TestNothingOptionalByDefault(t *testing.T) {
	text := string(template(t))
	for _, kind := range []string{"ServiceMonitor", "PrometheusRule", "FlowSchema", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap"} {
		if strings.Contains(text, "kind: "+kind+"\n") {
			t.Errorf("a %s by default", kind)
		}
	}
	if strings.Contains(text, "helm.sh/hook") {
		t.Error("a hook")
	}
}

// TestOneNamespace: nothing outside of its own namespace but the questions of
// the metrics endpoint, which are asked of the cluster.
func TestOneNamespace(t *testing.T) {
	everywhere := one[*rbacv1.ClusterRole](t, decode(t, template(t)), "-controller").Rules

	objects := rendered(t, "watchAllNamespaces=false")
	role := one[*rbacv1.Role](t, objects, "-controller")
	if role.Namespace != "stint-system" || !reflect.DeepEqual(role.Rules, everywhere) {
		t.Errorf("the Role in %q has %v", role.Namespace, role.Rules)
	}
	if b := one[*rbacv1.RoleBinding](t, objects, "-controller"); b.RoleRef.Kind != "Role" || b.Namespace != "stint-system" {
		t.Errorf("%+v", b)
	}
	bindings := only[*rbacv1.ClusterRoleBinding](objects)
	if len(bindings) != 1 || bindings[0].RoleRef.Name != "stint-controller-metrics-auth" {
		t.Errorf("ClusterRoleBindings %v", bindings)
	}
	for _, rule := range one[*rbacv1.ClusterRole](t, objects, "-metrics-auth").Rules {
		if !reflect.DeepEqual(rule.Verbs, []string{"create"}) {
			t.Errorf("more than questions: %v", rule)
		}
	}
	open := rendered(t, "watchAllNamespaces=false,metrics.secure=false")
	if got := only[*rbacv1.ClusterRoleBinding](open); len(got) > 0 {
		t.Errorf("with open metrics nothing is asked of the cluster, and yet there is %v", got)
	}
	args := one[*rbacv1.Role](t, open, "-leader-election") // the lease is in its namespace already
	if args.Namespace != "stint-system" {
		t.Errorf("%v", args)
	}
	for set, want := range map[string][]string{
		"watchAllNamespaces=true":  {"--concurrent=10", "--log-level=info"},
		"watchAllNamespaces=false": {"--concurrent=10", "--log-level=info", "--watch-all-namespaces=false"},
		"metrics.secure=false":     {"--concurrent=10", "--log-level=info", "--metrics-secure=false"},
		"eventsAddr=http://nc/":    {"--concurrent=10", "--log-level=info", "--events-addr=http://nc/"},
	} {
		if got := deployment(t, "--set", set).Spec.Template.Spec.Containers[0].Args; !slices.Equal(got, want) {
			t.Errorf("--set %s: args %v, want %v", set, got, want)
		}
	}
}

// TestAccess: view, edit and admin get their part of our kinds, and nobody
// writes a status.
func TestAccess(t *testing.T) {
	const to = "rbac.authorization.k8s.io/aggregate-to-"
	objects := decode(t, template(t))
	view, edit := one[*rbacv1.ClusterRole](t, objects, "-view"), one[*rbacv1.ClusterRole](t, objects, "-edit")
	for _, role := range []string{"view", "edit", "admin"} {
		if view.Labels[to+role] != "true" || (edit.Labels[to+role] == "true") != (role != "view") {
			t.Errorf("%s: view %v, edit %v", role, view.Labels, edit.Labels)
		}
	}
	if verbs := view.Rules[0].Verbs; !slices.Equal(verbs, []string{"get", "list", "watch"}) {
		t.Errorf("view may %v", verbs)
	}
	for _, rule := range edit.Rules {
		if slices.Contains(rule.Resources, "batchjobs/status") || slices.Contains(rule.Resources, "cronbatchjobs/status") {
			t.Errorf("edit: %v", rule)
		}
	}
	none := one[*rbacv1.ClusterRole](t, rendered(t, "rbac.aggregate=false"), "-view")
	for label := range none.Labels {
		if strings.HasPrefix(label, to) {
			t.Errorf("aggregated all the same: %s", label)
		}
	}
}

// TestCommonLabels: on everything, on no selector, and nothing of the chart's
// own can be changed by them.
func TestCommonLabels(t *testing.T) {
	objects := decode(t, template(t, "--set", "commonLabels.team=a,commonAnnotations.contact=b,podLabels.team=c", "--set-string", `commonLabels.app\.kubernetes\.io/name=x`))
	for _, object := range objects {
		m, err := meta.Accessor(object)
		if err != nil {
			t.Fatal(err)
		}
		if l := m.GetLabels(); l["team"] != "a" || l["app.kubernetes.io/name"] != "stint" || m.GetAnnotations()["contact"] != "b" {
			t.Errorf("%T %s: labels %v, annotations %v", object, m.GetName(), l, m.GetAnnotations())
		}
	}
	d := deployment(t, "--set", "commonLabels.team=a,commonAnnotations.contact=b,podLabels.team=c")
	if _, selected := d.Spec.Selector.MatchLabels["team"]; selected {
		t.Error("a common label is in the selector, which can never change")
	}
	if pod := d.Spec.Template; pod.Labels["team"] != "c" || pod.Annotations["contact"] != "b" {
		t.Errorf("pod: %v %v", pod.Labels, pod.Annotations)
	}
}

func TestAvailability(t *testing.T) {
	objects := rendered(t, "podDisruptionBudget.enabled=true,flowSchema.enabled=true")
	budget := one[*policyv1.PodDisruptionBudget](t, objects, "-controller")
	if !reflect.DeepEqual(budget.Spec.Selector, deployment(t).Spec.Selector) || budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("%+v", budget.Spec)
	}
	flow := one[*flowcontrolv1.FlowSchema](t, objects, "-controller").Spec
	who := flow.Rules[0].Subjects[0].ServiceAccount
	if flow.PriorityLevelConfiguration.Name != "workload-high" || who.Name != "stint-controller" || who.Namespace != "stint-system" {
		t.Errorf("%+v", flow)
	}
	if sa := one[*corev1.ServiceAccount](t, objects, ""); sa.Name != who.Name {
		t.Errorf("the FlowSchema is for %s, the pod is %s", who.Name, sa.Name)
	}
}

func TestNetworkPolicy(t *testing.T) {
	policy := one[*networkingv1.NetworkPolicy](t, rendered(t, "networkPolicy.enabled=true"), "-controller").Spec
	if len(policy.Ingress) != 2 || len(policy.Egress) != 2 || len(policy.PolicyTypes) != 2 {
		t.Fatalf("%+v", policy)
	}
	ports := map[string]bool{}
	for _, port := range deployment(t).Spec.Template.Spec.Containers[0].Ports {
		ports[port.Name] = true
	}
	for _, rule := range policy.Ingress {
		if name := rule.Ports[0].Port.StrVal; !ports[name] {
			t.Errorf("the pod has no port %q", name)
		}
	}
	if len(policy.Ingress[1].From) != 0 || len(policy.Egress[1].To) != 0 {
		t.Errorf("peers that nobody named: %+v", policy)
	}
	all := one[*networkingv1.NetworkPolicy](t, decode(t, template(t, "--values", allSet)), "other").Spec
	if len(all.Ingress[1].From) != 1 || len(all.Egress) != 4 || all.Egress[1].To[0].IPBlock.CIDR != "10.0.0.1/32" ||
		all.Egress[1].Ports[0].Port.IntValue() != 8443 || all.Egress[2].Ports[0].Port.IntValue() != 8080 || all.Egress[3].Ports[0].Port.IntValue() != 3128 {
		t.Errorf("%+v", all)
	}
}

func TestExtras(t *testing.T) {
	objects := decode(t, template(t, "--values", allSet))
	one[*corev1.ConfigMap](t, objects, "stint-more")
	one[*corev1.ConfigMap](t, objects, "text")
	pod := deployment(t, "--values", allSet).Spec.Template.Spec
	c := pod.Containers[0]
	if !slices.Contains(c.Args, "--kube-api-qps=100") || c.Env[len(c.Env)-1].Name != "HTTPS_PROXY" ||
		c.VolumeMounts[0].MountPath != "/more" || pod.Volumes[0].Name != "more" {
		t.Errorf("%+v", pod)
	}
}

// TestReleasePod: the pod that the notes tell people to run may run where the
// operator may, as the operator.
func TestReleasePod(t *testing.T) {
	values := filepath.Join(t.TempDir(), "values.yaml")
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: stint-release}\nspec: {{ (include \"stint.releasePod\" . | fromJson).spec | toJson }}\n"
	text, err := yaml.Marshal(map[string]any{"extraObjects": []string{pod}, "imagePullSecrets": []map[string]string{{"name": "pull"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(values, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got := one[*corev1.Pod](t, decode(t, template(t, "--values", values)), "stint-release").Spec
	operator := deployment(t).Spec.Template.Spec
	if got.ServiceAccountName != operator.ServiceAccountName || !reflect.DeepEqual(got.SecurityContext, operator.SecurityContext) ||
		!reflect.DeepEqual(got.Containers[0].SecurityContext, operator.Containers[0].SecurityContext) || got.ImagePullSecrets[0].Name != "pull" {
		t.Errorf("%+v", got)
	}
}
