package node

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/alerting"
)

// version is set by the linker for a release (-X tiercel.dev/sensor/node.version=1.2.3).
var version string

// Version is the release, or the commit it was built from, or "dev".
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "dev-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "dev"
}

// Place says where the sensor runs, for its alerts. What a sensor cannot know of itself is empty unless set.
type Place struct {
	Node     string // default: $NODE_NAME, else the host's name
	Cluster  string
	Project  string
	Location string
}

func (p Place) withDefaults() (Place, error) {
	if p.Node == "" {
		p.Node = os.Getenv("NODE_NAME")
	}
	if p.Node == "" {
		name, err := os.Hostname()
		if err != nil {
			return p, fmt.Errorf("name of this node: %w; set it", err)
		}
		p.Node = name
	}
	return p, nil
}

// sensor is what all alerts of this process have in common. The sensor's id is the node's name: a DaemonSet has one
// sensor on a node, and where two run, their boot ids tell them apart.
func (p Place) sensor() alerting.Sensor {
	s := alerting.Sensor{
		ID:      p.Node,
		Version: Version(),
		Node:    &alert.Node{Name: p.Node, Kernel: kernelRelease(), Architecture: runtime.GOARCH},
	}
	if p.Cluster != "" || p.Project != "" || p.Location != "" {
		s.Cluster = &alert.Cluster{Name: p.Cluster, Project: p.Project, Location: p.Location}
	}
	return s
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return strings.TrimRight(string(u.Release[:]), "\x00")
}
