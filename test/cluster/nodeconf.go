package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Places on the node. Its own folder of the state is bound to nodeHome, so
// that configuration names the same paths wherever the state lies.
const (
	nodeHome   = "/run/stint/node"
	nodeEtc    = nodeHome + "/etc"
	nodeBin    = "/run/stint/bin"
	criSocket  = "/run/containerd/containerd.sock"
	pauseImage = "stint.local/pause:1"
)

// nodeGeneration is part of what decides whether a running node is the wanted
// one: raise it when the way a node is set up changes without its files.
const nodeGeneration = "1"

// hostRuntime is what of the host's software the node's configuration names.
type hostRuntime struct {
	containerd string
	major      int // of containerd: decides the configuration's version
	runc       string
	cniBin     string
}

// parseContainerdMajor reads the output of `containerd --version`, for example
// "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3".
func parseContainerdMajor(out string) (int, error) {
	f := strings.Fields(out)
	if len(f) >= 3 {
		var major int
		if _, err := fmt.Sscanf(strings.TrimPrefix(f[2], "v"), "%d.", &major); err == nil {
			return major, nil
		}
	}
	return 0, fmt.Errorf("cannot read containerd's version from %q", strings.TrimSpace(out))
}

// containerdConfig differs in its keys between containerd 1 and 2, and not in
// what it says. Without restrict_oom_score_adj sandboxes die on machines where
// root may not lower a process's OOM score ("can't get final child's PID").
func containerdConfig(rt hostRuntime) string {
	head := `root = "/var/lib/containerd"
state = "/run/containerd"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
`
	runtime := `[plugins."%[1]s".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."%[1]s".containerd.runtimes.runc.options]
  BinaryName = "` + rt.runc + `"
  SystemdCgroup = false
`
	if rt.major < 2 {
		const cri = "io.containerd.grpc.v1.cri"
		return "version = 2\n" + head + fmt.Sprintf(`[plugins."%[1]s"]
  sandbox_image = "%[2]s"
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
[plugins."%[1]s".cni]
  bin_dir = "%[3]s"
  conf_dir = "%[4]s/cni"
[plugins."%[1]s".registry]
  config_path = "%[4]s/certs.d"
`, cri, pauseImage, rt.cniBin, nodeEtc) + fmt.Sprintf(runtime, cri)
	}
	const run, images = "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images"
	return "version = 3\n" + head + fmt.Sprintf(`[plugins."%[1]s".pinned_images]
  sandbox = "%[2]s"
[plugins."%[1]s".registry]
  config_path = "%[4]s/certs.d"
[plugins."%[5]s"]
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
[plugins."%[5]s".cni]
  bin_dirs = ["%[3]s"]
  conf_dir = "%[4]s/cni"
`, images, pauseImage, rt.cniBin, nodeEtc, run) + fmt.Sprintf(runtime, run)
}

// masqueradeAll lets a Pod reach itself and its neighbours through a Service
// without help from the br_netfilter module, which is the host's to load.
func proxyConfig() string {
	return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {kubeconfig: ` + nodeEtc + `/kube-proxy.kubeconfig}
clusterCIDR: ` + podCIDR + `
hostnameOverride: ` + nodeName + `
iptables: {masqueradeAll: true, minSyncPeriod: 100ms}
conntrack: {maxPerCore: 0, min: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
`
}

// kubeletConfig accepts cgroup version 1 and swap, evicts late (the disk is
// the developer's own), and reports every few seconds so that a node's loss
// and return show quickly.
func kubeletConfig() string {
	return `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
failSwapOn: false
containerRuntimeEndpoint: unix://` + criSocket + `
address: ` + nodeAddress + `
healthzBindAddress: 127.0.0.1
tlsCertFile: ` + nodeEtc + `/kubelet.crt
tlsPrivateKeyFile: ` + nodeEtc + `/kubelet.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: ` + nodeEtc + `/ca.crt}}
authorization: {mode: Webhook}
volumePluginDir: /var/lib/kubelet/volumeplugins
resolvConf: ` + nodeEtc + `/resolv.conf
clusterDNS: ["` + dnsAddress + `"]
clusterDomain: cluster.local
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
nodeStatusUpdateFrequency: 5s
syncFrequency: 10s
maxPods: 250
kubeAPIQPS: 100
kubeAPIBurst: 200
registryPullQPS: 0
serializeImagePulls: false
shutdownGracePeriod: 0s
`
}

func cniConfig() string {
	return `{"cniVersion": "1.0.0", "name": "stint", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/var/lib/cni/networks",
            "ranges": [[{"subnet": "` + podCIDR + `"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`
}

// nodeFiles is the content of the node's configuration folder.
func (l *layout) nodeFiles(rt hostRuntime) (map[string]string, error) {
	files := map[string]string{
		"containerd.toml":       containerdConfig(rt),
		"kubelet.yaml":          kubeletConfig(),
		"kube-proxy.yaml":       proxyConfig(),
		"cni/10-stint.conflist": cniConfig(),
		"hosts":                 "127.0.0.1 localhost\n" + nodeAddress + " " + nodeName + "\n",
		"resolv.conf":           "nameserver " + dnsAddress + "\n",
		// Whatever registry an image's name says, it comes from ours.
		"certs.d/_default/hosts.toml": fmt.Sprintf("server = \"http://%[1]s\"\n[host.\"http://%[1]s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", l.registry()),
	}
	for _, n := range []string{"ca.crt", "kubelet.crt", "kubelet.key"} {
		b, err := os.ReadFile(l.pki(n))
		if err != nil {
			return nil, err
		}
		files[n] = string(b)
	}
	for name, user := range map[string]string{"kubelet": userNode, "kube-proxy": userProxy} {
		token, err := l.token(user)
		if err != nil {
			return nil, err
		}
		files[name+".kubeconfig"] = kubeconfigText("stint", l.server(), []byte(files["ca.crt"]), user, token)
	}
	return files, nil
}

// writeNodeFiles writes the configuration and answers its generation.
func (l *layout) writeNodeFiles(rt hostRuntime, assets string) (string, error) {
	files, err := l.nodeFiles(rt)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, nodeGeneration, assets, rt.containerd, l.state)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n%s", name, len(files[name]), files[name])
		if err := writeFile(l.nodeDir("etc", filepath.FromSlash(name)), []byte(files[name]), 0o600); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
