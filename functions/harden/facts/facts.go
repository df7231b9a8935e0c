// Package facts makes of what the APIs said of a cluster the world that hardening checks see: the messages and objects as they
// are, and what follows from several of them together: who a role's rights come to, which pods a policy selects, what a service
// account may do. It decides no verdict and calls no API.
//
// What could not be read is unknown in the world, wherever something follows from it.
package facts

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/functions/upgrade"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// World is what conditions see of a snapshot.
func World(s *snapshot.Snapshot) *check.World {
	b := newBuilder(s)
	b.gke()
	if b.k != nil {
		b.namespaces()
		b.workloads()
		b.bindings()
		b.serviceAccounts()
		b.exposure()
		b.webhooks()
		b.budgets()
		b.requests()
		b.nodes()
		b.storage()
	} else {
		b.unread(snapshot.PartKubernetes, kubernetesNames...)
	}
	b.iam()
	b.principals()
	b.insights()
	return b.world
}

// kubernetesNames are the variables and sets that come from the cluster's own API.
var kubernetesNames = []string{
	"network", "storage", "ns", "workload", "binding", "service_account", "service", "webhook", "pdb", "csr", "node",
}

// A builder fills one world.
type builder struct {
	s     *snapshot.Snapshot
	k     *snapshot.Kubernetes
	world *check.World

	network  *posture.Network
	services map[string]*corev1.Service        // by namespace/name
	accounts map[string]*corev1.ServiceAccount // likewise
	granted  map[string][]grant                // by a subject's name, as principals are called
}

func newBuilder(s *snapshot.Snapshot) *builder {
	b := &builder{s: s, k: s.Kubernetes, granted: map[string][]grant{}}
	if b.k == nil {
		return b
	}
	b.services, b.accounts = map[string]*corev1.Service{}, map[string]*corev1.ServiceAccount{}
	for i := range b.k.Services {
		b.services[b.k.Services[i].Namespace+"/"+b.k.Services[i].Name] = &b.k.Services[i]
	}
	for i := range b.k.ServiceAccounts {
		b.accounts[b.k.ServiceAccounts[i].Namespace+"/"+b.k.ServiceAccounts[i].Name] = &b.k.ServiceAccounts[i]
	}
	return b
}

// gke has what GKE's API says.
func (b *builder) gke() {
	b.world = check.GKE(b.s.Resource, b.s.Cluster)
	w := b.world
	if b.s.ServerConfig != nil {
		w.Vars["server_config"] = b.s.ServerConfig
	}
	if b.s.Upgrade != nil {
		w.Vars["upgrade_info"] = b.s.Upgrade
	}
	if b.s.PoolUpgrades != nil {
		w.Vars["pool_upgrade_info"] = b.s.PoolUpgrades
	}
	if b.s.Operations != nil {
		w.Vars["operations"] = b.s.Operations
	}
	if sum, longest, text, err := upgrade.Possible(b.s.Cluster.GetMaintenancePolicy().GetWindow(), b.s.Time); err != nil {
		w.Unknown["maintenance"] = &posture.Gap{Part: "maintenance", Call: "GetCluster", Error: err.Error()}
	} else {
		w.Vars["maintenance"] = map[string]any{"hours": int64(sum.Hours()), "longest": int64(longest.Hours()), "window": text}
	}
	b.unread(snapshot.PartCluster, "cluster", "pool")
	b.unread(snapshot.PartServerConfig, "server_config")
	b.unread(snapshot.PartUpgrade, "upgrade_info")
	b.unread(snapshot.PartOperations, "operations")
	for i := range b.s.Gaps {
		if g := &b.s.Gaps[i]; len(g.Part) > len(snapshot.PartPoolUpgrade) && g.Part[:len(snapshot.PartPoolUpgrade)+1] == snapshot.PartPoolUpgrade+"/" {
			w.Unknown["pool_upgrade_info."+g.Part[len(snapshot.PartPoolUpgrade)+1:]] = g
		}
	}
	// What was hidden is found out with the IAM policies. Who did not read those does not know.
	if !b.unread(snapshot.PartCredentials, "credentials") && b.s.IAM != nil {
		delete(w.Unknown, "credentials")
	}
}

// unread marks names unknown if the part is a gap, and reports whether it is.
func (b *builder) unread(part string, names ...string) bool {
	gap := b.s.Gap(part)
	if gap == nil {
		return false
	}
	for _, name := range names {
		b.world.Unknown[name] = gap
	}
	return true
}

// lists marks names unknown if one of the cluster's lists is a gap.
func (b *builder) lists(names []string, lists ...string) bool {
	missing := false
	for _, list := range lists {
		missing = b.unread(snapshot.PartKubernetes+"/"+list, names...) || missing
	}
	return missing
}

// gap is why one of the cluster's lists is not known; nil if it is.
func (b *builder) gap(list string) *posture.Gap { return b.s.Gap(snapshot.PartKubernetes + "/" + list) }

// at is an object of the cluster.
func (b *builder) at(kind, namespace, name string) posture.Resource {
	r := b.s.Resource
	r.Kind, r.Namespace, r.Name = kind, namespace, name
	return r
}

func (b *builder) add(set string, it check.Item) {
	b.world.Sets[set] = append(b.world.Sets[set], it)
}

// begin makes a set that was read, even if it is empty.
func (b *builder) begin(sets ...string) {
	for _, set := range sets {
		if b.world.Sets[set] == nil {
			b.world.Sets[set] = []check.Item{}
		}
	}
}

// texts is a list of texts for conditions, sorted and each once.
func texts(all []string) []any {
	all = slices.Clone(all)
	slices.Sort(all)
	out := []any{}
	for _, s := range slices.Compact(all) {
		out = append(out, s)
	}
	return out
}

// labelsOf is a map of texts for conditions.
func labelsOf(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
