package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// requirement is something of the host's that a real node uses, and the Debian
// package that has it. The file is asked for, not the package: a containerd
// from elsewhere is as good, and installing Debian's would replace it.
type requirement struct {
	pkg   string
	there func() bool
}

func onPath(name string) func() bool {
	return func() bool { _, err := exec.LookPath(name); return err == nil }
}

var requirements = []requirement{
	{"containerd", onPath("containerd")},
	{"runc", onPath("runc")},
	{"containernetworking-plugins", func() bool { _, err := findCNI(); return err == nil }},
	{"iptables", onPath("iptables")},
	{"iproute2", onPath("ip")},
	{"busybox-static", staticBusybox},
	{"bash", onPath("bash")},
	{"perl", func() bool { return exec.Command("perl", "-Mbignum=bpi", "-e1").Run() == nil }},
	// Debian 12's own Math::BigInt cannot do what the usual example of a Job
	// asks for, more than 1000 digits of pi; this newer one can.
	{"libmath-bigint-perl", func() bool { return exec.Command("perl", "-Mbignum=bpi", "-e", "print bpi(1001)").Run() == nil }},
}

var gitOpsRequirements = []requirement{
	{"redis-server", onPath("redis-server")},
	{"git", onPath("git")},
}

// findCNI looks where Debian and the upstream releases put the plugins.
func findCNI() (string, error) {
	dirs := []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}
	for _, d := range dirs {
		whole := !slices.ContainsFunc([]string{"bridge", "host-local", "loopback", "portmap"},
			func(p string) bool { return !executable(filepath.Join(d, p)) })
		if whole {
			return d, nil
		}
	}
	return "", fmt.Errorf("no CNI plugins in %s", strings.Join(dirs, ", "))
}

// staticBusybox: the dynamic variant would need its libraries in the image.
func staticBusybox() bool {
	p, err := exec.LookPath("busybox")
	if err != nil {
		return false
	}
	libs, err := sharedLibraries(p)
	return err == nil && len(libs) == 0
}

func missingPackages(of []requirement) []string {
	var missing []string
	for _, r := range of {
		if !r.there() {
			missing = append(missing, r.pkg)
		}
	}
	return missing
}

// ensureHostPrograms makes sure of what a real node uses.
func ensureHostPrograms(ctx context.Context) error {
	return ensurePackages(ctx, requirements, "a real node needs these, by their Debian names: %s. Install them, or use --simulate")
}

// ensureGitOpsPrograms makes sure of what the tools of gitops.go use.
func ensureGitOpsPrograms(ctx context.Context) error {
	return ensurePackages(ctx, gitOpsRequirements, "Argo CD and Flux need these, by their Debian names: %s. Install them")
}

// ensurePackages installs from Debian or Ubuntu what is needed and the machine
// has not. Where that cannot be, needs is the error, with the packages' names.
func ensurePackages(ctx context.Context, of []requirement, needs string) error {
	path := os.Getenv("PATH")
	for _, d := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		if !slices.Contains(filepath.SplitList(path), d) {
			path += ":" + d // a login without sbin still has ip and iptables
		}
	}
	if err := os.Setenv("PATH", path); err != nil {
		return err
	}
	missing := missingPackages(of)
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf(needs, strings.Join(missing, " "))
	}
	err := step("installing "+strings.Join(missing, " "), func() error {
		// The index may be fresh enough already, so a failing update alone is no
		// reason to give up.
		_ = apt(ctx, "update", "-qq")
		return apt(ctx, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)...)
	})
	if err != nil {
		return err
	}
	if still := missingPackages(of); len(still) > 0 {
		return errors.New("installed, and still not usable: " + strings.Join(still, " "))
	}
	return nil
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, lastLines(out.Bytes(), 10))
	}
	return nil
}
