package kube

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// A revision is what an object was from a resource version on; nil if it was not there. It is never changed.
type revision struct {
	from   int64
	object object
}

// A shelf holds the revisions of one resource's objects, by namespace, a slash and name.
type shelf map[string][]revision

// at returns what an object was at a resource version, nil if it was not there.
func (h shelf) at(key string, rv int64) object {
	versions := h[key]
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].from <= rv {
			return versions[i].object
		}
	}
	return nil
}

// Put puts objects in place, or replaces those of their names. A uid, a creation time and a resource version are filled in.
func (s *Server) Put(objects ...object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range objects {
		r, err := resourceOf(o)
		if err != nil {
			return err
		}
		switch {
		case o.GetName() == "":
			return fmt.Errorf("%s without a name", r.kind)
		case r.namespaced != (o.GetNamespace() != ""):
			return fmt.Errorf("%s %q: namespace is %q", r.kind, o.GetName(), o.GetNamespace())
		}
		s.put(r, o.DeepCopyObject().(object))
	}
	return nil
}

// put holds o, which is the server's from now on. The caller has the lock.
func (s *Server) put(r *resource, o object) {
	if s.shelves[r] == nil {
		s.shelves[r] = make(shelf)
	}
	key := o.GetNamespace() + "/" + o.GetName()
	if was := s.shelves[r].at(key, s.rv); was != nil {
		o.SetUID(was.GetUID())
		o.SetCreationTimestamp(was.GetCreationTimestamp())
	}
	if o.GetUID() == "" {
		o.SetUID(types.UID(uuid.NewString()))
	}
	if created := o.GetCreationTimestamp(); created.IsZero() {
		o.SetCreationTimestamp(metav1.NewTime(s.cfg.Now()))
	}
	s.rv++
	o.SetResourceVersion(strconv.FormatInt(s.rv, 10))
	o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // a list says it once, and get adds it
	s.shelves[r][key] = append(s.shelves[r][key], revision{s.rv, o})
}

// Delete removes the objects of these kinds and names, if they are there.
func (s *Server) Delete(objects ...object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range objects {
		r, err := resourceOf(o)
		if err != nil {
			return err
		}
		key := o.GetNamespace() + "/" + o.GetName()
		if s.shelves[r].at(key, s.rv) != nil {
			s.rv++
			s.shelves[r][key] = append(s.shelves[r][key], revision{from: s.rv})
		}
	}
	return nil
}

// Compact forgets all versions but the present one, as the API server's store does every five minutes: a list that was
// begun before cannot go on.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compacted = s.rv
	for _, h := range s.shelves {
		for key, versions := range h {
			if last := versions[len(versions)-1]; last.object == nil {
				delete(h, key)
			} else {
				h[key] = []revision{last}
			}
		}
	}
}

func resourceOf(o object) (*resource, error) {
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return nil, err
	}
	r := find(func(r *resource) bool { return r.groupVersion() == kinds[0].GroupVersion() && r.kind == kinds[0].Kind })
	if r == nil {
		return nil, fmt.Errorf("%v is not served here", kinds[0])
	}
	return r, nil
}

// keys are those of a namespace's objects, "" for all, at a resource version and after a key, in order. The caller has the lock.
func (s *Server) keys(r *resource, namespace string, rv int64, after string) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(s.shelves[r])) {
		o := s.shelves[r].at(key, rv)
		if o != nil && key > after && (namespace == "" || o.GetNamespace() == namespace) {
			keys = append(keys, key)
		}
	}
	return keys
}
