package container

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// ErrConfig: a setting cannot be used. The message names the field.
var ErrConfig = errors.New("container: bad setting")

// Config holds the settings of a [Resolver]. The zero value of a field means what its comment says, and is not replaced by
// the default; [DefaultConfig] has those.
type Config struct {
	// Sockets are the paths where container runtimes may listen. All that speak CRI v1 are used; one that is not there is
	// looked for again and again. None: containers have only their ids. Default: containerd's, CRI-O's and k3s's.
	Sockets []string

	// ProcRoot is where /proc of the host's pid namespace is mounted, to look up cgroups whose path the kernel's records did
	// not bring. Empty: not looked up. Default /proc.
	ProcRoot string

	// CgroupRoot is where the host's cgroup filesystems are mounted, to make sure that a path from ProcRoot is that of the
	// cgroup asked for. Empty: such paths are believed for a short time only. Default /sys/fs/cgroup.
	CgroupRoot string

	// HoldFor bounds how long after the first sight of a container its events are said to be [Resolver.Pending]. Zero: never.
	// Default 500 ms.
	HoldFor time.Duration

	// MaxCgroups bounds the cgroup ids kept, about 100 bytes each. The least recently used go first. Default 16384.
	MaxCgroups int

	// MaxContainers bounds the containers kept, about 4 KB each with usual metadata. The least recently used go first.
	// Default 4096; the kubelet's own limit is 110 pods on a node (GKE: 256).
	MaxContainers int

	// OnCgroup, if set, is called by Attach for each cgroup id whose path became known for sure, also again when the kernel
	// sent it again: the kernel's filter learns from it which ids are containers'.
	OnCgroup func(id uint64, container bool)
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Sockets: []string{
			"/run/containerd/containerd.sock",
			"/run/crio/crio.sock",
			"/run/k3s/containerd/containerd.sock",
		},
		ProcRoot:      "/proc",
		CgroupRoot:    "/sys/fs/cgroup",
		HoldFor:       500 * time.Millisecond,
		MaxCgroups:    16384,
		MaxContainers: 4096,
	}
}

// Validate says which field cannot be used; the error is an [ErrConfig].
func (c Config) Validate() error {
	for i, s := range c.Sockets {
		// 107 bytes are what sun_path holds beside its NUL.
		if !filepath.IsAbs(s) || len(s) > 107 {
			return fmt.Errorf("%w: Sockets[%d]: %q: want an absolute path of at most 107 bytes", ErrConfig, i, s)
		}
	}
	for _, p := range []struct{ field, path string }{{"ProcRoot", c.ProcRoot}, {"CgroupRoot", c.CgroupRoot}} {
		if p.path != "" && !filepath.IsAbs(p.path) {
			return fmt.Errorf("%w: %s: %q: want an absolute path, or none", ErrConfig, p.field, p.path)
		}
	}
	if c.HoldFor < 0 || c.HoldFor > time.Minute {
		return fmt.Errorf("%w: HoldFor: %v: want 0 to 1m", ErrConfig, c.HoldFor)
	}
	if c.MaxCgroups < 1 {
		return fmt.Errorf("%w: MaxCgroups: %d: want at least 1", ErrConfig, c.MaxCgroups)
	}
	if c.MaxContainers < 1 {
		return fmt.Errorf("%w: MaxContainers: %d: want at least 1", ErrConfig, c.MaxContainers)
	}
	return nil
}
