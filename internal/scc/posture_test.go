package scc

import (
	"path/filepath"
	"strings"
	"testing"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc/golden"
)

var shop = posture.Resource{Project: "acme", Location: "europe-west1", Cluster: "shop"}

func failing() Posture {
	check := posture.Check{
		ID: "AUTH-ABAC", Title: "Legacy ABAC is off", Why: "Legacy authorization gives every service account of the cluster wide rights.",
		Severity: posture.Critical, Category: "LEGACY_AUTHORIZATION_ENABLED", Link: "https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster",
		Benchmarks: []posture.Benchmark{{Standard: "CIS GKE", Version: "1.9.0", IDs: []string{"5.8.3"}}},
	}
	return Posture{Check: check, Since: now.AddDate(0, 0, -3), Result: posture.Result{
		ID: posture.ID(check.ID, shop), Check: check.ID, Resource: shop, Verdict: posture.Fail, Severity: posture.Critical,
		Evidence: []posture.Evidence{{Path: "cluster.legacy_abac.enabled", Value: "true"}},
		Fix: &posture.Fix{Commands: []string{"gcloud container clusters update shop --location europe-west1 --project acme --no-enable-legacy-authorization"},
			Disruption: "may lock out"},
	}}
}

// bound is a binding with its principals, as the record of a cluster has them.
func bound(p *Posture) {
	p.Result.Resource.Kind, p.Result.Resource.Name = "ClusterRoleBinding", "everybody"
	grants := []posture.Grant{{Via: "RBAC", Role: "cluster-admin", Scope: "cluster", By: "ClusterRoleBinding everybody", Rights: []posture.Right{
		{Verb: "*", Group: "*", Resource: "*"}, {Verb: "create", Resource: "pods/exec"},
	}}, {Via: "RBAC", Role: "view", By: "RoleBinding a/b"}}
	p.Subjects = Subjects([]posture.Principal{
		{Name: "system:anonymous", Kind: "User", Grants: grants}, {Name: "system:serviceaccount:ci:runner", Kind: "ServiceAccount", Grants: grants},
		{Name: "other", Kind: "User", Grants: grants[1:]},
	}, p.Result.Resource)
}

func TestPostureFindings(t *testing.T) {
	for name, change := range map[string]func(*Posture){
		"cluster": func(*Posture) {},
		"pool": func(p *Posture) {
			p.Result.Resource.Pool, p.Result.Verdict, p.Result.Severity = "default-pool", posture.Warn, posture.Low
			p.Result.Fix = &posture.Fix{Text: "Make a new pool.\nMove the workloads there.", Disruption: "new pool", Link: "https://cloud.google.com/x"}
		},
		"binding": bound,
		"principal": func(p *Posture) {
			p.Result.Resource.Kind, p.Result.Resource.Name = "Principal", "group:devs@acme.example"
			p.Subjects = Subjects([]posture.Principal{{Name: "user:dana@acme.example"}, {Name: "group:devs@acme.example", Kind: "Group", Grants: []posture.Grant{
				{Via: "IAM", Role: "roles/container.admin", Scope: "project acme", By: "IAM policy of project acme"},
				{Via: "RBAC", Role: "deployer", Scope: "namespace shop", By: "RoleBinding shop/deployers", Rights: []posture.Right{
					{Verb: "get", Resource: "secrets"}, {Verb: "approve", Group: "certificates.k8s.io", Resource: "signers"},
				}},
				{Via: "RBAC", Role: "view", Scope: "cluster", By: "ClusterRoleBinding everybody"},
			}}}, p.Result.Resource)
		},
		"insight": func(p *Posture) { p.Result.Resource.Kind, p.Result.Resource.Name = "Insight", "c1" },
		"role": func(p *Posture) {
			p.Result.Resource.Kind, p.Result.Resource.Namespace, p.Result.Resource.Name = "Role", "a", "all"
		},
		"workload": func(p *Posture) {
			p.Result.Resource.Kind, p.Result.Resource.Namespace, p.Result.Resource.Name = "Deployment", "a", "web"
			p.Result.Evidence = append(p.Result.Evidence, posture.Evidence{Path: "spec.hostNetwork", Value: "true\x1b[2J\u202e"})
		},
		"pod": func(p *Posture) {
			p.Result.Resource.Kind, p.Result.Resource.Namespace, p.Result.Resource.Name = "Pod", "a", "web-1"
		},
		"iam": func(p *Posture) {
			p.Result.Resource = posture.Resource{Project: "acme", Kind: "iam.Binding", Name: "projects/acme roles/owner group:partners@example.org"}
			p.Result.Fix, p.Check.Benchmarks, p.Result.Reason = nil, nil, "Owner is granted to a group from outside."
		},
	} {
		p := failing()
		change(&p)
		f := PostureFinding(p, now)
		golden.Compare(t, filepath.Join("testdata", "posture", name+".finding.json"), f)
		if mask := withProperties(nil, postured); !covered(mask, f) {
			t.Errorf("%s: a property is not in the mask, and would stay when it is over: %v", name, f.SourceProperties)
		}
	}
	p := failing()
	p.Result.Verdict, p.Result.Exception = posture.Excepted, &posture.Exception{Reason: "a test cluster", Owner: "team-a", Until: "2026-12-31"}
	end := PostureEnd(p, "excepted", now)
	golden.Compare(t, filepath.Join("testdata", "posture", "excepted.finding.json"), end)
	if !covered(withProperties(nil, postured), end) {
		t.Errorf("%v", end.SourceProperties)
	}
}

