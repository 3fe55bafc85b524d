//go:build e2e

package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/cgi" //nolint:gosec // what was wrong with it is mended since Go 1.6.3
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// gitServer serves the repositories below a folder on loopback, by git's own
// http-backend.
type gitServer struct {
	root string
	url  string
	http *http.Server
}

// serveGit starts the server that all tests share; each has a repository of
// its own there.
var serveGit = sync.OnceValues(func() (*gitServer, error) {
	root, err := os.MkdirTemp("", "stint-e2e-git-")
	if err != nil {
		return nil, err
	}
	libexec, err := command(context.Background(), "", "git", "--exec-path")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gitServer{root: root, url: "http://" + listener.Addr().String(), http: &http.Server{Handler: &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(libexec), "git-http-backend"),
		// Whoever runs the tests may not be who owns the folder.
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
		InheritEnv: []string{"PATH", "HOME"},
	}, ReadHeaderTimeout: time.Minute}}
	go func() { _ = g.http.Serve(listener) }()
	return g, nil
})

// repo is a git repository that tools read, with the clone that a team edits.
type repo struct {
	s     *space
	url   string
	clone string
	head  string // the newest commit
}

// newRepo makes the repository of a test, with one empty commit.
func (s *space) newRepo() *repo {
	s.Helper()
	server, err := serveGit()
	if err != nil {
		s.Fatalf("serving git: %v", err)
	}
	bare := filepath.Join(server.root, s.name+".git")
	r := &repo{s: s, url: server.url + "/" + s.name + ".git", clone: s.TempDir()}
	s.Cleanup(func() { _ = os.RemoveAll(bare) })
	r.run("init", "--quiet", "--bare", "--initial-branch=main", bare)
	r.run("init", "--quiet", "--initial-branch=main")
	r.run("remote", "add", "origin", bare)
	r.run("commit", "--quiet", "--allow-empty", "--message=start")
	r.push()
	return r
}

// run is a git command in the clone.
func (r *repo) run(args ...string) string {
	r.s.Helper()
	out, err := command(r.s.Context(), "", "git", append([]string{"-C", r.clone,
		"-c", "user.name=Team", "-c", "user.email=team@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	if err != nil {
		r.s.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

func (r *repo) push() {
	r.s.Helper()
	r.run("push", "--quiet", "origin", "main")
	r.head = r.run("rev-parse", "HEAD")
}

// files are contents by path; an empty content removes the file.
type files map[string]string

// commit writes files and pushes.
func (r *repo) commit(message string, f files) {
	r.s.Helper()
	for path, content := range f {
		r.write(filepath.Join(r.clone, filepath.FromSlash(path)), content)
	}
	r.run("add", "--all")
	r.run("commit", "--quiet", "--message="+message)
	r.push()
}

func (r *repo) write(path, content string) {
	r.s.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil && content == "" {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		r.s.Fatal(err)
	}
}

// revert undoes the newest commit by another one, and pushes.
func (r *repo) revert() {
	r.s.Helper()
	r.run("revert", "--no-edit", "HEAD")
	r.push()
}
