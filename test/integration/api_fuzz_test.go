//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestNothingBlindsTheOperator creates random objects, made from the CRDs' own
// schemas with values at the edge of what their fields take, and lists those
// that the API server admitted through the Go types. One object that Go cannot
// decode would fail that list for all objects, and so stop the operator.
//
//	STINT_FUZZ_OBJECTS=20000 STINT_FUZZ_SEED=1 go test … -run TestNothingBlinds
func TestNothingBlindsTheOperator(t *testing.T) {
	objects := fromEnv("STINT_FUZZ_OBJECTS", 3000)
	seed := fromEnv("STINT_FUZZ_SEED", time.Now().UnixNano())
	t.Logf("STINT_FUZZ_SEED=%d STINT_FUZZ_OBJECTS=%d", seed, objects)
	for _, c := range []struct {
		resource, base string
		list           client.ObjectList
		item           func() client.Object
	}{
		{"batchjobs", minimalJob, &v1alpha1.BatchJobList{}, func() client.Object { return &v1alpha1.BatchJob{} }},
		{"cronbatchjobs", minimalCron, &v1alpha1.CronBatchJobList{}, func() client.Object { return &v1alpha1.CronBatchJob{} }},
	} {
		t.Run(c.resource, func(t *testing.T) {
			f := &fuzz{t: t, resource: c.resource, base: c.base, namespace: newNamespace(t), seed: uint64(seed)}
			f.readSchema()
			f.create(int(objects) / 2)
			t.Logf("%d objects and %d statuses admitted, %d refused", f.admitted.Load(), f.statuses.Load(), f.refused.Load())
			if f.admitted.Load() < objects/20 {
				t.Errorf("too few objects were admitted for the test to tell anything")
			}
			if err := api.List(t.Context(), c.list, client.InNamespace(f.namespace)); err != nil {
				t.Errorf("the operator cannot list %s: %v", c.resource, err)
				f.name(c.item)
			}
		})
	}
}

func fromEnv(name string, otherwise int64) int64 {
	if v, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil {
		return v
	}
	return otherwise
}

type fuzz struct {
	t         *testing.T
	resource  string
	base      string
	namespace string
	seed      uint64

	schema map[string]any
	// decoded are the fields that Go decodes by itself, plain all others; both
	// as paths through properties, with [] for the items of a list.
	decoded, plain, status [][]string

	admitted, refused, statuses atomic.Int64
}

func (f *fuzz) readSchema() {
	text, err := os.ReadFile(filepath.Join(crdDir, "batch.stint.dev_"+f.resource+".yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		f.t.Fatal(err)
	}
	f.schema = crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	f.collect(f.schema, nil)
}

func (f *fuzz) collect(schema map[string]any, path []string) {
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		if len(path) == 0 && name != "spec" && name != "status" {
			continue
		}
		f.collect(property.(map[string]any), append(slices.Clone(path), name))
	}
	if items, ok := schema["items"].(map[string]any); ok {
		f.collect(items, append(slices.Clone(path), "[]"))
	}
	switch kind := kindOf(schema); {
	case len(path) < 2:
	case path[0] == "status":
		f.status = append(f.status, path)
	case kind == "object" || kind == "string" || kind == "boolean":
		f.plain = append(f.plain, path)
	default:
		f.decoded = append(f.decoded, path)
	}
	slices.SortFunc(f.decoded, slices.Compare)
	slices.SortFunc(f.plain, slices.Compare)
	slices.SortFunc(f.status, slices.Compare)
}

// create sends n objects from a few workers. Each object depends on the seed
// and its number alone.
func (f *fuzz) create(n int) {
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for number := range numbers {
				f.one(number)
			}
		})
	}
	for number := range n {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
}

