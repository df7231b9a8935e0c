package rotate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

const (
	kindClient  = "client"
	kindClients = "clients"
)

// id is what a person names to answer for a blocker: of what it is about, so that what comes later is another.
func id(kind string, about ...string) string {
	if len(about) == 0 {
		return kind
	}
	h := sha256.New()
	for _, a := range slices.Sorted(slices.Values(about)) {
		fmt.Fprintf(h, "%d:%s", len(a), a)
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil)[:4])
}

// list names things, and of very many the first. A person answers for what is named here.
func list(names []string) string {
	const most = 50
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}

// preflight is all that is in the way of a start.
func (n *next) preflight() []blocker {
	var all []blocker
	add := func(b ...blocker) { all = append(all, b...) }
	add(n.running()...)
	add(n.control()...)
	add(n.hours()...)
	for _, p := range n.o.Cluster.GetNodePools() {
		add(n.pool(p)...)
	}
	add(n.inside()...)
	if !n.o.Tokens.OK {
		add(n.tokensUnknown(": the completion will revoke them"))
	}
	return all
}

// control is what stands in the way at the control plane.
func (n *next) control() (all []blocker) {
	if !n.o.Audit.OK {
		all = append(all, unknown("audit", "without the audit log nobody knows whether somebody else has started a rotation", n.o.Audit.Gap, ""))
	}
	if !n.o.Operations.OK {
		all = append(all, unknown("operations", "operations under way could not be listed", n.o.Operations.Gap, ""))
	}
	if n.o.Cluster.GetUserManagedKeysConfig() != nil {
		all = append(all, blocker{"keys", posture.Blocker{
			What: "the cluster has certificate authorities of its own (user_managed_keys_config)", Fix: "rotate them in Certificate Authority Service: that is another procedure",
		}})
	}
	if zonal(n.o.Cluster) {
		all = append(all, blocker{"zonal", posture.Blocker{
			What: "the control plane is in one zone: its API is down for some minutes at the start and at the completion", Acknowledge: "zonal-downtime",
		}})
	}
	return all
}

// zonal reports whether a cluster has one control plane: its location is a zone, europe-west1-b.
func zonal(c *pb.Cluster) bool {
	return strings.Count(c.GetLocation(), "-") == 2 && !c.GetAutopilot().GetEnabled()
}

// hours are the times that the policy or the cluster does not allow.
func (n *next) hours() (all []blocker) {
	if f, ok := n.frozen(); ok {
		all = append(all, blocker{"freeze", posture.Blocker{
			What: fmt.Sprintf("a freeze from %s until %s (%s) is less than %d days away", f.From.Format(time.DateOnly), f.Until.Format(time.DateOnly), f.Reason, int(cover/day)),
			Fix:  "wait until it is over",
		}})
	}
	w := n.o.Windows
	if !w.OK {
		return append(all, unknown("windows", "the maintenance window is not understood", w.Gap, ""))
	}
	if w.Value.Excluded != "" {
		all = append(all, blocker{"exclusion", posture.Blocker{
			What: "a maintenance exclusion of all upgrades holds: " + w.Value.Excluded, Fix: "wait until it is over: nodes would not be made anew",
		}})
	} else if w.Value.Open < n.p.Window {
		all = append(all, blocker{"window", posture.Blocker{
			What: fmt.Sprintf("maintenance windows leave %s of the seven days after a start, and %s are wanted", short(w.Value.Open), short(n.p.Window)),
			Fix:  "widen the window, or make the nodes anew by hand: gcloud container clusters upgrade --node-pool heeds no window",
		}})
	}
	return all
}

