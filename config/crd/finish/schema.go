package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	listType    = "x-kubernetes-list-type"
	listMapKeys = "x-kubernetes-list-map-keys"
	intOrString = "x-kubernetes-int-or-string"
	anyFields   = "x-kubernetes-preserve-unknown-fields"
)

// Patterns no wider than what Go decodes. One admitted object that it cannot
// decode fails the typed LIST, and so blinds the operator to all objects.
const (
	// quantityPattern: resource.ParseQuantity. Upstream's own pattern admits
	// fractional and overflowing exponents, which the parser refuses, and such
	// of many digits, on which arithmetic takes for ever.
	quantityPattern = `^[+-]?([0-9]{1,64}(\.[0-9]{0,64})?|\.[0-9]{1,64})([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$`

	// dateTimePattern: time.Parse(time.RFC3339). The server's check of the
	// format date-time admits lower case, text after the zone and impossible
	// zones; that the day exists it does check.
	dateTimePattern = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
)

// uniqueInCore are the list-maps of a pod template whose keys core/v1
// validation requires to be unique (pkg/apis/core/validation); they stay maps.
var uniqueInCore = []string{
	"containers", "initContainers", "ephemeralContainers",
	"volumes", "volumeMounts", "volumeDevices",
	"resourceClaims", "schedulingGates", "topologySpreadConstraints",
}

// tolerantInCore are the list-maps and sets of a pod template for which it does
// not: a manifest with duplicates, fine for batch/v1, would be refused. ports
// would also need a default protocol inside the list. claims is unique by name
// and request, not by its key, the name. As lists they become atomic.
var tolerantInCore = []string{
	"env", "ports", "imagePullSecrets", "hostAliases", "claims", "values",
}

// zeroInCore are fields, by the one that has them, that Go's types always write
// and core/v1 takes for zero where they are left out.
var zeroInCore = map[string]string{
	"httpHeaders": "value", "sysctls": "value", "sleep": "seconds", "iscsi": "lun", "scaleIO": "secretRef",
	"preferredDuringSchedulingIgnoredDuringExecution": "preference",
}

// place is where in the schema a node stands.
type place struct {
	path     []string
	template bool // inside a pod template
	list     bool // inside a list
}

func (p place) child(name string) place {
	p.path = append(slices.Clone(p.path), name)
	return p
}

func (p place) name() string {
	if len(p.path) == 0 {
		return ""
	}
	return p.path[len(p.path)-1]
}

type finisher struct {
	errs []error
}

func (f *finisher) fail(at place, format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("%s: %s", strings.Join(at.path, "."), fmt.Sprintf(format, args...)))
}

func (f *finisher) walk(node map[string]any, at place) {
	if at.template {
		delete(node, "description")
	}
	if at.template || at.list {
		// Argo CD replaces lists whole and would see drift for ever; batch/v1's
		// defaults of a template are the pod's, set when it is created.
		delete(node, "default")
	}
	f.typed(node, at)
	if at.name() == "selector" && !at.template && !slices.Contains(at.path, "status") {
		boundSelector(node)
	}

	properties, _ := node["properties"].(map[string]any)
	inside := at
	inside.template = at.template || isPodTemplate(properties)
	if at.name() == "metadata" && len(properties) > 0 {
		allowCreationTimestamp(properties)
	}
	mayLack(node, at)
	for name, property := range properties {
		f.walk(property.(map[string]any), inside.child(name))
	}
	if len(at.path) > 0 && at.path[0] == "spec" {
		allowNulls(node, at)
	}
	if values, ok := node["additionalProperties"].(map[string]any); ok {
		f.walk(values, at.child("*"))
	}
	if items, ok := node["items"].(map[string]any); ok {
		inside := at.child("[]")
		inside.list = true
		f.walk(items, inside)
	}
}

// typed narrows a node by its type. The set of types is closed: one that is not
// known here may have a decoder of its own.
func (f *finisher) typed(node map[string]any, at place) {
	if node[intOrString] == true {
		f.intOrString(node)
		return
	}
	switch node["type"] {
	case "integer":
		f.integer(node, at)
	case "string":
		f.string(node, at)
	case "array":
		f.array(node, at)
	case "object", "boolean":
	case nil:
		if node[anyFields] != true {
			f.fail(at, "has no type: say in schema.go what Go decodes here")
		}
	default:
		f.fail(at, "has type %v: say in schema.go what Go decodes here", node["type"])
	}
}

// integer bounds int32, whose format API servers before 1.36 do not check. They
// all refuse what is no int64, and bounds at its ends, as float64, would refuse
// too much.
func (f *finisher) integer(node map[string]any, at place) {
	switch node["format"] {
	case "int32":
		atLeast(node, math.MinInt32)
		atMost(node, math.MaxInt32)
	case "int64":
	default:
		f.fail(at, "is an integer of format %v: use int32 or int64", node["format"])
	}
}

