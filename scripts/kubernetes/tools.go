//go:build tools

// Package tools names the programs of Kubernetes that scripts/kube-api and scripts/noise build.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
