//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockFile takes an exclusive lock that ends with this process, however it
// ends, and says whom it waits for. The returned function gives it up.
func lockFile(path, holder string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	var said time.Time
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Since(said) > quietFor {
			b, _ := os.ReadFile(path)
			say("waiting for %s (process %s) to finish", holder, strings.TrimSpace(string(b)))
			said = time.Now()
		}
		time.Sleep(200 * time.Millisecond)
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return func() { f.Close() }, nil
}

// holdPidFile makes the calling process the owner of a pid file. The lock on
// the file, not the number in it, is what says that the owner lives: it goes
// with the process, so that a pid which the system gave to somebody else is
// never mistaken for ours. keep lets the lock outlive an exec.
func holdPidFile(path string, keep bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	// Whoever merely looks whether the owner lives holds the lock for an instant.
	deadline := time.Now().Add(2 * time.Second)
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		if time.Now().After(deadline) {
			f.Close()
			return nil, fmt.Errorf("%s belongs to a process that is still running", path)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if keep {
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_SETFD, 0); errno != 0 {
			return nil, errno
		}
	}
	return f, writePid(f, os.Getpid())
}

func writePid(f *os.File, pid int) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}

// livePid answers the process that holds a pid file, or 0.
func livePid(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0 // nobody holds it
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return parsePid(string(b))
}

// parsePid reads what writePid wrote. Half a file and the numbers that kill(2)
// takes for "everything" or "my group" are no process of ours: 0.
func parsePid(s string) int {
	line, _, whole := strings.Cut(s, "\n")
	n, err := strconv.Atoi(line)
	if !whole || err != nil || n <= 1 {
		return 0
	}
	return n
}

// endProcess ends the owner of a pid file: politely for the given time, then
// by SIGKILL. It asks the pid file again before every signal.
func endProcess(path string, grace time.Duration) error {
	deadline := time.Now().Add(grace)
	if pid := livePid(path); pid != 0 && grace > 0 {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	for livePid(path) != 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if pid := livePid(path); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for end := time.Now().Add(10 * time.Second); livePid(path) != 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("process %d does not end", livePid(path))
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// become turns this process into a component. The pid file is written before
// the component exists, by the very process that will be it, so no kill at any
// moment leaves one running that nobody knows of.
func become(pidFile string, argv []string) error {
	f, err := holdPidFile(pidFile, true)
	if err != nil {
		return err
	}
	err = syscall.Exec(argv[0], argv, os.Environ())
	runtime.KeepAlive(f) // a collected file would be closed, and its lock lost, before the exec
	return err
}

// detached starts a child in a session of its own: a closed terminal or an
// interrupt of this command does not reach it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