// pool is what is in the way at one node pool.
func (n *next) pool(p *pb.NodePool) (all []blocker) {
	name := "node pool " + p.GetName()
	if s := p.GetStatus(); s != pb.NodePool_RUNNING {
		all = append(all, blocker{"pool " + p.GetName(), posture.Blocker{What: name + " is " + s.String()}})
	}
	skew, ok := skewOf(n.o.Cluster.GetCurrentMasterVersion(), p.GetVersion())
	switch {
	case !ok:
		all = append(all, blocker{"skew " + p.GetName(), posture.Blocker{
			What: fmt.Sprintf("%s: versions %q and %q of the control plane cannot be compared", name, p.GetVersion(), n.o.Cluster.GetCurrentMasterVersion()),
		}})
	case skew < 0 || skew > 2:
		all = append(all, blocker{"skew " + p.GetName(), posture.Blocker{
			What: fmt.Sprintf("%s has %s, and the control plane %s", name, p.GetVersion(), n.o.Cluster.GetCurrentMasterVersion()), Fix: "upgrade the node pool first",
		}})
	}
	// Of one that says nothing, the default is a surge of one.
	if u := p.GetUpgradeSettings(); u != nil && u.GetBlueGreenSettings() == nil && u.GetMaxSurge() == 0 && !n.o.Cluster.GetAutopilot().GetEnabled() {
		all = append(all, blocker{"surge " + p.GetName(), posture.Blocker{
			What: name + " has no surge: nodes go before others come", Fix: "gcloud container node-pools update --max-surge-upgrade=1",
			Acknowledge: id("surge", p.GetName()),
		}})
	}
	return all
}

// skewOf is how many minors a node pool is behind.
func skewOf(control, pool string) (int, bool) {
	a, aok := minor(control)
	b, bok := minor(pool)
	return a - b, aok && bok
}

func minor(version string) (int, bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) != 3 || parts[0] != "1" {
		return 0, false
	}
	m, err := strconv.Atoi(parts[1])
	return m, err == nil
}

// inside is what in the cluster may keep nodes from being made anew.
func (n *next) inside() (all []blocker) {
	switch b := n.o.Budgets; {
	case !b.OK:
		all = append(all, unknown("budgets", "nobody knows which disruption budgets hold nodes up", b.Gap, "budgets-unknown"))
	case len(b.Value) > 0:
		all = append(all, blocker{"budgets", posture.Blocker{
			What: "disruption budgets that allow no disruption hold each node up for an hour: " + list(b.Value), Acknowledge: id("budgets", b.Value...),
		}})
	}
	switch w := n.o.Webhooks; {
	case !w.OK:
		all = append(all, unknown("webhooks", "nobody knows which admission webhooks may keep pods from new nodes", w.Gap, "webhooks-unknown"))
	case len(w.Value) > 0:
		all = append(all, blocker{"webhooks", posture.Blocker{
			What: "admission webhooks that fail closed may keep pods from new nodes: " + list(w.Value), Acknowledge: id("webhooks", w.Value...),
		}})
	}
	return all
}

// clients is who may still use the old credentials, beside nodes.
func (n *next) clients() (all []blocker) {
	all = append(n.static(), n.addresses()...)
	return append(all, n.certificates()...)
}

// addresses is who may still ask the old address, of which there is nothing to be seen: each registered client is to be said to have
// moved, and the address itself to be out of use.
func (n *next) addresses() (all []blocker) {
	registered := n.p.clientsOf(n.r.Resource)
	for _, c := range registered {
		what := c.Name
		if c.Owner != "" {
			what += " (" + c.Owner + ")"
		}
		all = append(all, blocker{kindClient, posture.Blocker{
			What: what + " has not been said to use the new address and authority", Fix: "gcloud container clusters get-credentials", Acknowledge: id(kindClient, c.Name),
		}})
	}
	unseen := "nobody can see who still asks the old address"
	if n.r.Address != "" {
		unseen += " " + n.r.Address
	}
	unseen += ": audit logs do not tell by which one a request came"
	if len(registered) == 0 {
		return append(all, blocker{kindClients, posture.Blocker{
			What: "nobody has said that kubeconfigs, firewall rules, names in DNS and pipelines use the new address and authority; " + unseen,
			Fix:  "gcloud container clusters get-credentials, wherever the cluster is used from", Acknowledge: "clients-moved",
		}})
	}
	return append(all, blocker{kindClients, posture.Blocker{
		What: unseen, Fix: "look for it in firewall rules, names in DNS and pipelines, or in flow logs of the network", Acknowledge: "old-address-unknown",
	}})
}
