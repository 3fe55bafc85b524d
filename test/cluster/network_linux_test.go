package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestADeadClusterHoldsNoBridge(t *testing.T) {
	state := t.TempDir()
	run := filepath.Join(state, "run")
	if anyProcess(state) {
		t.Error("a cluster without a folder of processes lives")
	}
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"etcd.pid", "node.pid"} {
		f, err := holdPidFile(filepath.Join(run, name), false)
		if err != nil {
			t.Fatal(err)
		}
		if !anyProcess(state) {
			t.Errorf("a cluster whose %s is held is taken for dead", name)
		}
		f.Close()
		if anyProcess(state) {
			t.Errorf("a cluster lives after the owner of its %s ended", name)
		}
	}
}
