//go:build tools

// Package gitops pins the tools that drive a cluster from git in the e2e tests.
// They share one list of versions, so that what they have in common is
// compiled once. The replaces are those of their own go.mod files, Argo CD's
// raised to the Kubernetes libraries that Flux asks for.
package gitops

import (
	_ "github.com/fluxcd/helm-controller"
	_ "github.com/fluxcd/kustomize-controller"
	_ "github.com/fluxcd/source-controller"
)
