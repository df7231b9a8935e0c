package fleet

import (
	"slices"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/internal/kube"
)

// unsupported says why no sensor can watch a node, or not all of it; "" if one can.
func unsupported(n kube.Node) string {
	switch {
	case n.OS != "" && n.OS != "linux":
		return "its operating system is " + clip(n.OS)
	case n.GVisor:
		return "it runs pods in gVisor, whose system calls do not reach the node's kernel"
	}
	return ""
}

// byItself are the taints that the DaemonSet controller gives its pods a toleration for.
// https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations
var byItself = []string{
	corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeDiskPressure, corev1.TaintNodeMemoryPressure,
	corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable, corev1.TaintNodeNetworkUnavailable,
}

// keptAway names the taint that keeps the DaemonSet's pods from a node, "" if none does. Nil tolerations are taken for all.
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
func keptAway(n kube.Node, tolerations []corev1.Toleration) string {
	if tolerations == nil {
		return ""
	}
	for _, t := range n.Taints {
		if t.Effect == corev1.TaintEffectPreferNoSchedule || slices.Contains(byItself, t.Key) {
			continue
		}
		if !slices.ContainsFunc(tolerations, func(o corev1.Toleration) bool { return o.ToleratesTaint(logr.Discard(), &t, false) }) {
			return "the sensor's DaemonSet does not tolerate the taint " + clip(t.ToString())
		}
	}
	return ""
}
