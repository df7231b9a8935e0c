package check

import "tiercel.dev/internal/posture"

// A World is what conditions see of one cluster.
type World struct {
	// Resource is the cluster, without pool or object.
	Resource posture.Resource
	// Vars are by name ([Names]): "cluster" is a *containerpb.Cluster, "server_config", "upgrade_info" likewise; what is derived is
	// of map[string]any, []any, texts, int64, bools and time.Time.
	Vars map[string]any
	// Sets are what checks may be about besides the cluster, by the set's name ("pool", "ns", "workload", "binding", …): a
	// check that is about each of a set has one verdict for each item, and sees it under the set's name.
	Sets map[string][]Item
	// Unknown are variables, sets and fields of variables ("cluster.master_auth.client_certificate") that could not be found out,
	// each with the gap that says why; also parts of what a check needs ("credentials"). A condition that depends on one is neither
	// true nor false, and its verdict UNKNOWN. What is neither here nor among Vars and Sets was not read, and is unknown too.
	Unknown map[string]*posture.Gap
}

// An Item is one thing of a set.
type Item struct {
	Resource posture.Resource
	Value    any
	// Unknown are fields of the item that could not be found out, by their path below it ("config.labels").
	Unknown map[string]*posture.Gap
}
