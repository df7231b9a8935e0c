package probe

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Values of enum cgroup_note in bpf/maps.h.
const (
	cgroupHost      uint32 = 1
	cgroupContainer uint32 = 2
)

// SetCgroup tells the kernel side whether the cgroup is a container's, for kinds of scope ContainersOnly. An id it was
// not told of counts as both. It is called once for each cgroup, so that the lock costs nothing.
func (p *Probe) SetCgroup(id uint64, container bool) error {
	note := cgroupHost
	if container {
		note = cgroupContainer
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if err := p.objs.Cgroups.Update(id, note, ebpf.UpdateAny); err != nil {
		return fmt.Errorf("note cgroup %d: %w", id, err)
	}
	return nil
}

// cgroupController finds out which controller's tree container runtimes use here: "" under cgroup v2, else the first of
// those that every runtime sets up.
func cgroupController(procCgroup string) string {
	v1 := make(map[string]bool)
	lines := bufio.NewScanner(strings.NewReader(procCgroup))
	for lines.Scan() {
		id, rest, _ := strings.Cut(lines.Text(), ":")
		names, _, _ := strings.Cut(rest, ":")
		if id == "0" {
			continue
		}
		for name := range strings.SplitSeq(names, ",") {
			v1[name] = true
		}
	}
	for _, name := range []string{"memory", "pids", "cpu"} {
		if v1[name] {
			return name
		}
	}
	return ""
}

// cgroupSubsys returns the kernel's number of that controller, or -1 under cgroup v2.
func cgroupSubsys(kernel *btf.Spec) (int32, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0, fmt.Errorf("%w: %v: the kernel needs CONFIG_CGROUPS, and /proc must be mounted", ErrUnsupported, err)
	}
	name := cgroupController(string(text))
	if name == "" {
		return -1, nil
	}
	var ids *btf.Enum
	if err := kernel.TypeByName("cgroup_subsys_id", &ids); err != nil {
		return 0, fmt.Errorf("kernel's cgroup controllers: %w", err)
	}
	for _, v := range ids.Values {
		if v.Name == name+"_cgrp_id" {
			return int32(v.Value), nil
		}
	}
	return 0, fmt.Errorf("kernel's cgroup controllers: no %s", name)
}
