package alerting

import (
	"maps"
	"slices"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
)

// container is nil for the host.
func container(c *event.Container) *alert.Container {
	if c == nil || !c.InContainer() {
		return nil
	}
	return &alert.Container{
		Id:              c.FullID,
		Name:            c.Name,
		Runtime:         c.Runtime,
		ImageRepository: c.Image.Repository,
		ImageTag:        c.Image.Tag,
		ImageDigest:     c.Image.Digest,
		ImageId:         c.Image.ID,
		Privileged:      c.Privileged,
		CreatedTime:     alert.Time(c.CreatedAt),
		Labels:          labels(c.Labels),
		Incomplete:      c.Metadata == event.MetadataMissing,
	}
}

func pod(c *event.Container) *alert.Pod {
	if c == nil || c.Pod == nil {
		return nil
	}
	p := c.Pod
	return &alert.Pod{
		Namespace: p.Namespace, Name: p.Name, Uid: p.UID, Ip: p.IP,
		Labels:       labels(p.Labels),
		WorkloadKind: p.WorkloadKind, WorkloadName: p.WorkloadName,
	}
}

// labels are sorted, since a map's order differs each time.
func labels(m map[string]string) []*alert.Label {
	var out []*alert.Label
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, &alert.Label{Key: k, Value: m[k]})
	}
	return out
}
