//go:build !linux

package main

import "os/exec"

// dieWithParent is Linux only; elsewhere an orphaned build simply finishes.
func dieWithParent(*exec.Cmd) {}
