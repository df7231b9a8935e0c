package capture

import "tiercel.dev/internal/event"

// container codes k under the number ref.
func (c *coder) container(k *event.Container, ref *uint64) {
	unsigned(c, 1, ref)
	c.text(2, &k.ID)
	c.text(3, &k.FullID)
	unsigned(c, 4, &k.Metadata)
	c.text(5, &k.Runtime)
	c.text(6, &k.Name)
	c.text(7, &k.Image.Repository)
	c.text(8, &k.Image.Tag)
	c.text(9, &k.Image.Digest)
	c.text(10, &k.Image.ID)
	c.pairs(11, &k.Labels)
	c.flag(12, &k.Privileged)
	c.mounts(13, &k.Mounts)
	signed(c, 14, &k.CreatedAt)
	c.pod(&k.Pod)
}

// pod codes a container's pod within it; field 20 says that there is one.
func (c *coder) pod(p **event.Pod) {
	has := *p != nil
	c.flag(20, &has)
	if !has {
		*p = nil
		return
	}
	if c.reading {
		*p = new(event.Pod)
	}
	pod := *p
	c.text(21, &pod.Name)
	c.text(22, &pod.Namespace)
	c.text(23, &pod.UID)
	c.text(24, &pod.SandboxID)
	c.text(25, &pod.IP)
	c.pairs(26, &pod.Labels)
	c.text(27, &pod.WorkloadKind)
	c.text(28, &pod.WorkloadName)
}

// mounts codes each mount as five strings.
func (c *coder) mounts(field int, p *[]event.MountPoint) {
	const parts = 5
	var list []string
	if !c.reading {
		for _, m := range *p {
			mode := "ro"
			if m.ReadWrite {
				mode = "rw"
			}
			list = append(list, m.Source, m.Dest, m.Mode, m.Propagation, mode)
		}
	}
	c.list(field, &list)
	if !c.reading {
		return
	}
	*p = nil
	if len(list)%parts != 0 {
		c.fail("field %d: a mount has too few strings", field)
		return
	}
	for ; len(list) > 0; list = list[parts:] {
		*p = append(*p, event.MountPoint{Source: list[0], Dest: list[1], Mode: list[2], Propagation: list[3], ReadWrite: list[4] == "rw"})
	}
}
