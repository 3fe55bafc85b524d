package report

import "time"

// Hasten shortens the waits between two tries.
func (n *Notifier) Hasten(wait time.Duration) { n.firstWait = wait }

// MaxQueued is how many events wait at most.
const MaxQueued = maxQueued
