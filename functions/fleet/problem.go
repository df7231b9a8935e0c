package fleet

import (
	"tiercel.dev/alert"
)

// A Kind is what may be wrong: the name of the rule under which the alert is published. internal/scc knows the same names.
type Kind string

const (
	Missing     Kind = "tiercel_sensor_missing"
	Losing      Kind = "tiercel_sensor_losing"
	Stale       Kind = "tiercel_sensor_rules_stale"
	Outdated    Kind = "tiercel_sensor_outdated"
	Uncovered   Kind = "tiercel_node_uncovered"
	Unsupported Kind = "tiercel_node_unsupported"
	Unreadable  Kind = "tiercel_cluster_unreadable"
)

// A rule says what a kind means, as the rules of sensors do.
type rule struct {
	title, description, nextSteps string
	severity                      alert.Severity
}

var rules = map[Kind]rule{
	Missing: {
		title:    "Sensor missing",
		severity: alert.High,
		description: "A node runs and its sensor is silent: it is dead, was stopped, or cannot reach Pub/Sub. Nothing is seen of what happens " +
			"on the node meanwhile, unless the sensor keeps its alerts on disk and can send them later.",
		nextSteps: "1. kubectl get pods -A --field-selector spec.nodeName=NODE: is the sensor's pod there, and does it run?\n" +
			"2. Its log, of its last run too (kubectl logs --previous), says why it ended, or what keeps it from publishing.\n" +
			"3. If nobody of yours stopped it, somebody else did: look at the node's alerts from before the silence, and take the node out of " +
			"service before you bring the sensor back.",
	},
	Losing: {
		title:    "Sensor loses events or alerts",
		severity: alert.Medium,
		description: "A sensor lost events that rules should have seen, or alerts that were not sent. A flood of events is also a way to hide " +
			"one among them. A sensor that is impaired may not read what it needs of its node: processes that ran before it are little known.",
		nextSteps: "1. See which program makes the load, and since when.\n2. ring_full and reserved: give the sensor a larger ring, more CPU, or rules " +
			"that need less of the kernel (tiercel rules explain).\n3. An output's losses: see its last error in the sensor's log, and whether its " +
			"spool is large enough.\n4. Impaired: compare the pod's securityContext with the manifest's; the message names what is missing.",
	},
	Stale: {
		title:    "Sensor with other rules than it should have",
		severity: alert.Medium,
		description: "A sensor could not take the rules it was given, or has others than its cluster's sensors for longer than a roll-out " +
			"takes. It still watches, for what its rules name.",
		nextSteps: "1. The sensor's log names the file and the line if the rules were refused; tiercel rules check finds the same before a " +
			"roll-out.\n2. Compare the pod's ConfigMap with the others'; delete the pod if it has an old one.",
	},
	Outdated: {
		title:       "Sensor out of date",
		severity:    alert.Low,
		description: "A sensor is of an older version than it should be.",
		nextSteps:   "See whether the DaemonSet's roll-out is stuck (kubectl rollout status). Pods of an OnDelete strategy must be deleted.",
	},
	Uncovered: {
		title:       "Node that the sensor is kept away from",
		severity:    alert.Medium,
		description: "A node has a taint that the sensor's DaemonSet does not tolerate: no sensor is started there, and nothing is seen of it.",
		nextSteps:   "Add a toleration for the taint to the DaemonSet, or for all of them: operator: Exists.",
	},
	Unsupported: {
		title:    "Node that no sensor can watch",
		severity: alert.Low,
		description: "A node's kernel is not the one that its pods' system calls reach, or not one for the sensor. That is known, and no " +
			"malfunction; what runs there is watched by nobody.",
		nextSteps: "Put what needs watching on other nodes. For gVisor, its own runtime monitoring sees what its pods do.",
	},
	Unreadable: {
		title:       "Cluster that could not be looked at",
		severity:    alert.Medium,
		description: "The nodes of a cluster could not be listed, so nobody knows whether its sensors live.",
		nextSteps: "1. forbidden, or PermissionDenied: grant the function's service account roles/container.clusterViewer on the project, and the right " +
			"to list nodes in the cluster.\n2. No answer: see that the function can reach an endpoint of the cluster (its DNS endpoint needs no network).",
	},
}

// A Problem is one thing that is wrong now.
type Problem struct {
	Kind         Kind   `json:"kind"`
	Project      string `json:"project"`
	Location     string `json:"location"`
	Cluster      string `json:"cluster"`
	Resource     string `json:"resource"` // the cluster's full resource name
	Node         string `json:"node,omitempty"`
	Pool         string `json:"node_pool,omitempty"`
	NodeResource string `json:"node_resource,omitempty"`
	Detail       string `json:"detail"`
}

// key tells problems apart.
func (p Problem) key() [5]string {
	return [5]string{string(p.Kind), p.Project, p.Location, p.Cluster, p.Node}
}
