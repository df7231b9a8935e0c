//go:build tools

// Package tools names the programs of a Kubernetes API that scripts/kube-api builds.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
