package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Client is what one process talks through: it reads from the process's caches
// and writes to the store, with the faults of the world in between.
type Client struct {
	proc   *Process
	status bool
}

var _ client.Client = &Client{}

// errUnsupported is the answer to what the world does not simulate.
var errUnsupported = errors.New("the world does not simulate this request")

// Get reads the cache.
func (c *Client) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	k := kindOf(obj)
	o, ok := c.proc.caches[k].view[key]
	defer c.proc.world.Weather.CacheRead()
	if !ok {
		_, err := (&Store{}).get(k, key)
		return err
	}
	copyInto(obj, o)
	obj.GetObjectKind().SetGroupVersionKind(k.gvk)
	c.proc.saw(obj)
	return nil
}

// List reads the cache; it knows label selectors and the program's indexes.
func (c *Client) List(_ context.Context, out client.ObjectList, opts ...client.ListOption) error {
	defer c.proc.world.Weather.CacheRead()
	k := kindOf(out)
	defer c.proc.found(out)
	return listInto(out, c.proc.caches[k].list(), c.proc.program.indexes(k), opts)
}

// Create stores a copy of obj.
func (c *Client) Create(_ context.Context, obj client.Object, opts ...client.CreateOption) error {
	o := client.CreateOptions{}
	o.ApplyOptions(opts)
	sent := overTheWire(obj)
	if err := c.proc.world.refuse(sent); err != nil {
		return err
	}
	if len(o.DryRun) > 0 {
		return c.store().admits(kindOf(obj), obj.GetName())
	}
	by := c.proc.actor()
	return c.write("create", sent, obj, func() (client.Object, error) {
		return c.store().create(by, sent)
	})
}

// Update replaces the object, or its status in a Status() client.
func (c *Client) Update(_ context.Context, obj client.Object, _ ...client.UpdateOption) error {
	sent, by := overTheWire(obj), c.proc.actor()
	return c.write(c.verb("update"), sent, obj, func() (client.Object, error) {
		return c.store().update(by, sent, c.status)
	})
}

// Patch sends the patch.
func (c *Client) Patch(_ context.Context, obj client.Object, p client.Patch, _ ...client.PatchOption) error {
	data, err := p.Data(obj)
	if err != nil {
		return err
	}
	k, key, how, by := kindOf(obj), client.ObjectKeyFromObject(obj), p.Type(), c.proc.actor()
	return c.write(c.verb("patch"), obj, obj, func() (client.Object, error) {
		return c.store().patch(by, k, key, how, data, c.status)
	})
}

// Delete sends the deletion.
func (c *Client) Delete(_ context.Context, obj client.Object, opts ...client.DeleteOption) error {
	o := client.DeleteOptions{}
	o.ApplyOptions(opts)
	k, key, by := kindOf(obj), client.ObjectKeyFromObject(obj), c.proc.actor()
	return c.write("delete", obj, nil, func() (client.Object, error) {
		return nil, c.store().remove(by, k, key, o)
	})
}

// DeleteAllOf is not simulated.
func (c *Client) DeleteAllOf(context.Context, client.Object, ...client.DeleteAllOfOption) error {
	return errUnsupported
}

// Apply is not simulated.
func (c *Client) Apply(context.Context, runtime.ApplyConfiguration, ...client.ApplyOption) error {
	return errUnsupported
}

// write sends one request through the weather: into gets the answer, if any.
func (c *Client) write(verb string, sent, into client.Object, do func() (client.Object, error)) error {
	op := Op{Proc: c.proc, Verb: verb, Kind: kindOf(sent), Key: client.ObjectKeyFromObject(sent)}
	answer, err := c.proc.world.request(op, do)
	if err != nil || into == nil {
		return err
	}
	copyInto(into, answer)
	c.proc.saw(into)
	return nil
}

func (c *Client) store() *Store { return c.proc.world.Store }

func (c *Client) verb(v string) string {
	if c.status {
		return v + " status of"
	}
	return v
}

