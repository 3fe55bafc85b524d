package main

import "context"

func (s *session) startSimulatedNodes(context.Context, *apiClient) error { return nil }
func simulateMain(context.Context, []string) error                       { return nil }
