// Command migrate stands in for the application of config/samples/db-migration.yaml:
// its image calls it python, and it prints what `python manage.py migrate` of a
// Django application does. It reads DATABASE_URL as such a one would, but there
// is no database.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
)

func main() {
	if err := migrate(os.Stdout, os.Args[1:], os.Getenv("DATABASE_URL")); err != nil {
		fmt.Fprintln(os.Stderr, "python:", err)
		os.Exit(1)
	}
}

func migrate(out io.Writer, args []string, database string) error {
	if !slices.Equal(args, []string{"manage.py", "migrate"}) {
		return fmt.Errorf("this image knows only manage.py migrate, not %q", args)
	}
	if database == "" {
		return errors.New("DATABASE_URL is not set")
	}
	u, err := url.Parse(database)
	if err != nil || u.Host == "" {
		return errors.New("DATABASE_URL is not the URL of a database") // and may hold a password
	}
	fmt.Fprintf(out, "Operations to perform on %s (demo: nothing is connected):\n", u.Redacted())
	fmt.Fprintln(out, "  Apply all migrations: auth, orders, sessions\nRunning migrations:")
	for _, m := range []string{"auth.0001_initial", "orders.0001_initial", "orders.0002_add_currency", "sessions.0001_initial"} {
		fmt.Fprintf(out, "  Applying %s... OK\n", m)
	}
	return nil
}
