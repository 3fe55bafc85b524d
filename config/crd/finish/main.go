// Command finish completes the CRDs that controller-gen wrote, in place:
//
//	go run ./config/crd/finish config/crd/bases
//
// controller-gen copies what core/v1 says of a pod template, and some of that
// is wrong, or too wide, for a custom resource. schema.go has each correction
// with its reason. A second run changes nothing.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// maxBytes is the limit of all annotations of an object together
// (apimachinery, ValidateAnnotationsSize). Plain kubectl apply keeps the whole
// manifest, as compact JSON, in one of them.
const maxBytes = 262144

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: finish <directory of CRDs>")
		os.Exit(2)
	}
	if err := finishDir(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "finish:", err)
		os.Exit(1)
	}
}

func finishDir(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no CRD in %s: run controller-gen first", dir)
	}
	var errs []error
	for _, file := range files {
		if err := finishFile(file); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", filepath.Base(file), err))
		}
	}
	return errors.Join(errs...)
}

func finishFile(file string) error {
	in, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	out, size, err := finishCRD(in)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d of %d bytes\n", filepath.Base(file), size, maxBytes)
	return os.WriteFile(file, out, 0o644)
}

// finishCRD returns the finished YAML and its size as compact JSON.
func finishCRD(in []byte) (out []byte, size int, err error) {
	var crd map[string]any
	if err := yaml.Unmarshal(in, &crd); err != nil {
		return nil, 0, err
	}
	spec, _ := crd["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 {
		return nil, 0, errors.New("spec.versions is empty: this is no CRD")
	}
	f := &finisher{}
	for _, version := range versions {
		v, _ := version.(map[string]any)
		schema, _ := v["schema"].(map[string]any)
		root, _ := schema["openAPIV3Schema"].(map[string]any)
		f.walk(root, place{})
	}
	if err := errors.Join(f.errs...); err != nil {
		return nil, 0, err
	}
	compact, err := json.Marshal(crd)
	if err != nil {
		return nil, 0, err
	}
	if len(compact) > maxBytes {
		return nil, 0, fmt.Errorf("%d bytes as compact JSON, above %d: plain kubectl apply would refuse it", len(compact), maxBytes)
	}
	body, err := yaml.Marshal(crd)
	return append([]byte("---\n"), body...), len(compact), err
}
