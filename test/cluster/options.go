package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// options is what a command line says.
type options struct {
	controlPlane          bool
	wipe                  bool
	simulate              bool
	archive               string
	without               []string
	apiServerArgs         []string
	controllerManagerArgs []string
	schedulerArgs         []string
	rest                  []string
}

// optional names the components that --without may leave out.
var optional = []string{"kube-controller-manager", "kube-scheduler"}

// listFlag collects a flag that may be given several times.
type listFlag struct {
	into  *[]string
	comma bool // one value may hold several, separated by commas
}

func (l listFlag) String() string { return "" }

func (l listFlag) Set(s string) error {
	if !l.comma {
		*l.into = append(*l.into, s)
		return nil
	}
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			*l.into = append(*l.into, v)
		}
	}
	return nil
}

// parseOptions reads the arguments after the verb. Flags may stand before and
// after the other arguments.
func parseOptions(verb string, args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet(verb, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&o.controlPlane, "control-plane", false, "")
	fs.BoolVar(&o.wipe, "wipe", false, "")
	fs.BoolVar(&o.simulate, "simulate", false, "")
	fs.StringVar(&o.archive, "archive", "", "")
	fs.Var(listFlag{&o.without, true}, "without", "")
	fs.Var(listFlag{&o.apiServerArgs, false}, "apiserver-arg", "")
	fs.Var(listFlag{&o.controllerManagerArgs, false}, "controller-manager-arg", "")
	fs.Var(listFlag{&o.schedulerArgs, false}, "scheduler-arg", "")
	for len(args) > 0 {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return o, errHelp
			}
			return o, fmt.Errorf("%s: %w (see `go run . help`)", verb, err)
		}
		args = fs.Args()
		if len(args) > 0 {
			o.rest, args = append(o.rest, args[0]), args[1:]
		}
	}
	for _, w := range o.without {
		if !slices.Contains(optional, w) {
			return o, fmt.Errorf("--without=%s: only %s can be left out", w, strings.Join(optional, " and "))
		}
	}
	return o, nil
}

// kind answers which of the two clusters is meant.
func (o options) kind() string {
	if o.controlPlane {
		return kindControlPlane
	}
	return kindFull
}
