package main

import (
	"fmt"
	"regexp"
	"strings"
)

var repositoryPattern = regexp.MustCompile(`^[a-z0-9]+([._/-]+[a-z0-9]+)*$`)

var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// imageName is where an image lies in the registry.
type imageName struct{ repository, tag string }

func (n imageName) String() string { return n.repository + ":" + n.tag }

// parseImageName turns a name as a Pod would give it into the repository that
// containerd asks a mirror for: without the registry's host, and with library/
// before the short names of Docker Hub.
func parseImageName(s string) (imageName, error) {
	n := imageName{repository: s, tag: "latest"}
	if i := strings.LastIndex(s, ":"); i > strings.LastIndex(s, "/") {
		n.repository, n.tag = s[:i], s[i+1:]
	}
	host, rest, found := strings.Cut(n.repository, "/")
	hub := true
	if found && !strings.HasPrefix(host, ".") && (strings.ContainsAny(host, ".:") || host == "localhost") {
		n.repository = rest
		hub = host == "docker.io" || host == "index.docker.io"
	}
	if hub && !strings.Contains(n.repository, "/") {
		n.repository = "library/" + n.repository
	}
	if !repositoryPattern.MatchString(n.repository) || !tagPattern.MatchString(n.tag) {
		return n, fmt.Errorf("%q is not an image name with an optional tag", s)
	}
	return n, nil
}
