package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestFlagDefaults(t *testing.T) {
	o, err := parseFlags(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	le := o.leaderElection
	if !le.Enable || !le.ReleaseOnCancel ||
		le.LeaseDuration != 15*time.Second || le.RenewDeadline != 10*time.Second || le.RetryPeriod != 2*time.Second {
		t.Errorf("leader election: %+v", le)
	}
	if !o.metricsSecure {
		t.Error("metrics are open to everybody")
	}
	if o.retry.MaxRetryDelay != time.Minute {
		t.Errorf("max-retry-delay: %v", o.retry.MaxRetryDelay)
	}
	if !o.watch.AllNamespaces || o.concurrent != 10 || o.api != (apiLimits{qps: 50, burst: 300}) {
		t.Errorf("%+v", o)
	}
}

// --help is what people read, so it must tell our defaults and not Flux's.
func TestHelpTellsTheDefaults(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseFlags([]string{"--help"}, &help); !errors.Is(err, pflag.ErrHelp) {
		t.Fatal(err)
	}
	for _, want := range []string{"(default 15s)", "(default 1m)"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("--help does not say %s", want)
		}
	}
	if strings.Contains(help.String(), "watch-configs-label-selector") {
		t.Error("--help offers a flag that does nothing")
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range []string{
		"--nope", "--concurrent=0", "--concurrent=many", "--kube-api-qps=0", "--kube-api-burst=0",
		"--log-level=loud", "--log-encoding=xml", "--watch-label-selector= ",
		"--watch-label-selector=shard in a", "--watch-label-selector=" + strings.Repeat("!shard,", 200) + "!x", "stray",
		"--events-addr=notification-controller", "--events-addr=ftp://notification-controller/",
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{args}, &stdout, &stderr); code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", args, code, exitUsage)
		}
		if strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: want one line, got %q", args, stderr.String())
		}
	}
}

func TestReleaseFlags(t *testing.T) {
	t.Setenv("RUNTIME_NAMESPACE", "jobs")
	o, err := releaseFlags([]string{"-n", "shop", "--while-active"}, io.Discard)
	if err != nil || o.Namespace != "shop" || o.LeaseNamespace != "jobs" || o.LeaseName != "stint-controller" || !o.WhileActive || o.Wait != time.Minute {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"release", "--nope"}, {"release", "shop"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != exitUsage || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: exit code %d, %q", args, code, stderr.String())
		}
	}
	var help bytes.Buffer
	if code := run(t.Context(), []string{"release", "--help"}, &help, io.Discard); code != exitClean || !strings.Contains(help.String(), "--lease-namespace") {
		t.Errorf("exit code %d, %q", code, help.String())
	}
}

func TestVersion(t *testing.T) {
	var stdout bytes.Buffer
	if code := run(t.Context(), []string{"--version"}, &stdout, io.Discard); code != exitClean {
		t.Errorf("exit code %d", code)
	}
	if stdout.String() != "stint-controller dev\n" {
		t.Errorf("%q", stdout.String())
	}
}