func covered(mask []string, f *pb.Finding) bool {
	for key := range f.SourceProperties {
		if !strings.Contains(strings.Join(mask, " ")+" ", "source_properties."+key+" ") {
			return false
		}
	}
	return true
}

// UNKNOWN is nothing that a finding could say, and INFO is below what the service has.
func TestPostureOpen(t *testing.T) {
	for verdict, want := range map[posture.Verdict]bool{
		posture.Fail: true, posture.Warn: true, posture.Unknown: false, posture.Excepted: false, posture.Pass: false, posture.Managed: false, posture.NA: false,
	} {
		p := failing()
		p.Result.Verdict = verdict
		if p.Open() != want {
			t.Errorf("%s: %v", verdict, !want)
		}
		p.Result.Severity = posture.Info
		if p.Open() {
			t.Errorf("%s of severity INFO is open", verdict)
		}
	}
}

// What a reader would see changes the hash, and time alone does not: else a steady fleet would be written in each run.
func TestPostureHash(t *testing.T) {
	p := failing()
	was := p.Hash()
	p.Since = now
	if p.Hash() != was {
		t.Error("time changes it")
	}
	p.Result.Reason = "the authority expires in 37 days"
	was = p.Hash()
	for reason, same := range map[string]bool{
		"the authority expires in 36 days": true, "the authority expires in 32 days": true, "the authority expires in 16 days": false,
		"the authority expired 37 days ago": false, "the authority expires in 99999999999999999999 days": false,
	} {
		if p.Result.Reason = reason; (p.Hash() == was) != same {
			t.Errorf("%s: the same is %v", reason, !same)
		}
	}
	was = failing().Hash()
	for name, change := range map[string]func(*Posture){
		"evidence": func(p *Posture) { p.Result.Evidence[0].Value = "x" }, "severity": func(p *Posture) { p.Result.Severity = posture.Low },
		"why": func(p *Posture) { p.Check.Why = "x" }, "subjects": bound,
	} {
		p := failing()
		change(&p)
		if p.Hash() == was {
			t.Errorf("%s does not change it", name)
		}
	}
}

// However much a cluster's objects say, a finding is one that the service takes.
func TestPostureFits(t *testing.T) {
	p := failing()
	long := strings.Repeat("x\u202e", 100_000)
	p.Check.Title, p.Check.Why, p.Check.Category = long, long, long
	p.Result.Reason, p.Result.Resource.Kind, p.Result.Resource.Namespace, p.Result.Resource.Name = long, long, long, long
	p.Result.Fix.Commands = []string{long, long}
	for range 1000 {
		p.Result.Evidence = append(p.Result.Evidence, posture.Evidence{Path: long, Value: long})
	}
	f := PostureFinding(p, now)
	if n := proto.Size(f); n > maxFinding {
		t.Errorf("%d bytes", n)
	}
	if strings.Contains(f.String(), "\u202e") {
		t.Error("a character that turns the direction of writing is in it")
	}
}
