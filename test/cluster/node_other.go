//go:build !linux

package main

import (
	"context"
	"errors"
)

var errLinux = errors.New("real nodes need Linux")

func canRunNode() bool { return false }

func ensureHostPrograms(context.Context) error { return nil }

func ensureGitOpsPrograms(context.Context) error { return nil }

func launchNode(context.Context, []string) error { return errLinux }

func nodeMain(context.Context, []string) error { return errLinux }

func (l *layout) ensureBridge() error { return errLinux }

func (l *layout) removeBridge() error { return nil }

func (l *layout) stopNode() error { return nil }

func (l *layout) nodeStatus() {}

func (l *layout) nodeComponent(string, bool, bool) error { return errLinux }

func (l *layout) forgetImages(context.Context, []imageName) error { return nil }

func (s *session) startRealNode(context.Context, *apiClient) error { return errLinux }
