// Package sample is a company's clusters over two months, for tests and pictures of the report: a dozen of them, with findings
// that come and go, one that cannot be looked at, a rotation under way, and exceptions.
package sample

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/functions/report"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// Settings are who gets its reports.
const Settings = `from: "Tiercel <tiercel@acme.example>"
weekly: monday 07:00 UTC
notices: [platform@acme.example]
reports:
  - name: all
    to: [ciso@acme.example]
  - name: payments
    to: [payments@acme.example]
    clusters: {team: payments}
  - name: storefront
    to: [storefront@acme.example]
    namespaces: ["store-*"]
`

// Weeks is how many there are; the last is that of the report to be looked at.
const Weeks = 9

// Monday is when a week's report is due.
func Monday(week int) time.Time {
	return time.Date(2026, 9, 28, 7, 0, 0, 0, time.UTC).AddDate(0, 0, 7*week)
}

// run is a week's run of the checks.
func run(week int) schedule.Run { return schedule.RunAt(Monday(week).Add(-time.Hour)) }

type named struct {
	project, location, name, team, version string
	nodes, pods, covered                   int
	ca                                     int // days left in the last week
	autopilot                              bool
	from, until                            int // weeks
}

var clusters = []named{
	{"acme-shop", "europe-west1", "shop-prod", "storefront", "1.33.5-gke.1124000", 42, 310, 286, 1411, false, 0, 99},
	{"acme-shop", "us-east4", "shop-prod-us", "storefront", "1.33.5-gke.1124000", 36, 254, 201, 1409, false, 0, 99},
	{"acme-shop", "europe-west1-b", "shop-staging", "storefront", "1.34.1-gke.2037000", 8, 96, 22, 903, false, 0, 99},
	{"acme-pay", "europe-west3", "payments-prod", "payments", "1.32.9-gke.1548000", 18, 122, 122, 61, false, 0, 99},
	{"acme-pay", "europe-west3", "payments-test", "payments", "1.33.5-gke.1124000", 6, 48, 31, 733, false, 0, 99},
	{"acme-pay", "europe-west4", "ledger", "payments", "1.33.4-gke.1350000", 9, 57, 52, 212, false, 0, 99},
	{"acme-data", "europe-west1", "analytics", "data", "1.31.13-gke.1008000", 64, 421, 0, 148, false, 0, 99},
	{"acme-data", "europe-west1", "ml-training", "data", "1.34.1-gke.2037000", 22, 77, 35, 1622, false, 0, 99},
	{"acme-data", "us-central1", "notebooks", "data", "1.34.1-gke.2037000", 0, 64, 64, 1734, true, 0, 99},
	{"acme-tools", "europe-west1", "ci", "platform", "1.33.5-gke.1124000", 14, 88, 9, 390, false, 0, 99},
	{"acme-tools", "europe-west1", "observability", "platform", "1.33.5-gke.1124000", 11, 74, 61, 1090, false, 0, 99},
	{"acme-tools", "europe-north1", "edge-lab", "platform", "1.34.1-gke.2037000", 3, 19, 0, 1812, false, 8, 99},
	{"acme-tools", "europe-west1", "legacy-batch", "platform", "1.30.14-gke.1340000", 5, 30, 0, 33, false, 0, 7},
}

func (n named) resource() posture.Resource {
	return posture.Resource{Project: n.project, Location: n.location, Cluster: n.name}
}

// there are the clusters of a week.
func there(week int) (all []named) {
	for _, n := range clusters {
		if week >= n.from && week <= n.until {
			all = append(all, n)
		}
	}
	return all
}

// verdict says what a check came to in a week: a fixed pattern, so that pictures differ by what is drawn alone.
func verdict(n named, s, c, week int) posture.Verdict {
	check := subjects[s]
	switch {
	case n.autopilot && (strings.HasPrefix(check.ID, "NODE-") || check.ID == "UPG-REPAIR"):
		return posture.Managed
	case n.name == "ml-training" && week == Weeks-1 && (strings.HasPrefix(check.ID, "RBAC-") || check.ID == "ROT-STATICTOKEN" || check.ID == "POD-PRIV"):
		return posture.Unknown
	case n.name == "edge-lab" && check.ID == "NET-CPEXP", n.name == "ci" && check.ID == "RBAC-ANON" && week == Weeks-1:
		return posture.Fail
	case n.name == "ci" && check.ID == "NODE-DEFSA", n.name == "analytics" && check.ID == "SUP-BINAUTH":
		return posture.Excepted
	case n.name == "shop-staging" && check.ID == "AUTH-WI" && (week < 3 || week == Weeks-1), n.name == "ml-training" && check.ID == "RBAC-ADMIN":
		return posture.Fail // the first comes back, the second is unknown in the end
	}
	// Every check fails at first in some clusters, the harmless ones in more, and is put right in its week.
	often := map[posture.Severity]int{posture.Critical: 11, posture.High: 5, posture.Medium: 3, posture.Low: 2}[check.Severity]
	switch k := s*7 + c*5; {
	case k%often != 0:
		return posture.Pass
	case week >= 1+(s*3+c*4)%16:
		return posture.Pass
	case k%4 == 1:
		return posture.Warn
	}
	return posture.Fail
}

