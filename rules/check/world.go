package check

import "tiercel.dev/internal/posture"

// A World is what conditions see of one cluster.
type World struct {
	// Vars are by name: "cluster" is a *containerpb.Cluster, "server_config", "upgrade_info" likewise; what is derived is of maps,
	// lists, texts, int64 and bools.
	Vars map[string]any
	// Sets are what checks may be about besides the cluster, by the set's name ("pool", "namespace", "workload", "binding", …): a
	// check that is about each of a set has one verdict for each item, and sees it under the set's name.
	Sets map[string][]Item
	// Unknown are variables and sets that could not be found out, each with the gap that says why. A condition that depends on one
	// is neither true nor false, and its verdict UNKNOWN.
	Unknown map[string]*posture.Gap
}

// An Item is one thing of a set.
type Item struct {
	Resource posture.Resource
	Value    any
	// Unknown are fields of the item that could not be found out, by their path below it.
	Unknown map[string]*posture.Gap
}
