package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// A Doing is one call of Tiercel's that changes a cluster. It stands in the record before the call is made, so that whoever comes
// after a crash, or a lost answer, looks for its operation and does not call again.
type Doing struct {
	Act       Act       `json:"act"`
	Pool      string    `json:"pool,omitempty"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"` // a version
	Asked     time.Time `json:"asked"`
	Operation string    `json:"operation,omitempty"` // once it is known
	Ended     time.Time `json:"ended,omitzero"`
	Error     string    `json:"error,omitempty"` // why it came to nothing
}

const (
	// callTimeout is for one call, from when it was written down: what is late is not made any more. The API's client has the same
	// bound, and does not try again.
	callTimeout = 45 * time.Second
	// patience is after how long a call of which nothing is to be seen came to nothing.
	patience = 10 * time.Minute
	// early is how much earlier than we the service may think an operation began.
	early = time.Minute
	// unlisted is after how long an operation that is not listed any more has ended, in whatever way.
	unlisted = 2 * day
)

func (a *Doing) String() string {
	what := map[Act]string{
		AutoUpgrade: "automatic upgrades of node pool " + a.Pool + " on", AutoRepair: "automatic repairs of node pool " + a.Pool + " on",
		PoolUpgrade: "node pool " + a.Pool + " to " + a.To, ControlPatch: "the control plane to " + a.To,
	}[a.Act]
	return what
}

// same reports whether a wish is for what was done, or tried.
func (a *Doing) same(w wish) bool { return a.Act == w.act && a.Pool == w.pool && a.To == w.to.text }

// follow brings what is being done up to what is to be seen of it. It reports whether it is over: with an error if it came to nothing, and
// with no time of its end if it never began, so that it may be tried again. What operations run, nobody may know: then it is as it was.
func (d *decision) follow(a *Doing) (over bool) {
	if d.s.Operations == nil {
		return false
	}
	if o := d.operation(a); o != nil {
		a.Operation = o.GetName()
		return d.ending(a, o)
	}
	switch age := d.now.Sub(a.Asked); {
	case d.reached(a):
		a.Ended = d.now
		return true
	case a.Operation == "" && age > patience:
		return true
	case a.Operation != "" && age > unlisted:
		a.Ended, a.Error = d.now, "operation "+a.Operation+" is not listed any more, and what it was for is not so"
		return true
	}
	return false
}

// ending reports whether a call's operation has ended, and how. The cluster was read before operations were, so that it may still look as it
// did before one that has just ended.
func (d *decision) ending(a *Doing, o *pb.Operation) (over bool) {
	switch {
	case !ended(o):
		return false
	case o.GetError().GetCode() != 0:
		a.Error = o.GetError().GetMessage()
	case !d.reached(a):
		if end, err := time.Parse(time.RFC3339Nano, o.GetEndTime()); err == nil && d.now.Sub(end) < patience {
			return false
		}
		a.Error = "operation " + a.Operation + " has ended, and what it was for is not so"
	}
	a.Ended = d.now
	return true
}

// operation is the one that carries a call out: by its name, else the last of its kind that began after it was asked for. If somebody
// else asked for the same in that moment, theirs will do.
func (d *decision) operation(a *Doing) (found *pb.Operation) {
	var last time.Time
	for _, o := range d.s.Operations {
		if a.Operation != "" && o.GetName() == a.Operation {
			return o
		}
		begun, err := time.Parse(time.RFC3339Nano, o.GetStartTime())
		if a.Operation == "" && err == nil && a.is(o) && !begun.Before(a.Asked.Add(-early)) && !begun.Before(last) {
			found, last = o, begun
		}
	}
	return found
}

// is reports whether an operation is of the call's kind and about its target.
func (a *Doing) is(o *pb.Operation) bool {
	pool := ""
	if _, rest, ok := strings.Cut(o.GetTargetLink(), "/nodePools/"); ok {
		pool, _, _ = strings.Cut(rest, "/")
	}
	if pool != a.Pool {
		return false
	}
	switch a.Act {
	case AutoUpgrade, AutoRepair:
		return o.GetOperationType() == pb.Operation_SET_NODE_POOL_MANAGEMENT
	case PoolUpgrade:
		return o.GetOperationType() == pb.Operation_UPGRADE_NODES
	case ControlPatch:
		return o.GetOperationType() == pb.Operation_UPGRADE_MASTER || o.GetOperationType() == pb.Operation_UPDATE_CLUSTER
	}
	return false
}

