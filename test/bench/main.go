package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// settings are the flags.
type settings struct {
	repo        string
	operator    string
	only        []string
	contenders  []string
	pods        int
	parallelism int
	jobs        int
	levels      []int
	rounds      int
	finished    int
	running     int
	profiles    string

	schedules, idleSchedules int
	keep                     bool
}

// verbBare makes this program the client without logic.
const verbBare = "_bare"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 3 && os.Args[1] == verbBare {
		err = runBare(ctx, os.Args[2])
	} else {
		err = bench(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var s settings
	var only, contenders, levels string
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&s.repo, "repo", ".", "the repository")
	fs.StringVar(&s.operator, "operator", "bin/stint-controller", "the operator's binary")
	fs.StringVar(&only, "only", "indexed,onepod,restart,levels,cron,idle", "which measurements")
	fs.StringVar(&contenders, "contenders", strings.Join(allContenders, ","), "which contenders")
	fs.IntVar(&s.pods, "pods", 5000, "pods of the one Indexed job")
	fs.IntVar(&s.parallelism, "parallelism", 500, "of the Indexed jobs")
	fs.IntVar(&s.jobs, "jobs", 1000, "one-pod jobs")
	fs.StringVar(&levels, "levels", "1000,4000,16000", "sizes of Indexed jobs to compare")
	fs.IntVar(&s.rounds, "rounds", 3, "how often the first two are repeated; medians count")
	fs.IntVar(&s.finished, "finished", 1000, "finished jobs at a restart")
	fs.IntVar(&s.running, "running", 200, "running jobs at a restart")
	fs.IntVar(&s.schedules, "schedules", 1000, "schedules that are due on the same minute")
	fs.IntVar(&s.idleSchedules, "idle-schedules", 10_000, "schedules that are not due")
	fs.StringVar(&s.profiles, "profiles", "", "a folder for CPU profiles of the operator, taken in runs that are not measured")
	fs.BoolVar(&s.keep, "keep", false, "leave the control plane up")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	s.only, s.contenders = strings.Split(only, ","), strings.Split(contenders, ",")
	for l := range strings.SplitSeq(levels, ",") {
		n, err := strconv.Atoi(l)
		if err != nil {
			return s, fmt.Errorf("-levels: %w", err)
		}
		s.levels = append(s.levels, n)
	}
	for _, c := range s.contenders {
		if !slices.Contains(allContenders, c) {
			return s, fmt.Errorf("-contenders: no contender %q", c)
		}
	}
	var err1, err2 error
	s.repo, err1 = filepath.Abs(s.repo)
	s.operator, err2 = filepath.Abs(s.operator)
	return s, errors.Join(err1, err2)
}

// session is one run of the benchmark.
type session struct {
	settings
	plane   *plane
	audit   *audit
	cluster *cluster
	results []result
	crons   []cronResult
	idles   []idleResult
	count   int // of namespaces
}

func bench(ctx context.Context, args []string) (err error) {
	set, err := parse(args)
	if err != nil {
		return err
	}
	s := &session{settings: set}
	defer func() {
		if s.plane != nil && !s.keep {
			s.plane.stop()
		}
	}()
	if err := s.renew(ctx); err != nil {
		return err
	}
	defer func() { s.print(os.Stdout) }()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"indexed", s.indexed},
		{"onepod", s.onePod},
		{"restart", s.restarts},
		{"levels", s.scaling},
		{"cron", s.dueAtOnce},
		{"idle", s.idle},
		{"profile", s.profile},
	} {
		if !slices.Contains(s.only, part.name) && (part.name != "profile" || s.profiles == "") {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// renew starts a control plane that holds nothing but our kinds.
func (s *session) renew(ctx context.Context) (err error) {
	if s.plane != nil {
		s.plane.stop()
	}
	if s.plane, err = startPlane(ctx, s.repo); err != nil {
		return err
	}
	s.audit = &audit{path: s.plane.auditLog}
	if s.cluster, err = newCluster(s.plane.config, "stint-bench-driver"); err != nil {
		return err
	}
	return s.cluster.installCRDs(ctx, filepath.Join(s.repo, "config/crd/bases"))
}

// say tells the terminal how far it is; standard output is for the tables.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
