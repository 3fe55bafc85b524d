//go:build !unix

package main

import (
	"errors"
	"syscall"
	"time"
)

var errUnix = errors.New("this command needs Linux or another Unix")

func lockFile(string, string) (func(), error) { return nil, errUnix }

func livePid(string) int { return 0 }

func endProcess(string, time.Duration) error { return errUnix }

func become(string, []string) error { return errUnix }

func detached() *syscall.SysProcAttr { return nil }
