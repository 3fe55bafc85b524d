//go:build tools

// Package crane pins the registry and image tool of the test cluster.
package crane

import _ "github.com/google/go-containerregistry/cmd/crane"