// record is what a week's run came to of a cluster.
func record(n named, week int) posture.Cluster {
	at := run(week).Time()
	c := posture.Cluster{
		Run: at.Format(time.RFC3339), Time: at.Add(4 * time.Minute), RunSet: "7c1f9a02be44d1", Resource: n.resource(), Labels: map[string]string{"team": n.team},
		Version: n.version, Channel: "REGULAR", Autopilot: n.autopilot, Nodes: n.nodes,
	}
	after := Monday(Weeks-1).AddDate(0, 0, n.ca)
	c.CA = &posture.CA{Fingerprint: strings.Repeat("ab", 32), NotBefore: after.AddDate(-5, 0, 0), NotAfter: after}
	c.Network = network(n)
	for s := range subjects {
		v := verdict(n, s, index(n), week)
		if v == posture.Unknown && len(c.Gaps) == 0 {
			c.Network = nil
			c.Gaps = []posture.Gap{{
				Part: "kubernetes", Call: "GET /apis/rbac.authorization.k8s.io/v1/clusterrolebindings", Permission: "container.clusterRoleBindings.list",
				Error: "forbidden", Fix: "Bind the ClusterRole tiercel-audit to the function's account in this cluster.",
			}}
		}
		c.Results = append(c.Results, result(n, subjects[s], v))
	}
	if n.name == "shop-prod" {
		c.Results = append(c.Results, tokens(n)...)
	}
	return c
}

func index(n named) int {
	for i := range clusters {
		if clusters[i] == n {
			return i
		}
	}
	return -1
}

func result(n named, s subject, v posture.Verdict) posture.Result {
	of := n.resource()
	if strings.HasPrefix(s.ID, "NODE-") {
		of.Pool = "default-pool"
	}
	r := posture.Result{ID: posture.ID(s.ID, of), Check: s.ID, Resource: of, Verdict: v}
	switch v {
	case posture.Unknown:
		r.Reason = "container.clusterRoleBindings.list is missing"
	case posture.Fail, posture.Warn, posture.Excepted:
		r.Severity, r.Evidence = s.Severity, s.evidence
		r.Fix = &posture.Fix{Disruption: s.disrupts, Link: s.Link, Text: s.text}
		if s.command != "" {
			command := strings.NewReplacer("%s", posture.Quote(n.name), "europe-west1", n.location, "acme-shop", n.project).Replace(s.command)
			r.Fix.Commands = []string{command}
		} else {
			r.Fix.Text = "Only to be set when the thing is made: plan it with the next new one."
		}
	}
	if v == posture.Excepted {
		r.Exception = &posture.Exception{Reason: "Moves to its own account with the new build farm.", Owner: "dana@acme.example", Until: "2026-12-18"}
	}
	return r
}

// tokens are findings of objects in namespaces.
func tokens(n named) (all []posture.Result) {
	for _, namespace := range []string{"store-cart", "store-search"} {
		of := n.resource()
		of.Kind, of.Namespace, of.Name = "Secret", namespace, "deployer-token"
		r := result(n, subjects[2], posture.Fail)
		r.Resource, r.ID = of, posture.ID("ROT-STATICTOKEN", of)
		r.Evidence = []posture.Evidence{{Path: "Secret/" + namespace + "/deployer-token.type", Value: "kubernetes.io/service-account-token"}}
		r.Fix.Commands = []string{"kubectl -n " + namespace + " delete secret deployer-token"}
		all = append(all, r)
	}
	return all
}

func network(n named) *posture.Network {
	w := &posture.Network{Enforced: n.covered > 0, Engine: "Dataplane V2", Pods: n.pods, Covered: n.covered}
	if n.covered == 0 {
		w.Engine = "none"
	}
	for i, name := range []string{"store-cart", "store-search", "default", n.team} {
		level := []string{"default deny", "partial", "none", "partial"}[i]
		w.Namespaces = append(w.Namespaces, posture.Namespace{Name: name, Pods: n.pods / 4, Covered: n.covered / 4, Level: level})
	}
	return w
}

// Fill writes all that the scheduled functions would have left in the bucket by a week's report, but the reports before: those are
// made by sending them.
func Fill(ctx context.Context, store report.Store, week int) error {
	put := func(name string, v any) error { return Put(ctx, store, name, v) }
	m := schedule.Manifest{Run: run(week), Work: schedule.Harden, Time: run(week).Time(), Given: run(week).Time().Add(time.Second)}
	for _, s := range subjects {
		m.Checks = append(m.Checks, s.Check)
	}
	for _, n := range there(week) {
		m.Clusters = append(m.Clusters, n.resource())
		if err := put(schedule.Harden.Record(m.Run, n.resource()), record(n, week)); err != nil {
			return err
		}
	}
	for _, n := range clusters {
		if week == n.until+1 {
			m.Gone = append(m.Gone, n.resource())
		}
	}
	if err := put(schedule.Harden.Manifest(m.Run), m); err != nil || week < Weeks-1 {
		return err
	}
	for _, u := range upgrades() {
		if err := put("upgrade/"+schedule.Object(u.Resource), u); err != nil {
			return err
		}
	}
	for _, r := range rotations() {
		if err := put("rotate/"+schedule.Object(r.Resource), map[string]any{"shown": r}); err != nil {
			return err
		}
	}
	if err := put(fleet.StatusName, sensors()); err != nil {
		return err
	}
	return alerts(ctx, store)
}

// Put writes a record over whatever was there.
func Put(ctx context.Context, store report.Store, name string, v any) error {
	data, ok := v.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return err
		}
	}
	return write(ctx, store, name, data, nil)
}

func write(ctx context.Context, store report.Store, name string, data []byte, meta map[string]string) error {
	generation := int64(0)
	if o, err := store.Get(ctx, name); err == nil {
		generation = o.Generation
	}
	if _, err := store.Put(ctx, name, data, meta, generation); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return nil
}
