package kube

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

func (s *Server) get(r *resource, c *call) (object, error) {
	namespace := c.namespace
	if !r.namespaced {
		namespace = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.shelves[r].at(namespace+"/"+c.name, s.rv)
	if o == nil {
		return nil, apierrors.NewNotFound(r.groupResource(), c.name)
	}
	o = o.DeepCopyObject().(object)
	o.GetObjectKind().SetGroupVersionKind(r.groupVersion().WithKind(r.kind))
	return o, nil
}

// A list is the JSON of any resource's.
type list struct {
	metav1.TypeMeta
	Metadata metav1.ListMeta `json:"metadata"`
	Items    []object        `json:"items"`
}

// A mark is where a list goes on: at a resource version, after a key. The API server's continue tokens say the same.
type mark struct {
	Version string `json:"v"`
	RV      int64  `json:"rv"`
	After   string `json:"start"`
}

const markVersion = "meta.k8s.io/v1"

func (s *Server) list(r *resource, c *call, query url.Values) (*list, error) {
	wanted, all, err := r.selection(query)
	if err != nil {
		return nil, err
	}
	limit, err := number(query, "limit")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, err := s.mark(query.Get("continue"))
	if err != nil {
		return nil, err
	}
	out := &list{
		TypeMeta: metav1.TypeMeta{Kind: r.kind + "List", APIVersion: r.groupVersion().String()},
		Metadata: metav1.ListMeta{ResourceVersion: strconv.FormatInt(from.RV, 10)}, Items: []object{},
	}
	keys := s.keys(r, c.namespace, from.RV, from.After)
	for i, key := range keys {
		if o := s.shelves[r].at(key, from.RV); wanted(o) {
			out.Items = append(out.Items, o)
		}
		if left := int64(len(keys) - i - 1); limit > 0 && int64(len(out.Items)) == limit && left > 0 {
			out.Metadata.Continue = mark{markVersion, from.RV, key}.String()
			if all { // what a selector leaves is not counted
				out.Metadata.RemainingItemCount = &left
			}
			break
		}
	}
	return out, nil
}

// metadataOnly leaves nothing of the objects but who they are.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
func (l *list) metadataOnly() {
	l.TypeMeta = metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: metav1.SchemeGroupVersion.String()}
	for i, o := range l.Items {
		part := meta.AsPartialObjectMetadata(o)
		part.TypeMeta = metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: metav1.SchemeGroupVersion.String()}
		l.Items[i] = part
	}
}

// selection reads a list's selectors. all says that there are none.
func (r *resource) selection(query url.Values) (wanted func(object) bool, all bool, err error) {
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return nil, false, apierrors.NewBadRequest(err.Error())
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return nil, false, apierrors.NewBadRequest(err.Error())
	}
	for _, one := range byField.Requirements() {
		if err := r.checkField(one.Field); err != nil {
			return nil, false, apierrors.NewBadRequest(err.Error())
		}
	}
	return func(o object) bool {
			return byLabel.Matches(labels.Set(o.GetLabels())) && byField.Matches(r.fieldsOf(o))
		},
		byLabel.Empty() && byField.Empty(), nil
}

func number(query url.Values, name string) (int64, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, apierrors.NewBadRequest(err.Error())
	}
	return n, nil
}

func (m mark) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// mark reads a continue token; a list without one begins now. The caller has the lock.
func (s *Server) mark(token string) (mark, error) {
	if token == "" {
		return mark{RV: s.rv}, nil
	}
	var m mark
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Version != markVersion {
		err = fmt.Errorf("server does not recognize this encoded version %s", m.Version)
	}
	switch {
	case err != nil:
		return mark{}, apierrors.NewBadRequest(fmt.Sprintf("invalid continue token: continue key is not valid: %v", err))
	case m.RV == goOn:
		m.RV = s.rv
	case m.RV < s.compacted || m.RV > s.rv:
		expired := apierrors.NewResourceExpired(expiredText)
		expired.ErrStatus.Continue = mark{markVersion, goOn, m.After}.String()
		return mark{}, expired
	}
	return m, nil
}

const (
	// goOn is the resource version of a list that goes on with what is there now.
	goOn        = -1
	expiredText = "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
		"the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with " +
		"the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the " +
		"first chunk was returned and now may show up in the list."
)
