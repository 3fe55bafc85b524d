package world

import (
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// theNamespace holds everything; worlds in which nobody deletes it do without.
const theNamespace = "default"

// finalizerNamespace stands for spec.finalizers of a namespace.
const finalizerNamespace = "kubernetes"

var namespaceKind = &kind{
	gvk:        corev1.SchemeGroupVersion.WithKind("Namespace"),
	resource:   schema.GroupResource{Resource: "namespaces"},
	keepStatus: func(client.Object, client.Object) {},
	keepSpec:   func(client.Object, client.Object) {},
	admit:      func(client.Object) {},
}

// closing: the namespace is being deleted.
func (s *Store) closing() bool {
	ns, ok := s.objects[namespaceKind][types.NamespacedName{Name: theNamespace}]
	return ok && ns.GetDeletionTimestamp() != nil
}

// terminating is the answer to a creation in such a namespace.
func terminating(k *kind, key types.NamespacedName) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Message: k.resource.Resource + " \"" + key.Name + "\" is forbidden: unable to create new content in namespace " + key.Namespace + " because it is being terminated",
		Details: &metav1.StatusDetails{Kind: k.resource.Resource, Name: key.Name, Causes: []metav1.StatusCause{{
			Type: corev1.NamespaceTerminatingCause, Message: "namespace " + key.Namespace + " is being terminated", Field: "metadata.namespace",
		}}},
	}}
}

// closeNamespace deletes it.
func (u *User) closeNamespace() bool {
	u.MayClose, u.Again = false, nil
	if err := u.store.remove(user, namespaceKind, types.NamespacedName{Name: theNamespace}, client.DeleteOptions{}); err != nil {
		panic(err)
	}
	u.story.Add("the user deletes the namespace")
	return true
}

// closeNamespace is the namespace controller, which deletes the pods before
// the jobs: what holds a pod until something new is made holds it for ever.
func (g *Collector) closeNamespace() bool {
	pods := g.store.Pods()
	for _, p := range pods {
		if p.DeletionTimestamp == nil {
			g.collect(p)
			return true
		}
	}
	jobs := g.store.list(jobKind)
	if len(pods) > 0 {
		return false
	}
	for _, o := range jobs {
		if o.GetDeletionTimestamp() == nil {
			if err := g.store.remove(collector, jobKind, client.ObjectKeyFromObject(o), client.DeleteOptions{}); err != nil {
				panic(err)
			}
			g.story.Add("%s goes with its namespace", o.GetName())
			return true
		}
	}
	if len(jobs) > 0 {
		return false
	}
	ns, err := g.store.get(namespaceKind, types.NamespacedName{Name: theNamespace})
	if err != nil {
		panic(err)
	}
	g.letGo(ns, finalizerNamespace)
	return true
}
