//go:build tools

// Package tools pins the container runtime that the end-to-end test starts, built from its own module so that the
// project's dependencies stay the sensor's.
package tools

import (
	_ "github.com/containerd/containerd/v2/cmd/containerd"
	_ "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
	_ "github.com/containerd/containerd/v2/cmd/ctr"
)
