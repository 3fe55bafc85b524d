package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

func linkExists(name string) bool {
	_, err := os.Stat("/sys/class/net/" + name)
	return err == nil
}

// bridgeOwner answers whose the bridge is: its alias holds the state folder of
// the cluster that made it, so that even without that folder nobody takes or
// removes another cluster's network.
func bridgeOwner() string {
	b, _ := os.ReadFile("/sys/class/net/" + bridgeName + "/ifalias")
	return strings.TrimSpace(string(b))
}

// bridgeInUse answers whether the cluster that made the bridge still runs: it
// has a node on it, or a process that holds its pid file. A cluster that was
// killed with everything around it leaves the bridge, and nobody who would
// take it down.
func bridgeInUse(owner string) bool {
	if ports, err := os.ReadDir("/sys/class/net/" + bridgeName + "/brif"); err != nil || len(ports) > 0 {
		return true
	}
	return anyProcess(owner)
}

// anyProcess answers whether a process of the cluster with this state folder lives.
func anyProcess(state string) bool {
	pids, _ := filepath.Glob(filepath.Join(state, "run", "*.pid")) // the pattern is well-formed
	return slices.ContainsFunc(pids, func(p string) bool { return livePid(p) != 0 })
}

// ensureBridge makes the host's end of the node's network. It must be there
// before the API server, which listens on its address.
func (l *layout) ensureBridge() error {
	if linkExists(bridgeName) {
		// No alias: killed between the first two steps below.
		if owner := bridgeOwner(); owner != "" && owner != l.state && bridgeInUse(owner) {
			return fmt.Errorf("the bridge %s belongs to the cluster in %s: one real node per machine; take that one down first", bridgeName, owner)
		}
	} else {
		if err := addressFree(); err != nil {
			return err
		}
		if err := ip("link", "add", bridgeName, "type", "bridge"); err != nil {
			return err
		}
	}
	return errors.Join(
		ip("link", "set", bridgeName, "alias", l.state),
		ip("addr", "replace", bridgeCIDR, "dev", bridgeName),
		ip("link", "set", bridgeName, "up"))
}

// addressFree refuses to shadow a network that this machine already reaches.
func addressFree() error {
	ifaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range ifaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // gone meanwhile
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.Contains(net.ParseIP(hostAddress)) {
				return fmt.Errorf("the cluster's addresses (%s) are in use: %s has %s", bridgeCIDR, i.Name, n)
			}
		}
	}
	return nil
}

// attachNode puts eth0 into the node's network namespace.
func attachNode(pid int) error {
	if linkExists(vethName) {
		if err := ip("link", "del", vethName); err != nil {
			return err
		}
	}
	if err := ip("link", "add", vethName, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pid)); err != nil {
		return err
	}
	return routeNode()
}

// routeNode joins the node to the bridge and tells the host where Pods and
// Services are. It changes nothing where that is so already.
func routeNode() error {
	return errors.Join(
		ip("link", "set", vethName, "master", bridgeName, "up"),
		ip("route", "replace", podCIDR, "via", nodeAddress, "dev", bridgeName),
		ip("route", "replace", serviceCIDR, "via", nodeAddress, "dev", bridgeName))
}

// detachNode takes attachNode back. The end of the namespace takes the pair
// along, but not at once.
func (l *layout) detachNode() error {
	if bridgeOwner() != l.state {
		return nil
	}
	for _, cidr := range []string{podCIDR, serviceCIDR} {
		_ = ip("route", "del", cidr, "dev", bridgeName) // absent is as good
	}
	if err := ip("link", "del", vethName); err != nil && linkExists(vethName) {
		return err
	}
	return nil
}

func (l *layout) removeBridge() error {
	if !linkExists(bridgeName) || bridgeOwner() != l.state {
		return nil
	}
	return ip("link", "del", bridgeName)
}
