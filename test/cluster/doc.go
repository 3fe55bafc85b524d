// Command cluster starts and stops a Kubernetes cluster on this machine, built
// from source, for Stint's tests and its demonstration. `go run . help` says
// how to use it.
//
// It is a module of its own so that Kubernetes, which the folder kubernetes
// pins, stays out of the operator's go.mod. The command itself uses the
// standard library only.
//
// # What it relies on
//
// Every process that it starts holds a lock on a pid file for as long as it
// lives, and took that lock before it became what it is. So the files under
// run always say the truth, whoever was killed at whatever moment: up compares
// them with what is wanted and starts, replaces or leaves each part; down ends
// what they name. Files and certificates are moved into place whole. A node
// has its description on disk before it exists, so its remains can be removed
// without it.
//
// # Files
//
//	main.go          verbs and help            options.go    flags
//	up.go            up, down, status, env     layout.go     paths, ports, addresses
//	progress.go      what a person sees        api.go        a small API client
//
//	build.go         builds programs into a cache keyed by their sources
//	kubernetes/, crane/, pause/, gitops/       what is built, each pinned
//
//	component.go     one process on the host: start, stop, compare
//	components.go    the control plane's command lines
//	pki.go           certificates, tokens, kubeconfigs
//	proc_*.go        locks, pid files and signals, by operating system
//
//	node_linux.go    the real node, seen from the host
//	nodeinit_linux.go    its pid 1: mounts, network, supervision
//	nodeconf.go      what its containerd, kubelet and kube-proxy are told
//	cgroup*.go       its place among the caller's cgroups
//	network_linux.go     bridge, veth pair and routes
//	host_linux.go    the Debian packages that it uses
//	node_other.go    what takes the node's place on other systems
//	simulate.go, simpod.go   simulated nodes
//
//	image.go         docker archives           images.go     busybox, bash, perl, pause
//	imageref.go      names of images           registry.go   serving them; load
//	verb_component.go    stop and start one component
//	gitops.go        Flux and Argo CD, beside the cluster
//
// # State
//
// Below $STINT_STATE (see help) each cluster has a folder: kubeconfig, pki,
// etcd, log (one file per component), run (pid files and what each component
// was started with), and for a real node node (its configuration and disks),
// registry and images (what load was given).
package main
