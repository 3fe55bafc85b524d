//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParsePid(t *testing.T) {
	for in, want := range map[string]int{
		"4711\n": 4711, "4711\nleft over": 4711,
		"": 0, "4711": 0, "1\n": 0, "0\n": 0, "-1\n": 0, "x\n": 0,
	} {
		if got := parsePid(in); got != want {
			t.Errorf("parsePid(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestPidFileIsOnlyTrueWhileHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	if livePid(path) != 0 {
		t.Error("a missing file names a process")
	}
	f, err := holdPidFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := livePid(path); got != os.Getpid() {
		t.Errorf("livePid = %d, want this process", got)
	}
	f.Close()
	if got := livePid(path); got != 0 {
		t.Errorf("livePid = %d after the owner let go: a reused pid would be signalled", got)
	}
}
