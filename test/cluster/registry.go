package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startRegistry serves every image of the cluster on the bridge. The registry
// keeps manifests in memory only, so whatever it does not know is pushed again:
// after its restart, and after a run that was killed between two pushes.
func (s *session) startRegistry(ctx context.Context) error {
	images, err := builtins(s.find.path("pause"))
	if err != nil {
		return err
	}
	archives := make([]string, len(images))
	err = step("images", func() error {
		for i, b := range images {
			if archives[i], err = b.archiveFile(filepath.Join(s.l.cache, "images")); err != nil {
				return fmt.Errorf("image %s: %w", b.names[0], err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c := component{Name: "registry", Listens: []string{s.l.registry()}, Argv: []string{s.find.path("crane"),
		"registry", "serve", "--address", s.l.registry(), "--disk", s.l.path("registry")},
		Generation: strings.Join(archives, "\n")} // so that a newer image replaces the one served
	if err := os.MkdirAll(s.l.path("registry"), 0o755); err != nil {
		return err
	}
	if _, err := s.l.ensure(c); err != nil {
		return err
	}
	err = poll("the registry", 10*time.Second, func() (bool, error) {
		return s.registryHas("/v2/"), s.l.alive("registry")
	})
	if err != nil {
		return err
	}
	return step("pushing images", func() error {
		for i, b := range images {
			if err := s.pushNames(ctx, archives[i], b.names); err != nil {
				return err
			}
		}
		return s.pushLoaded(ctx)
	})
}

func (s *session) registryHas(path string) bool {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Get("http://" + s.l.registry() + path)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// pushLoaded serves again what load was given in earlier runs: its folders are
// the repositories, its files the tags.
func (s *session) pushLoaded(ctx context.Context) error {
	root := s.l.path("images")
	return filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Ext(p) != ".tar" {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		n := imageName{repository: filepath.ToSlash(filepath.Dir(rel)), tag: strings.TrimSuffix(filepath.Base(rel), ".tar")}
		if s.registryHas("/v2/" + n.repository + "/manifests/" + n.tag) {
			return nil
		}
		return s.push(ctx, p, n)
	})
}

// pushNames makes an archive be served under its names, which are tags of one
// repository. It is pushed once, which compresses it, and then only tagged.
func (s *session) pushNames(ctx context.Context, file string, names []string) error {
	pushed := ""
	for _, raw := range names {
		n, err := parseImageName(raw)
		if err != nil {
			return err
		}
		// A name that load gave to something else stays with that.
		if s.registryHas("/v2/"+n.repository+"/manifests/"+n.tag) || fileExists(s.loadedFile(n)) {
			continue
		}
		if pushed == "" {
			err = s.push(ctx, file, n)
			pushed = s.l.registry() + "/" + n.String()
		} else {
			err = s.crane(ctx, "tag", "--insecure", pushed, n.tag)
			s.pushed = append(s.pushed, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func fileExists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (s *session) loadedFile(n imageName) string {
	return s.l.path("images", filepath.FromSlash(n.repository), n.tag+".tar")
}

func (s *session) push(ctx context.Context, file string, n imageName) error {
	s.pushed = append(s.pushed, n)
	return s.crane(ctx, "push", "--insecure", file, s.l.registry()+"/"+n.String())
}

func (s *session) crane(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.find.path("crane"), args...)
	cmd.Env = componentEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("crane %s: %w\n%s", strings.Join(args, " "), err, lastLines(out, 5))
	}
	return nil
}

// load makes an image available to Pods under a name. It is kept in the state,
// so that it is there again after a down and an up.
func load(ctx context.Context, s *session) error {
	if len(s.o.rest) == 0 || (len(s.o.rest) == 1) == (s.o.archive == "") {
		return fmt.Errorf("load: give a name, and either files or --archive: %w", errUsage)
	}
	n, err := parseImageName(s.o.rest[0])
	if err != nil {
		return err
	}
	var content []byte
	if s.o.archive != "" {
		content, err = os.ReadFile(s.o.archive)
	} else {
		var buf bytes.Buffer
		err = binaryImage(&buf, n, s.o.rest[1:])
		content = buf.Bytes()
	}
	if err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !s.l.running("registry") {
		return errors.New("load: the cluster is not up, or its nodes are simulated and pull no images")
	}
	if err := writeFile(s.loadedFile(n), content, 0o644); err != nil {
		return err
	}
	if err := s.push(ctx, s.loadedFile(n), n); err != nil {
		_ = os.Remove(s.loadedFile(n)) // not an archive: must not break every later up
		return err
	}
	if err := s.l.forgetImages(ctx, s.pushed); err != nil {
		return err
	}
	fmt.Printf("%s is served to Pods as %s\n", s.o.rest[0], n)
	return nil
}
