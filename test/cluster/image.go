package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// imageConfig is what a container of an image runs by default.
type imageConfig struct {
	Entrypoint []string `json:"Entrypoint,omitempty"`
	Cmd        []string `json:"Cmd,omitempty"`
	Env        []string `json:"Env,omitempty"`
}

// layer collects the files of an image. What is put into it twice stays as it
// was first, and the same content always gives the same bytes.
type layer struct {
	buf  bytes.Buffer
	tar  *tar.Writer
	seen map[string]bool
}

func newLayer() *layer {
	l := &layer{seen: map[string]bool{".": true, "/": true}}
	l.tar = tar.NewWriter(&l.buf)
	return l
}

func (l *layer) add(h *tar.Header, content []byte) error {
	h.Name = strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	if h.Name == "" || l.seen[h.Name] {
		return nil
	}
	if dir := path.Dir(h.Name); !l.seen[dir] {
		if err := l.dir(dir, 0o755); err != nil {
			return err
		}
	}
	l.seen[h.Name] = true
	h.Size, h.ModTime, h.Format = int64(len(content)), time.Unix(0, 0), tar.FormatPAX
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	if err := l.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := l.tar.Write(content)
	return err
}

func (l *layer) dir(name string, mode int64) error {
	return l.add(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}, nil)
}

func (l *layer) file(name string, mode int64, content []byte) error {
	return l.add(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, content)
}

func (l *layer) link(name, target string) error {
	return l.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// host puts a file of this machine into the image, at the given place, with
// what a symbolic link leads to instead of the link.
func (l *layer) host(name, file string) error {
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return l.file(name, int64(st.Mode().Perm()), b)
}

// hostTree puts a folder of this machine into the image at its own path.
func (l *layer) hostTree(dir string) error {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path.Join(dir, strings.TrimPrefix(p, root))
		st, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a link to a file of a package that is not installed
		}
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return l.dir(name, int64(st.Mode().Perm()))
		case st.Mode().IsRegular():
			return l.host(name, p)
		}
		return nil
	})
}

// base puts in what nearly every program expects of a root file system.
func (l *layer) base() error {
	for _, d := range []string{"etc", "proc", "sys", "dev", "root", "home"} {
		if err := l.dir(d, 0o755); err != nil {
			return err
		}
	}
	for _, d := range []string{"tmp", "var/tmp"} {
		if err := l.dir(d, 0o1777); err != nil {
			return err
		}
	}
	if err := l.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")); err != nil {
		return err
	}
	return l.file("etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\n"))
}

// archive wraps the layer in a docker archive: a manifest that names the
// configuration and the layer, each a file of the same tar.
func (l *layer) archive(w io.Writer, name imageName, config imageConfig) error {
	if err := l.tar.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(l.buf.Bytes())
	id := hex.EncodeToString(sum[:])
	conf, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": config,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + id}},
		"history": []any{map[string]any{"created_by": "stint test cluster"}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]any{map[string]any{
		"Config": "config.json", "RepoTags": []string{name.String()}, "Layers": []string{id + ".tar"},
	}})
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		data []byte
	}{{"manifest.json", manifest}, {"config.json", conf}, {id + ".tar", l.buf.Bytes()}} {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o644, Size: int64(len(f.data)), ModTime: time.Unix(0, 0)}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := out.Write(f.data); err != nil {
			return err
		}
	}
	return out.Close()
}

// binaryImage makes an image of static binaries in /, of which the first is
// what runs.
func binaryImage(w io.Writer, name imageName, files []string) error {
	l := newLayer()
	var placed []string
	for _, f := range files {
		libs, err := sharedLibraries(f)
		if err != nil {
			return fmt.Errorf("%s is no program: %w", f, err)
		}
		if len(libs) > 0 {
			return fmt.Errorf("%s is not static, it needs %s: build it with CGO_ENABLED=0", f, strings.Join(libs, " "))
		}
		at := "/" + filepath.Base(f)
		if slices.Contains(placed, at) {
			return fmt.Errorf("two files are called %s", at)
		}
		placed = append(placed, at)
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := l.file(at, 0o755, b); err != nil {
			return err
		}
	}
	if err := l.base(); err != nil {
		return err
	}
	return l.archive(w, name, imageConfig{Entrypoint: placed[:1], Env: []string{"PATH=/"}})
}
