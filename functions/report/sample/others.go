package sample

import (
	"context"
	"fmt"
	"time"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/functions/report"
	"tiercel.dev/internal/posture"
)

func find(name string) named {
	for _, n := range clusters {
		if n.name == name {
			return n
		}
	}
	panic("no cluster " + name)
}

func upgrades() (all []posture.Upgrade) {
	now := Monday(Weeks - 1)
	for _, n := range there(Weeks - 1) {
		u := posture.Upgrade{Time: now.Add(-2 * time.Hour), Resource: n.resource(), Channel: "REGULAR", Control: posture.Versions{Current: n.version, Auto: "active"}}
		switch n.name {
		case "analytics":
			end := now.AddDate(0, 0, 34)
			u.Control.MinorTarget, u.Control.Auto = "1.32.9-gke.1548000", "minor paused"
			u.Control.Paused = []string{"exclusion 'freeze-q4' until 4 Jan 2027 covers minor upgrades"}
			u.Control.EndOfStandard = end
			u.Actions = []posture.Action{{
				What: "Upgrade the control plane to 1.32", Why: "1.31 leaves standard support; from then on extended support costs a fee per cluster and hour.",
				By: end, Severity: posture.High, Disruption: "restarts control plane",
				Commands: []string{"gcloud container clusters upgrade analytics --master --cluster-version=1.32.9-gke.1548000 --location=europe-west1 --project=acme-data"},
			}, {What: "Upgrade three node pools", Severity: posture.Medium}}
			u.Deadlines = []posture.Deadline{
				{Time: end, What: "1.31 leaves standard support", Kind: "support", Resource: n.resource(), Severity: posture.High},
				{Time: now.AddDate(0, 0, 42), What: "exclusion 'freeze-q4' ends", Kind: "exclusion", Resource: n.resource(), Severity: posture.Low},
			}
		case "payments-prod":
			u.Control.PatchTarget = "1.32.9-gke.1675000"
			u.Bulletins = []posture.Bulletin{{
				ID: "GCP-2026-058", Severity: "High", CVEs: []string{"CVE-2026-31402"}, Text: "A flaw in runc lets a container write to files of its node.",
				FixedBy: "1.32.9-gke.1675000",
			}}
			u.Actions = []posture.Action{{
				What: "Take the patch 1.32.9-gke.1675000", Why: "It closes GCP-2026-058.", By: now.AddDate(0, 0, 9), Severity: posture.High,
				Commands: []string{"gcloud container clusters upgrade payments-prod --master --cluster-version=1.32.9-gke.1675000 --location=europe-west3 --project=acme-pay"},
			}}
		case "shop-prod", "shop-prod-us":
			u.Control.MinorTarget = "1.34.1-gke.2037000"
		}
		all = append(all, u)
	}
	return all
}

func rotations() (all []posture.Rotation) {
	now := Monday(Weeks - 1)
	for _, n := range there(Weeks - 1) {
		r := posture.Rotation{Time: now.Add(-time.Hour), Resource: n.resource(), State: "IDLE", Since: now.AddDate(-1, 0, 0), Next: "nothing is due"}
		switch n.name {
		case "payments-prod":
			r.State, r.Since, r.Started, r.By = "CLIENTS_PENDING", now.AddDate(0, 0, -2), now.AddDate(0, 0, -3), "dana@acme.example"
			r.Reason = "The CA expires in 61 days."
			r.Left = []string{"static token ci/deployer-token", "2 kubeconfigs of the batch cluster"}
			r.Next = "Somebody moves what is left to the new credentials, and acknowledges it."
			r.Commands = []string{"tiercel rotation explain payments-prod --location=europe-west3 --project=acme-pay"}
			r.Deadlines = []posture.Deadline{{
				Time: now.AddDate(0, 0, 4), What: "GKE completes the rotation by itself: what still has old credentials is locked out", Kind: "rotation",
				Resource: n.resource(), Severity: posture.Critical,
			}}
		case "analytics":
			r.State, r.Since = "BLOCKED", now.AddDate(0, 0, -6)
			r.Reason = "The CA expires in 148 days."
			r.Blockers = []posture.Blocker{{
				What: "The maintenance exclusion 'freeze-q4' forbids that nodes are recreated before 4 Jan 2027.", Fix: "End the exclusion, or wait.",
			}}
			r.Next = "It goes on by itself once nothing blocks it."
		}
		all = append(all, r)
	}
	return all
}

func sensors() fleet.Status {
	now := Monday(Weeks - 1)
	s := fleet.Status{Version: 1, Checked: now.Add(-time.Minute)}
	line := func(kind fleet.Kind, cluster, node string) {
		n := find(cluster)
		s.Lines = append(s.Lines, &fleet.Line{
			Problem: fleet.Problem{Kind: kind, Project: n.project, Location: n.location, Cluster: n.name, Node: node}, Since: now.AddDate(0, 0, -1),
			Alerted: true, Written: true,
		})
	}
	for _, n := range there(Weeks - 1) {
		c := fleet.ClusterLine{Project: n.project, Location: n.location, Name: n.name, Nodes: n.nodes, Well: n.nodes}
		switch n.name {
		case "ci":
			c.Well -= 2
		case "analytics":
			c.Well -= 3
		case "edge-lab":
			c.Unknown, c.Nodes, c.Well = "its DNS endpoint does not answer", 0, 0
		}
		s.Clusters = append(s.Clusters, c)
	}
	line(fleet.Missing, "ci", "gke-ci-build-7f1c")
	line(fleet.Missing, "ci", "gke-ci-build-9a02")
	for i := range 3 {
		line(fleet.Uncovered, "analytics", fmt.Sprintf("gke-analytics-gpu-%d", i))
	}
	return s
}

// alerts are in the ledger as the routing function leaves them: a listing tells all.
func alerts(ctx context.Context, store report.Store) error {
	day := Monday(Weeks-1).AddDate(0, 0, -2).Format("20060102")
	for i, a := range []struct {
		rule, severity, cluster, namespace string
		events                             int
	}{
		{"write_below_etc", "MEDIUM", "shop-prod", "store-cart", 14}, {"terminal_shell_in_container", "MEDIUM", "shop-staging", "store-search", 37},
		{"kernel_module_loaded", "CRITICAL", "analytics", "", 1}, {"contact_metadata_server", "HIGH", "ci", "builds", 212},
		{"reverse_shell", "CRITICAL", "ci", "builds", 2}, {"read_sensitive_file", "HIGH", "payments-test", "payments", 9},
		{"package_manager_in_container", "LOW", "notebooks", "jupyter", 164}, {"write_below_etc", "MEDIUM", "ci", "builds", 51},
	} {
		n := find(a.cluster)
		meta := map[string]string{
			"rule": a.rule, "severity": a.severity, "project": n.project, "location": n.location, "cluster": n.name,
			"days": fmt.Sprintf("%s:%d", day, a.events), "events": fmt.Sprint(a.events),
			"first": Monday(Weeks-1).AddDate(0, 0, -2).Format(time.RFC3339Nano), "last": Monday(Weeks-1).AddDate(0, 0, -1).Format(time.RFC3339Nano),
		}
		if a.namespace != "" {
			meta["namespace"] = a.namespace
		}
		if err := write(ctx, store, fmt.Sprintf("ledger/%032x/00", i+1), []byte("{}"), meta); err != nil {
			return err
		}
	}
	return nil
}
