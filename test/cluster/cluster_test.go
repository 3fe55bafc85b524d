package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParsePortBase(t *testing.T) {
	for in, want := range map[string]int{"": 7000, "22340": 22340, "65522": 65522} {
		if got, err := parsePortBase(in, 7000); err != nil || got != want {
			t.Errorf("parsePortBase(%q) = %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"80", "65523", "x", "-1", "22340 "} {
		if got, err := parsePortBase(in, 7000); err == nil {
			t.Errorf("parsePortBase(%q) = %d, want an error", in, got)
		}
	}
}

func TestCacheKeyCoversEveryInput(t *testing.T) {
	names := []string{"a", "b"}
	base := map[string][]byte{"a": []byte("1"), "b": []byte("2")}
	key := cacheKey(base, names, "flags")
	if key != cacheKey(base, names, "flags") {
		t.Error("the same inputs give two keys")
	}
	others := []string{
		cacheKey(map[string][]byte{"a": []byte("12"), "b": nil}, names, "flags"),
		cacheKey(map[string][]byte{"a": []byte("1"), "b": []byte("3")}, names, "flags"),
		cacheKey(base, names, "other flags"),
		cacheKey(base, names, "fla", "gs"),
		cacheKey(base, names),
	}
	if slices.Contains(others, key) {
		t.Error("different inputs give one key")
	}
}

func TestParseImageName(t *testing.T) {
	for in, want := range map[string]string{
		"busybox":                        "library/busybox:latest",
		"perl:5.34.0":                    "library/perl:5.34.0",
		"docker.io/library/perl":         "library/perl:latest",
		"docker.io/perl:5":               "library/perl:5",
		"someone/tool:v1":                "someone/tool:v1",
		"ghcr.io/stint-dev/stint:dev":    "stint-dev/stint:dev",
		"localhost:5000/stint":           "stint:latest",
		"registry.example.com:443/a/b:c": "a/b:c",
		"stint.local/pause:1":            "pause:1",
	} {
		if got, err := parseImageName(in); err != nil || got.String() != want {
			t.Errorf("parseImageName(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "UPPER", "a:", "a b", "../etc", "a@sha256:0000", "ghcr.io/"} {
		if got, err := parseImageName(in); err == nil {
			t.Errorf("parseImageName(%q) = %v, want an error", in, got)
		}
	}
}

func TestArchiveLayout(t *testing.T) {
	l := newLayer()
	if err := l.file("usr/bin/tool", 0o755, []byte("tool")); err != nil {
		t.Fatal(err)
	}
	if err := l.file("/usr/bin/tool", 0o644, []byte("second")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.archive(&out, imageName{"a/b", "c"}, imageConfig{Entrypoint: []string{"/usr/bin/tool"}}); err != nil {
		t.Fatal(err)
	}
	files := untar(t, out.Bytes())
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 || len(manifest[0].Layers) != 1 {
		t.Fatalf("manifest %s: %v", files["manifest.json"], err)
	}
	var config struct {
		Config imageConfig `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	layer := files[manifest[0].Layers[0]]
	sum := sha256.Sum256(layer)
	if want := []string{"sha256:" + hex.EncodeToString(sum[:])}; !reflect.DeepEqual(config.RootFS.DiffIDs, want) {
		t.Errorf("diff_ids %v, want %v", config.RootFS.DiffIDs, want)
	}
	if got := config.Config.Entrypoint; !reflect.DeepEqual(got, []string{"/usr/bin/tool"}) {
		t.Errorf("entrypoint %v", got)
	}
	content := untar(t, layer)
	if string(content["usr/bin/tool"]) != "tool" {
		t.Errorf("tool is %q", content["usr/bin/tool"])
	}
	if _, ok := content["usr/"]; !ok {
		t.Error("the parent folder is missing")
	}
}

func untar(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallerCgroups(t *testing.T) {
	const hybridMounts = `30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
`
	for name, c := range map[string]struct {
		cgroup, mounts string
		want           []hierarchy
	}{
		"hybrid": {"9:name=systemd:/\n4:memory:/jobs/7\n2:cpu,cpuacct:/\n0::/x\n", hybridMounts, []hierarchy{
			{"name=systemd", "/sys/fs/cgroup/systemd"}, {"memory", "/sys/fs/cgroup/memory/jobs/7"}, {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"}}},
		"unified": {"0::/user.slice/s-1.scope\n", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			[]hierarchy{{"", "/sys/fs/cgroup/user.slice/s-1.scope"}}},
		"part of a tree is mounted": {"4:memory:/docker/ab/c\n", "31 30 0:27 /docker/ab /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			[]hierarchy{{"memory", "/sys/fs/cgroup/memory/c"}}},
		"only names": {"1:name=systemd:/a\n", hybridMounts, nil},
		"nothing":    {"", "", nil},
	} {
		got, err := callerCgroups(c.cgroup, c.mounts)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestParseContainerdMajor(t *testing.T) {
	for in, want := range map[string]int{
		"containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n": 1,
		"containerd github.com/containerd/containerd/v2 v2.4.2 deadbeef\n":              2,
		"containerd containerd.io 1.7.27 05044ec\n":                                     1,
	} {
		if got, err := parseContainerdMajor(in); err != nil || got != want {
			t.Errorf("parseContainerdMajor(%q) = %d, %v", in, got, err)
		}
	}
	if _, err := parseContainerdMajor("containerd: not found"); err == nil {
		t.Error("nonsense has a version")
	}
}

func TestParseLdd(t *testing.T) {
	got := parseLdd("\tlinux-vdso.so.1 (0x7f)\n\tlibm.so.6 => /lib/libm.so.6 (0x7f)\n\t/lib64/ld-linux-x86-64.so.2 (0x7f)\n\tlibx.so => not found\n")
	if want := []string{"/lib/libm.so.6", "/lib64/ld-linux-x86-64.so.2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("parseLdd = %v, want %v", got, want)
	}
}

func TestParseOptions(t *testing.T) {
	o, err := parseOptions("up", strings.Fields("--control-plane --without=kube-scheduler,kube-controller-manager --apiserver-arg=--a=1,2 --apiserver-arg --b"))
	if err != nil {
		t.Fatal(err)
	}
	want := options{controlPlane: true, without: []string{"kube-scheduler", "kube-controller-manager"}, apiServerArgs: []string{"--a=1,2", "--b"}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("%+v, want %+v", o, want)
	}
	o, err = parseOptions("component", strings.Fields("kubelet stop --control-plane"))
	if err != nil || !o.controlPlane || !slices.Equal(o.rest, []string{"kubelet", "stop"}) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"--without=etcd", "--nonsense"} {
		if _, err := parseOptions("up", []string{bad}); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestPKIIsMadeOnceAndWhole(t *testing.T) {
	l := &layout{kind: kindFull, state: t.TempDir(), address: loopback}
	first, err := l.ensurePKI()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.ensurePKI(); err != nil || again != first {
		t.Errorf("second call: %s, %v; want %s unchanged", again, err, first)
	}
	if _, err := l.token(userNode); err != nil {
		t.Error(err)
	}
	// A run that was killed in between leaves no set, or an unfinished one beside.
	if err := os.Rename(l.path("pki"), l.path("pki.old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(l.path("pki.new1"), 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := l.ensurePKI()
	if err != nil || second == first {
		t.Errorf("after a kill: %s, %v; want a new set", second, err)
	}
	entries, err := os.ReadDir(l.state)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	l.address = hostAddress
	if third, err := l.ensurePKI(); err != nil || third == second {
		t.Errorf("for another address: %s, %v; want a new set", third, err)
	}
}

func TestSimulatedPodLife(t *testing.T) {
	now := time.Now()
	pod := func(js string) simPod {
		var p simPod
		js = strings.ReplaceAll(js, "$3s", now.Add(-3*time.Second).UTC().Format(time.RFC3339))
		if err := json.Unmarshal([]byte(js), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	const running = `"status":{"phase":"Running","startTime":"$3s","containerStatuses":[{"state":{"running":{"startedAt":"$3s"}}}]}`
	for name, c := range map[string]struct {
		js   string
		want simStep
	}{
		"new":              {`{"status":{"phase":"Pending"}}`, simStart},
		"ends":             {`{"spec":{"restartPolicy":"Never"},` + running + `}`, simSucceed},
		"not yet":          {`{"metadata":{"annotations":{"simulate.stint.dev/seconds":"60"}},` + running + `}`, simNothing},
		"serves for ever":  {`{"spec":{"restartPolicy":"Always"},` + running + `}`, simNothing},
		"fails":            {`{"metadata":{"annotations":{"simulate.stint.dev/exit-code":"3"}},"spec":{"restartPolicy":"Never"},` + running + `}`, simFail},
		"fails and again":  {`{"metadata":{"annotations":{"simulate.stint.dev/exit-code":"3"}},"spec":{"restartPolicy":"OnFailure"},` + running + `}`, simRestart},
		"too long":         {`{"spec":{"restartPolicy":"Always","activeDeadlineSeconds":1},` + running + `}`, simDeadline},
		"deleted":          {`{"metadata":{"deletionTimestamp":"$3s"},` + running + `}`, simKill},
		"deleted and over": {`{"metadata":{"deletionTimestamp":"$3s"},"status":{"phase":"Failed"}}`, simRemove},
		"over":             {`{"status":{"phase":"Succeeded"}}`, simNothing},
	} {
		if got := pod(c.js).next(now); got != c.want {
			t.Errorf("%s: step %d, want %d", name, got, c.want)
		}
	}
}