func (f *finisher) string(node map[string]any, at place) {
	switch node["format"] {
	case nil:
	case "date-time":
		dateTime(node)
	default:
		f.fail(at, "is a string of format %v: say in schema.go what Go decodes here", node["format"])
	}
}

// array settles whose keys are unique.
func (f *finisher) array(node map[string]any, at place) {
	if !at.template {
		return
	}
	switch node[listType] {
	case "map", "set":
		switch {
		case slices.Contains(uniqueInCore, at.name()):
		case slices.Contains(tolerantInCore, at.name()):
			node[listType] = "atomic"
			delete(node, listMapKeys)
		default:
			f.fail(at, "is a list-%v: look up whether core/v1 validation wants its keys unique and say so in schema.go", node[listType])
		}
	}
}

// intOrString narrows the two types that Kubernetes writes so. A quantity is
// told by its pattern. batch/v1 takes one written as a number with a fraction
// (cpu: 0.5), which int-or-string does not: the schema that does has no type,
// and rules out whatever is neither number nor string.
func (f *finisher) intOrString(node map[string]any) {
	if node["pattern"] == nil {
		atLeast(node, math.MinInt32)
		atMost(node, math.MaxInt32)
		return
	}
	for key := range node {
		if key != "description" {
			delete(node, key)
		}
	}
	node[anyFields] = true
	node["pattern"] = quantityPattern
	node["not"] = map[string]any{"enum": []any{true, false}}
	forbid(node, "Items")
	forbid(node, "Properties")
}

// allowNulls lets optional fields be null, which means absent, as for batch/v1:
// templating tools write it (`env:` and nothing below). Without this the server
// drops a null on create and refuses it in server-side apply. CEL rules see a
// null as absent. A field with a default gets that instead; a required one stays
// required.
func allowNulls(node map[string]any, at place) {
	properties, _ := node["properties"].(map[string]any)
	required, _ := node["required"].([]any)
	for name, property := range properties {
		p := property.(map[string]any)
		if !slices.Contains(required, any(name)) && p["type"] != nil && p["default"] == nil {
			p["nullable"] = true
		}
	}
	if values, ok := node["additionalProperties"].(map[string]any); ok && at.template && values["type"] != nil {
		values["nullable"] = true
	}
}

// mayLack takes from what is required in a template the field of zeroInCore.
func mayLack(node map[string]any, at place) {
	if !at.template {
		return
	}
	owner := at.name()
	if owner == "[]" {
		owner = at.path[len(at.path)-2]
	}
	required, _ := node["required"].([]any)
	left := slices.DeleteFunc(required, func(name any) bool { return name == zeroInCore[owner] })
	if node["required"] = left; len(left) == 0 {
		delete(node, "required")
	}
}

// isPodTemplate tells by what only a PodTemplateSpec has.
func isPodTemplate(properties map[string]any) bool {
	spec, _ := properties["spec"].(map[string]any)
	inner, _ := spec["properties"].(map[string]any)
	return inner["containers"] != nil && inner["restartPolicy"] != nil
}

// allowCreationTimestamp lets an embedded metadata have the field that tools
// write as null into every template, as batch/v1 does: kubectl would refuse it
// as unknown.
func allowCreationTimestamp(properties map[string]any) {
	if properties["labels"] == nil {
		return
	}
	properties["creationTimestamp"] = map[string]any{"type": "string", "format": "date-time"}
}

// dateTime also rules out lists: the server takes one for any string that has a
// format (kube-openapi, typeValidator.Validate), and Go does not.
func dateTime(node map[string]any) {
	node["pattern"] = dateTimePattern
	node["maxLength"] = 64
	forbid(node, "Items")
}

// forbid makes lists (Items) or objects (Properties) impossible.
func forbid(node map[string]any, what string) {
	node["min"+what], node["max"+what] = 1, 0
}

func atLeast(node map[string]any, limit int64) {
	if v, ok := node["minimum"].(float64); !ok || v <= float64(limit) {
		node["minimum"] = limit
	}
}

func atMost(node map[string]any, limit int64) {
	if v, ok := node["maximum"].(float64); !ok || v >= float64(limit) {
		node["maximum"] = limit
	}
}

// boundSelector limits a job's own selector, since CEL rules walk it and the
// server wants to know how far.
func boundSelector(node map[string]any) {
	properties := node["properties"].(map[string]any)
	labels := properties["matchLabels"].(map[string]any)
	labels["maxProperties"] = 32
	labels["additionalProperties"].(map[string]any)["maxLength"] = 63

	expressions := properties["matchExpressions"].(map[string]any)
	expressions["maxItems"] = 32
	expression := expressions["items"].(map[string]any)["properties"].(map[string]any)
	expression["key"].(map[string]any)["maxLength"] = 317
	expression["operator"].(map[string]any)["maxLength"] = 16
	values := expression["values"].(map[string]any)
	values["maxItems"] = 32
	values["items"].(map[string]any)["maxLength"] = 63
}