func (f *fuzz) one(number int) {
	r := rand.New(rand.NewPCG(f.seed, uint64(number)))
	object := manifest(f.t, f.base)
	object.SetName(fmt.Sprintf("fuzz-%d", number))
	for range 1 + r.IntN(3) {
		path := f.plain[r.IntN(len(f.plain))]
		if r.IntN(4) > 0 {
			path = f.decoded[r.IntN(len(f.decoded))]
		}
		f.set(r, object.Object, f.schema, path)
	}
	stored, err := f.send("POST", "", object.Object)
	if err != nil {
		f.refused.Add(1)
		return
	}
	f.admitted.Add(1)
	if r.IntN(3) > 0 {
		return
	}
	for range 1 + r.IntN(3) {
		f.set(r, stored, f.schema, f.status[r.IntN(len(f.status))])
	}
	if _, err := f.send("PUT", object.GetName(), stored); err == nil {
		f.statuses.Add(1)
	}
}

func (f *fuzz) send(verb, name string, object map[string]any) (map[string]any, error) {
	body, err := json.Marshal(object)
	if err != nil {
		f.t.Error(err)
		return nil, err
	}
	request := restClient(f.t).Verb(verb).Namespace(f.namespace).Resource(f.resource).Body(body)
	if name != "" {
		request = request.Name(name).SubResource("status")
	}
	answer, err := request.DoRaw(f.t.Context())
	if err != nil {
		return nil, err
	}
	stored := map[string]any{}
	return stored, json.Unmarshal(answer, &stored)
}

// set puts a nasty value at the path, and plain ones where its neighbours are
// required.
func (f *fuzz) set(r *rand.Rand, object map[string]any, schema map[string]any, path []string) {
	property, _ := schema["properties"].(map[string]any)[path[0]].(map[string]any)
	rest := path[1:]
	switch {
	case len(rest) == 0:
		object[path[0]] = nasty(r, property)
		return
	case rest[0] == "[]":
		items := property["items"].(map[string]any)
		list, _ := object[path[0]].([]any)
		if len(list) == 0 {
			list = []any{plainValue(items)}
		}
		if len(rest) == 1 {
			list[0] = nasty(r, items)
		} else if item, ok := list[0].(map[string]any); ok {
			f.set(r, item, items, rest[1:])
		}
		object[path[0]] = list
	default:
		inner, ok := object[path[0]].(map[string]any)
		if !ok {
			inner = plainValue(property).(map[string]any)
		}
		f.set(r, inner, property, rest)
		object[path[0]] = inner
	}
}

// plainValue has what is required and is accepted.
func plainValue(schema map[string]any) any {
	if enum, ok := schema["enum"].([]any); ok {
		return enum[0]
	}
	switch kindOf(schema) {
	case "quantity", "integer", "int-or-string":
		return 1
	case "date":
		return "2026-01-01T00:00:00Z"
	case "duration":
		return "1m"
	case "boolean":
		return true
	case "array":
		items, _ := schema["items"].(map[string]any)
		return []any{plainValue(items)}
	case "object":
		out := map[string]any{}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			properties := schema["properties"].(map[string]any)
			out[name.(string)] = plainValue(properties[name.(string)].(map[string]any))
		}
		return out
	}
	return "a"
}

// name reports the objects that Go cannot decode, one by one.
func (f *fuzz) name(item func() client.Object) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(v1alpha1.GroupVersion.String())
	list.SetKind(map[string]string{"batchjobs": "BatchJobList", "cronbatchjobs": "CronBatchJobList"}[f.resource])
	if err := api.List(f.t.Context(), list, client.InNamespace(f.namespace)); err != nil {
		f.t.Fatal(err)
	}
	shown := 0
	for _, object := range list.Items {
		text, _ := json.Marshal(object.Object)
		if err := json.Unmarshal(text, item()); err != nil && shown < 20 {
			shown++
			text, _ := yaml.Marshal(map[string]any{"spec": object.Object["spec"], "status": object.Object["status"]})
			f.t.Errorf("%s: %v\n%s", object.GetName(), err, strings.TrimSpace(string(text)))
		}
	}
}
