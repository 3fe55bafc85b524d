package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// sharedLibraries answers which libraries a program asks for by name; none
// means that it is static.
func sharedLibraries(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	libs, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && len(libs) == 0 {
			return []string{"its loader"}, nil
		}
	}
	return libs, nil
}

// builtin is an image made from this machine's Debian packages. It is served
// under each of its names, whatever version the tag says.
type builtin struct {
	names  []string
	config imageConfig
	// inputs are programs whose size and time decide whether an archive made
	// earlier still is of the installed version.
	inputs []string
	fill   func(*layer) error
}

// imagesGeneration is raised when the way an image is put together changes.
const imagesGeneration = "2"

const imagePath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func builtins(pause string) ([]builtin, error) {
	found := map[string]string{}
	for _, n := range []string{"busybox", "bash", "perl"} {
		p, err := exec.LookPath(n)
		if err != nil {
			return nil, err
		}
		if found[n], err = filepath.EvalSymlinks(p); err != nil {
			return nil, err
		}
	}
	busybox := func(l *layer) error { return errors.Join(l.base(), addBusybox(l, found["busybox"])) }
	bash := func(l *layer) error {
		return errors.Join(l.host("bin/bash", found["bash"]), l.link("usr/local/bin/bash", "/bin/bash"), addLibraries(l, found["bash"]))
	}
	return []builtin{
		{names: []string{pauseImage}, config: imageConfig{Entrypoint: []string{"/pause"}}, inputs: []string{pause},
			fill: func(l *layer) error { return l.host("pause", pause) }},
		{names: []string{"busybox", "busybox:1", "busybox:1.28", "busybox:1.36", "busybox:1.37", "busybox:stable"},
			config: imageConfig{Cmd: []string{"sh"}, Env: []string{imagePath}}, inputs: []string{found["busybox"]}, fill: busybox},
		{names: []string{"bash", "bash:5", "bash:5.2"}, config: imageConfig{Cmd: []string{"bash"}, Env: []string{imagePath}},
			inputs: []string{found["bash"], found["busybox"]},
			fill:   func(l *layer) error { return errors.Join(bash(l), busybox(l)) }},
		{names: []string{"perl", "perl:5", "perl:5.34", "perl:5.34.0", "perl:5.36"}, config: imageConfig{Cmd: []string{"perl"}, Env: []string{imagePath}},
			inputs: append(perlInputs(found["perl"]), found["bash"], found["busybox"]),
			fill:   func(l *layer) error { return errors.Join(addPerl(l, found["perl"]), bash(l), busybox(l)) }},
	}, nil
}

// perlInputs names the interpreter and the module that Debian also packages on
// its own, in a newer version.
func perlInputs(perl string) []string {
	out, err := exec.Command(perl, "-MMath::BigInt", "-e", `print $INC{"Math/BigInt.pm"}`).Output()
	if err != nil {
		return []string{perl}
	}
	return []string{perl, string(out)}
}

func addBusybox(l *layer, file string) error {
	if err := l.host("bin/busybox", file); err != nil {
		return err
	}
	out, err := exec.Command(file, "--list").Output()
	if err != nil {
		return err
	}
	for applet := range strings.FieldsSeq(string(out)) {
		if err := l.link("bin/"+applet, "busybox"); err != nil {
			return err
		}
	}
	return l.link("usr/bin/env", "/bin/busybox")
}

// addLibraries puts in what the loader of this machine says a program needs.
func addLibraries(l *layer, file string) error {
	out, err := exec.Command("ldd", file).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", file, err)
	}
	for _, lib := range parseLdd(string(out)) {
		if err := l.host(lib, lib); err != nil {
			return err
		}
	}
	return nil
}

// parseLdd reads the paths out of lines like "libm.so.6 => /lib/libm.so.6 (0x…)"
// and "/lib64/ld-linux-x86-64.so.2 (0x…)".
func parseLdd(out string) []string {
	var libs []string
	for line := range strings.Lines(out) {
		if _, right, ok := strings.Cut(line, "=>"); ok {
			line = right
		}
		if f := strings.Fields(line); len(f) > 0 && filepath.IsAbs(f[0]) {
			libs = append(libs, f[0])
		}
	}
	sort.Strings(libs)
	return libs
}

// addPerl takes the interpreter and the folders it searches for modules, apart
// from those that hold what an administrator added.
func addPerl(l *layer, file string) error {
	if err := errors.Join(l.host("usr/bin/perl", file), l.link("usr/local/bin/perl", "/usr/bin/perl"), addLibraries(l, file)); err != nil {
		return err
	}
	out, err := exec.Command(file, "-e", `print join "\n", @INC`).Output()
	if err != nil {
		return err
	}
	for dir := range strings.SplitSeq(string(out), "\n") {
		if st, err := os.Stat(dir); err != nil || !st.IsDir() || strings.HasPrefix(dir, "/usr/local/") || !strings.HasPrefix(dir, "/usr/") {
			continue
		}
		if err := l.hostTree(dir); err != nil {
			return err
		}
	}
	return nil
}

// archiveFile answers an archive of the image, and makes it unless one of the
// same inputs is there.
func (b builtin) archiveFile(dir string) (string, error) {
	name, err := parseImageName(b.names[0])
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, imagesGeneration)
	for _, in := range b.inputs {
		st, err := os.Stat(in)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, in, st.Size(), st.ModTime().UnixNano())
	}
	file := filepath.Join(dir, filepath.Base(name.repository)+"-"+hex.EncodeToString(h.Sum(nil))[:10]+".tar")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	l := newLayer()
	if err := b.fill(l); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := l.archive(&out, name, b.config); err != nil {
		return "", err
	}
	return file, writeFile(file, out.Bytes(), 0o644)
}
