package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends a helper when this command is killed. Go's threads come
// and go, and the signal follows the thread: the caller must stay on its own.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