// reached reports whether what was asked for is so, by whomever.
func (d *decision) reached(a *Doing) bool {
	at := d.control
	if a.Pool != "" {
		p, i := d.poolNamed(a.Pool)
		if p == nil {
			return false
		}
		switch at = d.pools[i]; a.Act {
		case AutoUpgrade:
			return p.GetManagement().GetAutoUpgrade()
		case AutoRepair:
			return p.GetManagement().GetAutoRepair()
		}
	}
	to, ok := parse(a.To)
	return ok && at.known() && !to.newerThan(at)
}

func (d *decision) poolNamed(name string) (*pb.NodePool, int) {
	pools := d.cluster.GetNodePools()
	i := slices.IndexFunc(pools, func(p *pb.NodePool) bool { return p.GetName() == name })
	if i < 0 {
		return nil, i
	}
	return pools[i], i
}

// choose is what Tiercel does now: the first of what is to be done that it may do. Without one, waits says of those that it may do, by
// their place among the actions, what they wait for.
func (d *decision) choose(done []Doing) (chosen *wish, waits map[int]string) {
	waits = map[int]string{}
	for i, w := range d.wishes {
		if !d.policy.allows(w.act) {
			continue
		}
		why := d.blocked(w, done)
		if why == "" {
			return &d.wishes[i], waits
		}
		waits[w.action] = "Tiercel may do it, and waits: " + why
	}
	return nil, waits
}

// blocked says why a wish is not to be fulfilled now; empty if it is.
func (d *decision) blocked(w wish, done []Doing) string {
	if i := slices.IndexFunc(done, func(a Doing) bool { return a.Error != "" && a.same(w) }); i >= 0 {
		return "it was tried on " + done[i].Ended.Format(time.DateOnly) + " and failed, so a person has to: " + done[i].Error
	}
	if d.s.Operations == nil {
		return "which operations run is not known"
	}
	for _, o := range d.s.Operations {
		if !ended(o) {
			return fmt.Sprintf("operation %s runs", o.GetName())
		}
	}
	if s := d.cluster.GetStatus(); s != pb.Cluster_RUNNING {
		return "the cluster is " + s.String()
	}
	if d.uncertain {
		return "whether a maintenance window is open is not known"
	}
	if !d.openings.open(d.now) {
		return "no maintenance window is open"
	}
	part, pool := controlPatch, w.pool
	if pool != "" {
		part = nodes
	}
	if e := d.stopped(part); e != nil {
		return "maintenance exclusion " + e.name + " is active"
	}
	return d.poolBlocked(w, pool)
}

// poolBlocked says what about a pool keeps its upgrade from being started.
func (d *decision) poolBlocked(w wish, pool string) string {
	p, _ := d.poolNamed(pool)
	switch {
	case p == nil:
		return ""
	case p.GetStatus() != pb.NodePool_RUNNING:
		return "the node pool is " + p.GetStatus().String()
	case w.act != PoolUpgrade:
		return ""
	case p.GetMaintenancePolicy().GetExclusionUntilEndOfSupport().GetEnabled():
		return "the node pool's upgrades are excluded until the end of support"
	case p.GetUpdateInfo().GetBlueGreenInfo().GetPhase() != 0:
		return "a blue-green upgrade is under way"
	case slices.Contains(d.s.PoolUpgrades[pool].GetPausedReason(), pb.NodePoolUpgradeInfo_SYSTEM_CONFIG):
		return byGoogle
	}
	return ""
}

// asked is a wish as it is written down before the call.
func (d *decision) asked(w wish) *Doing {
	a := &Doing{Act: w.act, Pool: w.pool, To: w.to.text, Asked: d.now}
	switch w.act {
	case ControlPatch:
		a.From = d.control.text
	case PoolUpgrade:
		p, _ := d.poolNamed(w.pool)
		a.From = p.GetVersion()
	}
	return a
}

// show puts what is known into a record, with what Tiercel does itself beside each action; refusal is what GKE said to what it was just asked.
func (d *decision) show(r *Record, refusal string) {
	r.Upgrade = d.shown
	chosen, waits := d.choose(r.Done)
	for i := range r.Actions {
		r.Actions[i].Doing = waits[i]
	}
	if chosen != nil && refusal != "" {
		r.Actions[chosen.action].Doing = refusal
	}
	if r.Doing == nil {
		return
	}
	for _, w := range d.wishes {
		if r.Doing.same(w) {
			r.Actions[w.action].Doing = "Tiercel does it since " + r.Doing.Asked.UTC().Format(time.RFC3339)
		}
	}
}
