package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// The two clusters this command can hold. They share binaries and nothing
// else, so that a test run against the one never disturbs the other.
const (
	kindFull         = "full"
	kindControlPlane = "control-plane"
)

// Addresses of the full cluster. One real node's network exists per machine,
// so they are constants; they were picked from ranges that container tools do
// not hand out by default.
const (
	bridgeName   = "stint0"
	vethName     = "stint0-n1"
	hostAddress  = "10.213.0.1"
	nodeAddress  = "10.213.0.11"
	bridgeCIDR   = hostAddress + "/24"
	nodeCIDR     = nodeAddress + "/24"
	podCIDR      = "10.215.0.0/22"
	serviceCIDR  = "10.214.0.0/16"
	serviceFirst = "10.214.0.1"
	dnsAddress   = "10.214.0.10"
	nodeName     = "stint-node1"
	loopback     = "127.0.0.1"
)

// Offsets from a cluster's first port.
const (
	offEtcdClient = iota
	offEtcdPeer
	offAPIServer
	offControllerManager
	offScheduler
	offRegistry
	offGitOps // the first of those of gitops.go
	offLast   = offGitOps + gitOpsPorts - 1
)

const (
	defaultFullPorts         = 22340
	defaultControlPlanePorts = 21340
)

// layout names every path and address of one cluster. It is pure data: making
// one touches nothing on disk.
type layout struct {
	kind    string
	cache   string // binaries, shared by both clusters
	state   string // everything this cluster owns
	ports   int    // first of the cluster's ports
	address string // where the API server listens
}

// cacheDir answers where built binaries are kept.
func cacheDir() (string, error) {
	if d := os.Getenv("STINT_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	if d := os.Getenv("XDG_CACHE_HOME"); d != "" {
		return filepath.Join(d, "stint"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || home == "" || home == "/nonexistent" {
		return "", errors.New("no home directory to cache in: set STINT_CACHE to a directory this user can write")
	}
	return filepath.Join(home, ".cache", "stint"), nil
}

// newLayout resolves the environment into the paths and ports of a cluster.
// realNode says whether the API server must be reachable from a node on the
// bridge, or only from this machine's loopback.
func newLayout(kind string, realNode bool) (*layout, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	root := os.Getenv("STINT_STATE")
	if root == "" {
		root = filepath.Join(cache, "cluster")
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	l := &layout{kind: kind, cache: cache, state: filepath.Join(root, kind), address: loopback}
	env, def := "STINT_PORTS", defaultFullPorts
	if kind == kindControlPlane {
		env, def = "STINT_CONTROL_PLANE_PORTS", defaultControlPlanePorts
	}
	if l.ports, err = parsePortBase(os.Getenv(env), def); err != nil {
		return nil, fmt.Errorf("%s: %w", env, err)
	}
	if realNode {
		l.address = hostAddress
	}
	return l, nil
}

// parsePortBase reads the first of a run of ports; an empty string means def.
func parsePortBase(s string, def int) (int, error) {
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1024 || n+offLast > 65535 {
		return 0, fmt.Errorf("%q is not a port between 1024 and %d", s, 65535-offLast)
	}
	return n, nil
}

func (l *layout) path(elem ...string) string {
	return filepath.Join(append([]string{l.state}, elem...)...)
}

func (l *layout) port(offset int) string { return strconv.Itoa(l.ports + offset) }

func (l *layout) server() string { return "https://" + l.address + ":" + l.port(offAPIServer) }

func (l *layout) kubeconfig() string { return l.path("kubeconfig") }

func (l *layout) pki(name string) string { return l.path("pki", name) }

func (l *layout) registry() string { return hostAddress + ":" + l.port(offRegistry) }

func (l *layout) log(component string) string { return l.path("log", component+".log") }

// nodeDir is the folder that the node sees; its pid 1 binds parts of it over
// the places where containerd and kubelet keep their own state.
func (l *layout) nodeDir(elem ...string) string {
	return l.path(append([]string{"node"}, elem...)...)
}

// down of a control plane is spelled with its flag; messages must say so.
func (l *layout) downCommand() string {
	if l.kind == kindControlPlane {
		return "go run . down --control-plane"
	}
	return "go run . down"
}

// writeFile replaces path in one step, so that a reader (or the next run after
// a kill) finds the old content or the new, never half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Chmod(mode)
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