// Status writes the status subresource.
func (c *Client) Status() client.SubResourceWriter {
	return &statusClient{&Client{proc: c.proc, status: true}}
}

// SubResource knows status only.
func (c *Client) SubResource(name string) client.SubResourceClient {
	if name != "status" {
		panic("the world has no subresource " + name)
	}
	return &statusClient{&Client{proc: c.proc, status: true}}
}

// Scheme of the world.
func (c *Client) Scheme() *runtime.Scheme { return Scheme }

// RESTMapper is nil: nothing under test asks for it.
func (c *Client) RESTMapper() meta.RESTMapper { return nil }

// GroupVersionKindFor asks the scheme.
func (c *Client) GroupVersionKindFor(obj runtime.Object) (schema.GroupVersionKind, error) {
	return kindOf(obj).gvk, nil
}

// IsObjectNamespaced is true of all that the world holds.
func (c *Client) IsObjectNamespaced(runtime.Object) (bool, error) { return true, nil }

// statusClient adapts a Client to the subresource interfaces.
type statusClient struct{ c *Client }

func (s *statusClient) Get(context.Context, client.Object, client.Object, ...client.SubResourceGetOption) error {
	return errUnsupported
}

func (s *statusClient) Create(context.Context, client.Object, client.Object, ...client.SubResourceCreateOption) error {
	return errUnsupported
}

func (s *statusClient) Update(ctx context.Context, obj client.Object, _ ...client.SubResourceUpdateOption) error {
	return s.c.Update(ctx, obj)
}

func (s *statusClient) Patch(ctx context.Context, obj client.Object, p client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.c.Patch(ctx, obj, p)
}

func (s *statusClient) Apply(context.Context, runtime.ApplyConfiguration, ...client.SubResourceApplyOption) error {
	return errUnsupported
}

// Live reads the API server itself. That can fail, and others can act before
// the answer.
type Live struct{ proc *Process }

var _ client.Reader = &Live{}

// Get reads the store.
func (l *Live) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	k := kindOf(obj)
	if err := l.proc.world.liveRead(Op{Proc: l.proc, Verb: "get live", Kind: k, Key: key}); err != nil {
		return err
	}
	o, err := l.proc.world.Store.get(k, key)
	if err != nil {
		return err
	}
	copyInto(obj, o)
	l.proc.saw(obj)
	return nil
}

// List reads the store.
func (l *Live) List(_ context.Context, out client.ObjectList, opts ...client.ListOption) error {
	k := kindOf(out)
	if err := l.proc.world.liveRead(Op{Proc: l.proc, Verb: "list live", Kind: k}); err != nil {
		return err
	}
	out.SetResourceVersion(strconv.FormatInt(l.proc.world.Store.rv, 10))
	defer l.proc.found(out)
	return listInto(out, l.proc.world.Store.list(k), nil, opts)
}

// copyInto makes *dst a deep copy of *src, as decoding an answer does; who asked
// for the metadata gets that.
func copyInto(dst, src client.Object) {
	if meta, partial := dst.(*metav1.PartialObjectMetadata); partial {
		src.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta).DeepCopyInto(&meta.ObjectMeta)
		return
	}
	reflect.ValueOf(dst).Elem().Set(reflect.ValueOf(src.DeepCopyObject()).Elem())
}

// overTheWire is what the API server decodes of an object that a client sends:
// instants lose their fractions, and what omitempty hides is gone.
func overTheWire(obj client.Object) client.Object {
	data, err := json.Marshal(obj)
	if err != nil {
		panic(fmt.Sprintf("a client sends what has no JSON: %v", err))
	}
	out := reflect.New(reflect.TypeOf(obj).Elem()).Interface().(client.Object)
	if err := json.Unmarshal(data, out); err != nil {
		panic(fmt.Sprintf("a client sends what cannot be decoded: %v", err))
	}
	out.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return out
}
