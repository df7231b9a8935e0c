package event

// A Container is what the container runtime says of one container, or [Host]. It is never changed once made: newer
// metadata is a new Container.
type Container struct {
	ID       string // first 12 digits, or "host"
	FullID   string
	Metadata Metadata

	Runtime    string // "containerd", "cri-o", …
	Name       string
	Image      Image
	Labels     map[string]string
	Privileged bool
	Mounts     []MountPoint
	CreatedAt  int64 // ns since the epoch
	Pod        *Pod  // nil for a container that belongs to none, or is not known to
}

// Metadata says whether a Container's facts beyond its id are known.
type Metadata uint8

const (
	MetadataMissing Metadata = iota // the runtime was not asked, or had no answer (yet)
	MetadataComplete
)

type Image struct{ Repository, Tag, Digest, ID string }

type MountPoint struct {
	Source, Dest, Mode, Propagation string
	ReadWrite                       bool
}

// A Pod is the Kubernetes pod of a container, from the runtime's sandbox.
type Pod struct {
	Name, Namespace, UID, SandboxID string
	IP                              string
	Labels                          map[string]string
	WorkloadKind, WorkloadName      string // "" where the labels do not tell
}

// Host stands for no container. Its metadata is complete: there is none.
var Host = &Container{ID: "host", Metadata: MetadataComplete}

// InContainer reports whether c is a container and not the host.
func (c *Container) InContainer() bool { return c.ID != Host.ID }
