package cri

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"tiercel.dev/internal/event"
)

// Limits of what is kept of an answer. Names and image references have limits of their own where they are made (253 bytes
// for a pod's name, 255 for an image's repository), so that a longer one is no name: the answer is refused. Labels and
// mounts are their pod's author's to choose: what is too much of them is left out, and counted.
const (
	maxName       = 512
	maxReference  = 1024
	maxLabelKey   = 317 // prefix of 253, "/", name of 63
	maxLabelValue = 100 // bytes, as in Falco; Kubernetes allows 63
	maxLabels     = 128
	maxMounts     = 1024
	maxPath       = 4096 // PATH_MAX
)

// Cuts counts what was left out of answers.
type Cuts struct {
	Labels atomic.Uint64 // labels too long or too many
	Mounts atomic.Uint64 // mounts too many, or with a path no kernel takes
	NoInfo atomic.Uint64 // containers whose verbose part was missing or no JSON: privileged is not known, and shown as false
	NoPod  atomic.Uint64 // containers whose sandbox is not known: pod facts come from the container's labels
}

// Labels that the kubelet puts on each container and sandbox.
const (
	labelPodName   = "io.kubernetes.pod.name"
	labelNamespace = "io.kubernetes.pod.namespace"
	labelPodUID    = "io.kubernetes.pod.uid"
)

func (c *Client) container(ctx context.Context, id string, resp *runtime.ContainerStatusResponse) (*event.Container, error) {
	s := resp.GetStatus()
	if s.GetId() != id {
		return nil, fmt.Errorf("status of container %s: it says id %.70q: %w", id, s.GetId(), ErrRefused)
	}
	info, ok := parseInfo(resp.GetInfo())
	if !ok {
		c.cuts.NoInfo.Add(1)
	}
	k := &event.Container{
		ID:         id[:min(12, len(id))],
		FullID:     id,
		Metadata:   event.MetadataComplete,
		Runtime:    c.name,
		Name:       s.GetMetadata().GetName(),
		Image:      image(s, info),
		Labels:     c.labels(s.GetLabels()),
		Privileged: info.privileged(),
		Mounts:     c.mounts(s.GetMounts()),
		CreatedAt:  s.GetCreatedAt(),
	}
	pod, err := c.pod(ctx, id, info.SandboxID, s.GetLabels())
	if err != nil {
		return nil, err
	}
	k.Pod = pod
	return k, check(k)
}

// pod returns the pod of a container, which names its sandbox in its verbose part or else in the list.
func (c *Client) pod(ctx context.Context, id, sandboxID string, labels map[string]string) (*event.Pod, error) {
	if sandboxID == "" {
		list, err := c.rpc.ListContainers(ctx, &runtime.ListContainersRequest{Filter: &runtime.ContainerFilter{Id: id}})
		if err != nil {
			return nil, fail("list container "+id, err)
		}
		for _, k := range list.GetContainers() {
			if k.GetId() == id {
				sandboxID = k.GetPodSandboxId()
			}
		}
	}
	if sandboxID != "" {
		resp, err := c.sandboxStatus(ctx, sandboxID)
		if err == nil {
			return c.podOf(resp.GetStatus()), nil
		}
		if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	c.cuts.NoPod.Add(1)
	if labels[labelPodName] == "" {
		return nil, nil
	}
	return &event.Pod{
		Name: labels[labelPodName], Namespace: labels[labelNamespace], UID: labels[labelPodUID], SandboxID: sandboxID,
	}, nil
}

func (c *Client) podOf(s *runtime.PodSandboxStatus) *event.Pod {
	pod := &event.Pod{
		Name:      s.GetMetadata().GetName(),
		Namespace: s.GetMetadata().GetNamespace(),
		UID:       s.GetMetadata().GetUid(),
		SandboxID: s.GetId(),
		IP:        s.GetNetwork().GetIp(),
		Labels:    c.labels(s.GetLabels()),
	}
	pod.WorkloadKind, pod.WorkloadName = Workload(pod.Name, s.GetLabels())
	return pod
}

// sandbox makes a container of a pod's sandbox (the pause container), whose processes have a cgroup of their own. CRI gives
// it no name but its pod's.
func (c *Client) sandbox(id string, resp *runtime.PodSandboxStatusResponse) (*event.Container, error) {
	s := resp.GetStatus()
	info, ok := parseInfo(resp.GetInfo())
	if !ok {
		c.cuts.NoInfo.Add(1)
	}
	k := &event.Container{
		ID:         id[:min(12, len(id))],
		FullID:     id,
		Metadata:   event.MetadataComplete,
		Runtime:    c.name,
		Name:       s.GetMetadata().GetName(),
		Image:      parseReference(info.sandboxImage()),
		Labels:     c.labels(s.GetLabels()),
		Privileged: info.privileged(),
		CreatedAt:  s.GetCreatedAt(),
		Pod:        c.podOf(s),
	}
	return k, check(k)
}

// check refuses a container with texts that no runtime could have been given. That they are UTF-8 the decoders of proto3
// and JSON have seen to.
func check(k *event.Container) error {
	texts := []string{k.Name, k.Image.Repository, k.Image.Tag, k.Image.Digest, k.Image.ID}
	if p := k.Pod; p != nil {
		texts = append(texts, p.Name, p.Namespace, p.UID, p.SandboxID, p.IP)
	}
	for i, s := range texts {
		limit := maxName
		if i > 0 && i < 5 {
			limit = maxReference
		}
		if len(s) > limit {
			return fmt.Errorf("status of container %s: a text of %d bytes: %w", k.FullID, len(s), ErrRefused)
		}
	}
	return nil
}

// labels keeps the labels that are short enough, and of too many the first by name, so that it is always the same ones.
func (c *Client) labels(all map[string]string) map[string]string {
	if len(all) == 0 {
		return nil
	}
	keys := make([]string, 0, len(all))
	for k, v := range all {
		if len(k) <= maxLabelKey && len(v) <= maxLabelValue {
			keys = append(keys, k)
		}
	}
	if len(keys) > maxLabels {
		slices.Sort(keys)
		keys = keys[:maxLabels]
	}
	c.cuts.Labels.Add(uint64(len(all) - len(keys)))
	kept := make(map[string]string, len(keys))
	for _, k := range keys {
		kept[k] = all[k]
	}
	return kept
}

func (c *Client) mounts(all []*runtime.Mount) []event.MountPoint {
	var kept []event.MountPoint
	for _, m := range all {
		if len(kept) == maxMounts || len(m.GetHostPath()) > maxPath || len(m.GetContainerPath()) > maxPath {
			c.cuts.Mounts.Add(1)
			continue
		}
		kept = append(kept, event.MountPoint{
			Source:      m.GetHostPath(),
			Dest:        m.GetContainerPath(),
			Mode:        text(strings.Join(m.GetMountOptions(), ","), maxName),
			Propagation: propagation[m.GetPropagation()],
			ReadWrite:   !m.GetReadonly() && !m.GetRecursiveReadOnly(),
		})
	}
	return kept
}

// propagation holds the names that mount(8) has for CRI's modes, which Falco shows.
var propagation = map[runtime.MountPropagation]string{
	runtime.MountPropagation_PROPAGATION_PRIVATE:           "private",
	runtime.MountPropagation_PROPAGATION_HOST_TO_CONTAINER: "rslave",
	runtime.MountPropagation_PROPAGATION_BIDIRECTIONAL:     "rshared",
}

// text cuts s to at most limit bytes of valid UTF-8.
func text(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
