package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

const (
	listPage = 500
	// pageTimeout bounds one page of a list: the API server's own limit for a request is a minute.
	pageTimeout = time.Minute

	// Binary answers take a third of the time to read, and half the memory.
	typedAnswer = "application/vnd.kubernetes.protobuf,application/json"
	// A server that cannot leave out all but the metadata refuses this, and does not send more.
	metadataAnswer = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// Each lists all objects of a resource, in every namespace, and has each called with one after the other; newList makes the
// list's type. Each object may be kept: only a page of the list is held otherwise. An error ends it: [ErrForbidden],
// [ErrNotFound] if the resource is not served, or why nobody knows.
func (c *Client) Each(ctx context.Context, r schema.GroupVersionResource, newList func() runtime.Object, each func(runtime.Object)) error {
	return c.pages(ctx, r, typedAnswer, "", func(answer rest.Result) (string, error) {
		list := newList()
		if err := answer.Into(list); err != nil {
			return "", err
		}
		m, err := meta.ListAccessor(list)
		if err != nil {
			return "", err
		}
		return m.GetContinue(), meta.EachListItem(list, func(o runtime.Object) error { each(o); return nil })
	})
}

// EachCustom is [Client.Each] for resources whose types are not Kubernetes' own. T has what is read of their JSON.
func EachCustom[T any](ctx context.Context, c *Client, r schema.GroupVersionResource, each func(T)) error {
	return c.pages(ctx, r, "application/json", "", func(answer rest.Result) (string, error) {
		var list struct {
			Metadata metav1.ListMeta `json:"metadata"`
			Items    []T             `json:"items"`
		}
		if err := decode(answer, &list); err != nil {
			return "", err
		}
		for _, item := range list.Items {
			each(item)
		}
		return list.Metadata.Continue, nil
	})
}

// EachMetadata is [Client.Each] for metadata alone: the rest of an object never leaves the cluster. selector is one for fields.
func (c *Client) EachMetadata(ctx context.Context, r schema.GroupVersionResource, selector string, each func(metav1.ObjectMeta)) error {
	return c.pages(ctx, r, metadataAnswer, selector, func(answer rest.Result) (string, error) {
		var list metav1.PartialObjectMetadataList
		if err := decode(answer, &list); err != nil {
			return "", err
		}
		if list.Kind != "PartialObjectMetadataList" {
			return "", fmt.Errorf("asked for metadata, the answer is %q", list.Kind)
		}
		for i := range list.Items {
			each(list.Items[i].ObjectMeta)
		}
		return list.Continue, nil
	})
}

// Groups are the names of the API groups that the cluster serves, without the core one. The errors are those of [Client.Each].
func (c *Client) Groups(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.all.cfg.Timeout)
	defer cancel()
	var list metav1.APIGroupList
	if err := decode(c.core.RESTClient().Get().AbsPath("/apis").SetHeader("Accept", "application/json").Do(quiet(ctx)), &list); err != nil {
		return nil, fmt.Errorf("get /apis: %w", plain(err))
	}
	names := []string{}
	for _, g := range list.Groups {
		names = append(names, g.Name)
	}
	return names, nil
}

// Resources are the names of the resources of a group's version. The errors are those of [Client.Each].
func (c *Client) Resources(ctx context.Context, v schema.GroupVersion) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.all.cfg.Timeout)
	defer cancel()
	var list metav1.APIResourceList
	if err := decode(c.core.RESTClient().Get().AbsPath("/apis", v.Group, v.Version).SetHeader("Accept", "application/json").Do(quiet(ctx)), &list); err != nil {
		return nil, fmt.Errorf("get /apis/%s: %w", v, plain(err))
	}
	var names []string
	for _, r := range list.APIResources {
		names = append(names, r.Name)
	}
	return names, nil
}

func decode(answer rest.Result, v any) error {
	text, err := answer.Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// pages asks for a list page by page; read returns where the next begins. A page of objects that are so large that together they
// are refused by the guard is asked for in smaller ones.
func (c *Client) pages(ctx context.Context, r schema.GroupVersionResource, accept, fields string, read func(rest.Result) (string, error)) error {
	limit := listPage
	for next := ""; ; {
		at, err := c.page(ctx, r, accept, fields, next, limit, read)
		_, large := errors.AsType[*http.MaxBytesError](err)
		st, _ := errors.AsType[*apierrors.StatusError](err)
		switch {
		case large && limit > 1:
			limit = max(1, limit/4)
			continue
		case apierrors.IsResourceExpired(err) && next != "" && st != nil && st.ErrStatus.Continue != "":
			next = st.ErrStatus.Continue // the rest as it is now: what was listed before was so a moment ago
			continue
		case err != nil:
			return fmt.Errorf("list %s: %w", r.GroupResource(), plain(err))
		}
		if next = at; next == "" {
			return nil
		}
	}
}

func (c *Client) page(
	ctx context.Context, r schema.GroupVersionResource, accept, fields, next string, limit int, read func(rest.Result) (string, error),
) (string, error) {
	ctx, cancel := context.WithTimeout(quiet(ctx), pageTimeout)
	defer cancel()
	path := "/apis/" + r.Group
	if r.Group == "" {
		path = "/api"
	}
	q := c.core.RESTClient().Get().AbsPath(path, r.Version, r.Resource).SetHeader("Accept", accept).Param("limit", strconv.Itoa(limit))
	if next != "" {
		q = q.Param("continue", next)
	}
	if fields != "" {
		q = q.Param("fieldSelector", fields)
	}
	return read(q.Do(ctx))
}
