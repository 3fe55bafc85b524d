// Command argocd is what of Argo CD the e2e tests run: the two processes that
// a sync needs (no API server, no UI, no Dex), and its Lua runner.
package main

import (
	"fmt"
	"os"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "argocd", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(controller.NewCommand(), reposerver.NewCommand(), luaCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
