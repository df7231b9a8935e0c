package upgrade

import (
	"fmt"
	"strings"

	"tiercel.dev/internal/posture"
)

// A Kind is what people are told of at once: the name of the rule under which the alert is published. internal/scc knows the same names.
type Kind string

const (
	Bulletin Kind = "tiercel_upgrade_bulletin"
	Support  Kind = "tiercel_upgrade_end_of_support"
	Failed   Kind = "tiercel_upgrade_failed"
	Acting   Kind = "tiercel_upgrade_doing"
)

// A rule says what a kind means, as the rules of sensors do.
type rule struct{ title, description, nextSteps string }

var rules = map[Kind]rule{
	Bulletin: {
		title:       "Security bulletin affects a cluster",
		description: "Google has published a security bulletin of severity High or Critical, and the cluster runs a version that has the hole.",
		nextSteps:   "1. tiercel upgrades says which version mends it, and the commands in their order.\n2. The bulletin says whether it can be mitigated until then.",
	},
	Support: {
		title:       "Support of a cluster's version ends",
		description: "The support of a version ends soon, or has ended: there are no patches then, and GKE upgrades by itself, outside of windows too.",
		nextSteps:   "1. See which deprecated APIs are in use (the cluster's insights).\n2. Upgrade in a window of yours: tiercel upgrades has the commands in their order.",
	},
	Failed: {
		title:       "Upgrade failed",
		description: "An upgrade of a cluster or of a node pool has failed, or does not end. It may run two versions until somebody helps.",
		nextSteps: "1. gcloud container operations list says why.\n2. Look for pods that cannot be moved (PodDisruptionBudgets), for webhooks that fail, and for quotas.\n" +
			"3. Start the upgrade again once the reason is gone.",
	},
	Acting: {
		title:       "Tiercel changes a cluster",
		description: "Tiercel does to a cluster what its policy of upgrades allows.",
		nextSteps:   "Nothing is to be done. To keep Tiercel from it, take the act out of the policy.",
	},
}

// A Problem is something that people are told of.
type Problem struct {
	Kind     Kind             `json:"kind"`
	Pool     string           `json:"node_pool,omitempty"`
	Key      string           `json:"key,omitempty"` // tells those of one kind and pool apart
	Severity posture.Severity `json:"severity"`
	Text     string           `json:"text"`
	Commands []string         `json:"commands,omitempty"`
}

func (p Problem) key() [3]string { return [3]string{string(p.Kind), p.Pool, p.Key} }

// problems are those that there are now.
func (d *decision) problems(r *Record) (all []Problem) {
	for _, b := range d.shown.Bulletins {
		if b.Severity == posture.High.String() || b.Severity == posture.Critical.String() {
			all = append(all, d.bulletinProblem(b))
		}
	}
	for _, x := range d.shown.Deadlines {
		if x.Kind == "support" && d.near(x.Time) {
			all = append(all, Problem{
				Kind: Support, Pool: x.Resource.Pool, Key: x.Time.Format("2006-01-02"), Severity: max(x.Severity, posture.Low), Text: x.What,
				Commands: d.commandsOf(x.Resource.Pool),
			})
		}
	}
	if d.shown.Control.UpgradeFailing {
		all = append(all, Problem{Kind: Failed, Severity: posture.High, Text: "the control plane's last upgrade failed or does not end: " + d.shown.Control.LastUpgrade})
	}
	for _, p := range d.shown.Pools {
		if p.UpgradeFailing {
			all = append(all, Problem{Kind: Failed, Pool: p.Name, Severity: posture.High, Text: "the last upgrade failed or does not end: " + p.LastUpgrade})
		}
	}
	return append(all, d.ownProblems(r)...)
}

func (d *decision) bulletinProblem(b posture.Bulletin) Problem {
	p := Problem{Kind: Bulletin, Key: b.ID, Severity: posture.High, Text: b.ID + ": " + b.Text}
	if b.Severity == posture.Critical.String() {
		p.Severity = posture.Critical
	}
	if b.FixedBy != "" {
		p.Text += " Mended by " + b.FixedBy + "."
	}
	for _, a := range d.shown.Actions {
		if strings.Contains(a.Why, "mends "+b.ID+" ") {
			p.Commands = append(p.Commands, a.Commands...)
		}
	}
	return p
}

// ownProblems are what Tiercel does now, and what it failed to do and is still to be done.
func (d *decision) ownProblems(r *Record) (all []Problem) {
	if a := r.Doing; a != nil {
		all = append(all, Problem{Kind: Acting, Pool: a.Pool, Key: a.key(), Severity: posture.Low, Text: "Tiercel has GKE bring " + a.String()})
	}
	told := map[string]bool{}
	for _, a := range r.Done {
		for _, w := range d.wishes {
			if a.Error != "" && a.same(w) && !told[a.key()] {
				told[a.key()] = true
				all = append(all, Problem{
					Kind: Failed, Pool: a.Pool, Key: a.key(), Severity: posture.High, Text: fmt.Sprintf("Tiercel had GKE bring %s, which failed: %s", a.String(), a.Error),
					Commands: d.shown.Actions[w.action].Commands,
				})
			}
		}
	}
	return all
}

func (a *Doing) key() string { return strings.TrimSuffix(string(a.Act)+" "+a.To, " ") }

// commandsOf are the commands that upgrade a pool, or the control plane, in their order.
func (d *decision) commandsOf(pool string) (all []string) {
	for _, s := range d.steps {
		if s.pool == pool || s.pool == "" {
			all = append(all, d.upgrade(s))
		}
	}
	return all
}

// unknown reports whether nobody could see the problem, were it still there.
func (d *decision) unknown(p Problem) bool {
	switch p.Kind {
	case Bulletin:
		return d.notes == nil
	case Support, Failed:
		if p.Pool == "" {
			return d.s.Upgrade == nil
		}
		pool, _ := d.poolNamed(p.Pool)
		return pool != nil && d.s.PoolUpgrades[p.Pool] == nil
	}
	return false
}
