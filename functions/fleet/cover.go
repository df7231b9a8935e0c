package fleet

import "slices"

// unsupported says why no sensor can watch a node, "" if one can.
func unsupported(n Node) string {
	switch {
	case n.OS != "" && n.OS != "linux":
		return "its operating system is " + n.OS
	case n.Sandboxed:
		return "it runs pods in gVisor, whose system calls do not reach the node's kernel"
	}
	return ""
}

// byItself are the taints that the DaemonSet controller gives its pods a toleration for.
// https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations
var byItself = []string{
	"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/disk-pressure", "node.kubernetes.io/memory-pressure",
	"node.kubernetes.io/pid-pressure", "node.kubernetes.io/unschedulable", "node.kubernetes.io/network-unavailable",
}

// keptAway names the taint that keeps the DaemonSet's pods from a node, "" if none does.
func keptAway(n Node, tolerations []Toleration) string {
	if tolerations == nil {
		return ""
	}
	for _, t := range n.Taints {
		if t.Effect == "PreferNoSchedule" || slices.Contains(byItself, t.Key) {
			continue
		}
		if !slices.ContainsFunc(tolerations, func(o Toleration) bool { return o.tolerates(t) }) {
			return "the sensor's DaemonSet does not tolerate the taint " + clip(t.Key+"="+t.Value+":"+t.Effect)
		}
	}
	return ""
}

// tolerates is as the scheduler has it: no key with Exists is every taint, no effect every effect, no operator Equal.
func (o Toleration) tolerates(t Taint) bool {
	if o.Effect != "" && o.Effect != t.Effect || o.Key != "" && o.Key != t.Key {
		return false
	}
	switch o.Operator {
	case "Exists":
		return true
	case "", "Equal":
		return o.Key != "" && o.Value == t.Value
	}
	return false
}
