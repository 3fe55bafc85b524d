package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

const help = `A Kubernetes cluster on this machine, built from source; no registry, no Docker.

    go run . [verb] [flags]

Verbs
  up            (default) build what is missing, start the cluster, repair what is broken
  down          stop what up started; the data stays, unless --wipe
  status        what runs, under which pid, where its log lies
  build         only build
  env           print what to eval in a shell: eval "$(go run . env)"
  kubeconfig    print the path of the kubeconfig
  assets        build etcd, kube-apiserver, kubectl and kube-controller-manager and
                print their directory, for KUBEBUILDER_ASSETS
  load NAME[:TAG] FILE...          make an image from static binaries (the first is
                                   the entrypoint) and serve it under that name
  load NAME[:TAG] --archive FILE   the same from a docker archive
  component NAME stop|start|restart   one component; stop is a SIGKILL, as in a crash
  gitops        build and start Flux (source-, kustomize- and helm-controller) and Argo CD
                (application-controller, repo-server, redis) against a cluster that is up,
                and print the directory of their programs; down stops them too
  gitops-build  only build them
  help          this text

Flags
  --control-plane   the other cluster: etcd, kube-apiserver, kube-controller-manager and
                    kube-scheduler on loopback, no root needed, no nodes. Own state, own
                    ports: both clusters can run at once. Goes with every verb but load.
  --without=NAMES   leave out kube-controller-manager and/or kube-scheduler
  --simulate        simulated nodes even where a real one is possible
  --apiserver-arg=ARG, --controller-manager-arg=ARG, --scheduler-arg=ARG
                    passed on; may be given several times. An up with other
                    arguments restarts the component.
  --wipe            (down) also remove the cluster's data

Environment
  STINT_CACHE      built binaries; default ${XDG_CACHE_HOME:-~/.cache}/stint
  STINT_STATE      data, logs, kubeconfigs; default $STINT_CACHE/cluster. In it the
                   folders full and control-plane.
  STINT_PORTS, STINT_CONTROL_PLANE_PORTS
                   first of the fourteen ports a cluster uses; default 22340 and 21340
  KUBEBUILDER_ASSETS       binaries to use for --control-plane and assets where present
  USE_EXISTING_CLUSTER=true  up starts nothing and checks that KUBECONFIG answers;
                           down does nothing

As root on Linux, up makes a real node: kubelet, containerd, runc and kube-proxy in
namespaces of their own; nothing of the host changes but a bridge (stint0), a veth pair,
two routes and one child cgroup, and down removes them. Elsewhere nodes are simulated:
Pods reach Running and Succeeded, but no container runs. A Pod's annotations say how its
containers do: simulate.stint.dev/seconds (1), simulate.stint.dev/exit-code (0).

Every image name is served by a registry on the bridge: busybox, bash and perl are there
under their usual names and tags (made from this machine's Debian packages, whatever
the tag says), load adds others, and a name that is not there fails in seconds.
`

// Hidden verbs: this program runs itself in these parts.
const (
	verbBecome   = "_become"   // PIDFILE ARGV...: turn into a component
	verbLaunch   = "_launch"   // join the node's cgroups, make its namespaces
	verbNode     = "_node"     // the node's pid 1
	verbSimulate = "_simulate" // the simulated nodes
)

var (
	errHelp  = errors.New("help")
	errUsage = errors.New("see `go run . help`")
)

func main() {
	// An interrupt simply ends this process: the next run copes with any state.
	verb, args := "up", os.Args[1:]
	if len(args) > 0 && (len(args[0]) == 0 || args[0][0] != '-') {
		verb, args = args[0], args[1:]
	}
	if err := run(context.Background(), verb, args); err != nil {
		if errors.Is(err, errHelp) {
			fmt.Print(help)
			return
		}
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, verb string, args []string) error {
	if hidden, ok := hiddenVerbs[verb]; ok {
		return hidden(ctx, args)
	}
	if verb == "help" {
		return errHelp
	}
	fn, ok := verbs[verb]
	if !ok {
		return fmt.Errorf("no verb %q: %w", verb, errUsage)
	}
	o, err := parseOptions(verb, args)
	if err != nil {
		return err
	}
	if verb != "load" && verb != "component" && len(o.rest) > 0 {
		return fmt.Errorf("%s: unexpected %q: %w", verb, o.rest, errUsage)
	}
	s, err := newSession(o)
	if err != nil {
		return err
	}
	return fn(ctx, s)
}

// session is one run of a verb: what was asked, and of which cluster.
type session struct {
	o        options
	l        *layout
	find     finder
	realNode bool
	pushed   []imageName // images that this run put into the registry
}

func newSession(o options) (*session, error) {
	s := &session{o: o}
	s.realNode = !o.controlPlane && !o.simulate && canRunNode()
	var err error
	if s.l, err = newLayout(o.kind(), s.realNode); err != nil {
		return nil, err
	}
	s.find, err = newFinder(s.l.cache, o.kind())
	return s, err
}

// programs lists what the cluster needs; a component that is left out is not
// built either.
func (s *session) programs() []program {
	var out []program
	for _, p := range controlPlanePrograms {
		if !slices.Contains(s.o.without, p.name) {
			out = append(out, p)
		}
	}
	if s.realNode {
		out = append(out, nodePrograms...)
	}
	return out
}

var hiddenVerbs = map[string]func(context.Context, []string) error{
	verbBecome: func(_ context.Context, args []string) error {
		if len(args) < 2 {
			return errUsage
		}
		return become(args[0], args[1:])
	},
	verbLaunch:   launchNode,
	verbNode:     nodeMain,
	verbSimulate: simulateMain,
}

var verbs = map[string]func(context.Context, *session) error{
	"up":           up,
	"down":         down,
	"status":       status,
	"component":    componentVerb,
	"load":         load,
	"build":        func(ctx context.Context, s *session) error { return s.build(ctx) },
	"assets":       assets,
	"gitops":       gitOps,
	"gitops-build": buildGitOps,
	"env":          printEnv,
	"kubeconfig":   func(_ context.Context, s *session) error { fmt.Println(s.l.kubeconfig()); return nil },
}

func (s *session) build(ctx context.Context) error { return s.find.build(ctx, s.programs()) }

func assets(ctx context.Context, s *session) error {
	s.find.provided = os.Getenv("KUBEBUILDER_ASSETS")
	if err := s.find.build(ctx, assetPrograms); err != nil {
		return err
	}
	dir, err := s.find.gather(assetPrograms)
	if err == nil {
		fmt.Println(dir)
	}
	return err
}
