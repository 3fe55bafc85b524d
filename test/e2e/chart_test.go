//go:build e2e

package e2e

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const chartDir = "../../charts/stint"

// helm runs the chart's own tool; `make test-e2e` says which.
func (s *space) helm(args ...string) string {
	s.Helper()
	out, err := command(s.Context(), "", cmp.Or(os.Getenv("HELM"), "helm"), append([]string{"--namespace=" + system}, args...)...)
	if err != nil {
		s.Fatalf("helm %v: %v\n%s", args, err, out)
	}
	return out
}

// chart leaves the release as it was found.
func chart(t *testing.T) {
	s := newSpace(t)
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, []byte(s.helm("get", "values", release, "-o", "yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	install := func(more ...string) {
		t.Helper()
		s.helm(append([]string{"upgrade", "--install", release, chartDir, "--values=" + values, "--wait", "--timeout=2m"}, more...)...)
	}
	before := s.operatorReady()
	s.apply(script("during", "Never", "sleep 2", "completions: 6", "parallelism: 2"))
	s.succeeded("during", 1)

	install("--set=logLevel=debug")
	after := s.operatorReady()
	if after.UID == before.UID {
		t.Error("a changed value did not replace the operator's pod")
	}
	s.phase("during", v1alpha1.PhaseComplete, 2*time.Minute)
	s.counted("during", 6)

	s.apply(script("survivor", "Never", waits))
	s.running("survivor", 1)
	s.helm("uninstall", release, "--wait", "--timeout=2m")
	if out := s.kubectl("get", "crd", "batchjobs.batch.stint.dev", "cronbatchjobs.batch.stint.dev", "-o", "name"); out == "" {
		t.Error("uninstalling has removed the CRDs")
	}
	s.running("survivor", 1)
	if job, err := s.job(t.Context(), "survivor"); err != nil || job.Status.Active != 1 {
		t.Errorf("uninstalling has changed a job: %v\n%s", err, s.describe())
	}

	install()
	s.operatorReady()
	s.apply(script("afterwards", "Never", "true"))
	s.phase("afterwards", v1alpha1.PhaseComplete, soon)
	s.kubectl("delete", "batchjob", "survivor", "--timeout=60s")
	s.noPods("survivor")
}

// metrics are asked for through a forwarded port, so that no proxy adds or
// takes away who is asking.
func metrics(s *space) {
	base := "https://" + s.forward("8443")
	s.kubectl("create", "serviceaccount", "nobody")
	s.kubectl("create", "serviceaccount", "prometheus")
	binding := s.name + "-metrics"
	s.kubectl("create", "clusterrolebinding", binding, "--clusterrole="+release+"-controller-metrics-reader", "--serviceaccount="+s.name+":prometheus")
	s.Cleanup(func() {
		if out, err := command(context.Background(), "", "kubectl", "delete", "clusterrolebinding", binding); err != nil {
			s.Errorf("%v: %s", err, out)
		}
	})
	for _, c := range []struct {
		account string
		want    int
	}{{"", http.StatusUnauthorized}, {"nobody", http.StatusForbidden}, {"prometheus", http.StatusOK}} {
		for _, path := range []string{"/metrics", "/debug/pprof/heap"} {
			want := c.want
			if c.account == "prometheus" && path != "/metrics" {
				want = http.StatusForbidden // a profile is not a metric
			}
			s.eventually(soon, fmt.Sprintf("%s as %q answers %d", path, c.account, want), func(ctx context.Context) error {
				got, err := s.get(ctx, base+path, c.account)
				if err == nil && got != want {
					err = fmt.Errorf("it answers %d", got)
				}
				return err
			})
		}
	}
}

// get asks as a ServiceAccount, or anonymously where it is empty.
func (s *space) get(ctx context.Context, url, account string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if account != "" {
		token, err := core.CoreV1().ServiceAccounts(s.name).CreateToken(ctx, account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if err != nil {
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+token.Status.Token)
	}
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // it signs its own certificate
	defer c.CloseIdleConnections()
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// forward makes a port of the operator one of this machine, until the test ends.
func (s *space) forward(port string) string {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "kubectl", "--namespace="+system, "port-forward", "deployment/"+release+"-controller", ":"+port)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = cmd.Wait() }) // the context has ended it
	line, err := bufio.NewReader(out).ReadString('\n')
	_, rest, _ := strings.Cut(line, "Forwarding from ")
	address, _, found := strings.Cut(rest, " ->")
	if err != nil || !found {
		s.Fatalf("kubectl port-forward: %v, %q", err, line)
	}
	return address
}
