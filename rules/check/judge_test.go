package check

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/posture"
)

// bindings are items of the set binding.
func bindings(names ...string) []Item {
	var items []Item
	for _, n := range names {
		r := testCluster
		r.Kind, r.Name = "ClusterRoleBinding", n
		items = append(items, Item{Resource: r, Value: map[string]any{"metadata": map[string]any{"name": n}}})
	}
	return items
}

func judge(t testing.TB, s *Set, w *World) []posture.Result {
	t.Helper()
	return Judge(t.Context(), w, s, nil, testNow)
}

// one is the only result of the only check.
func one(t testing.TB, s *Set, w *World) posture.Result {
	t.Helper()
	all := judge(t, s, w)
	if len(all) != 1 {
		t.Fatalf("%d results: %+v", len(all), all)
	}
	return all[0]
}

// What could not be read decides nothing, and what is decided without it is decided.
func TestUnknown(t *testing.T) {
	gap := &posture.Gap{Part: "upgrade_info", Call: "FetchClusterUpgradeInfo", Permission: "container.clusters.get", Error: "refused", Fix: "grant it"}
	for lines, want := range map[string]posture.Verdict{
		"verdicts:\n  - {fail: upgrade_info.minor_target_version != '', because: x}\n  - {pass: otherwise, because: x}":                                                                 posture.Unknown,
		"verdicts:\n  - {pass: upgrade_info.minor_target_version == '', because: x}\n  - {fail: otherwise, because: x}":                                                                 posture.Unknown,
		"verdicts:\n  - {fail: 'upgrade_info.minor_target_version != \"\" && cluster.name == \"other\"', because: x}\n  - {pass: otherwise, because: x}":                                posture.Pass,
		"verdicts:\n  - {fail: 'upgrade_info.minor_target_version != \"\" || cluster.name == \"c\"', because: x}\n  - {pass: otherwise, because: x}":                                    posture.Fail,
		"verdicts:\n  - {fail: has(upgrade_info.minor_target_version), because: x}\n  - {fail: 'cluster.name == \"c\"', severity: HIGH, because: x}\n  - {pass: otherwise, because: x}": posture.Fail,
		"applies: {if: has(upgrade_info.minor_target_version), else: x}\nverdicts:\n  - {pass: otherwise, because: x}":                                                                  posture.Unknown,
		"managed: {if: has(upgrade_info.minor_target_version), because: x}\nverdicts:\n  - {pass: otherwise, because: x}":                                                               posture.Unknown,
		"needs: [upgrade_info]\nverdicts:\n  - {pass: otherwise, because: x}":                                                                                                           posture.Unknown,
		"needs: [upgrade_info]\nverdicts:\n  - {fail: cluster.name == 'c', because: x}\n  - {pass: otherwise, because: x}":                                                              posture.Fail,
	} {
		w := GKE(testCluster, &pb.Cluster{Name: "c"})
		w.Unknown["upgrade_info"] = gap
		r := one(t, with(t, lines), w)
		if r.Verdict != want || r.Failed {
			t.Errorf("%s\n%+v, want %s", lines, r, want)
		}
		if want == posture.Unknown && (!strings.Contains(r.Reason, gap.Call) || !strings.Contains(r.Reason, gap.Permission)) {
			t.Errorf("%s: %q names neither call nor permission", lines, r.Reason)
		}
	}
}

// What hangs on nothing but a right that is withheld on purpose says so. With something else missing, that is what is to be told,
// and a failure stays one.
func TestWithheld(t *testing.T) {
	withheld := &posture.Gap{Part: "credentials", Call: "GetCluster", Error: "hidden from who looks", Withheld: true}
	broken := &posture.Gap{Part: "upgrade_info", Call: "FetchClusterUpgradeInfo", Error: "no answer"}
	const both = "verdicts:\n  - {fail: 'cluster.master_auth.client_certificate != \"\" %s has(upgrade_info.minor_target_version)', because: x}\n  - {pass: otherwise, because: x}"
	for _, tt := range []struct {
		lines    string
		verdict  posture.Verdict
		withheld bool
		reason   string
	}{
		{"needs: [credentials]\nverdicts:\n  - {pass: otherwise, because: x}", posture.Unknown, true, "hidden from who looks"},
		{"verdicts:\n  - {fail: cluster.master_auth.client_certificate != '', because: x}\n  - {pass: otherwise, because: x}", posture.Unknown, true, "hidden from who looks"},
		{"applies: {if: cluster.master_auth.client_certificate != '', else: x}\nverdicts:\n  - {pass: otherwise, because: x}", posture.Unknown, true, "hidden from who looks"},
		{"needs: [credentials, upgrade_info]\nverdicts:\n  - {pass: otherwise, because: x}", posture.Unknown, false, "no answer"},
		{fmt.Sprintf(both, "||"), posture.Unknown, false, "no answer"},
		{fmt.Sprintf(both, "&&"), posture.Unknown, false, "no answer"},
		{"verdicts:\n  - {fail: cluster.master_auth.client_certificate != '', because: x}\n  - {fail: has(upgrade_info.minor_target_version), because: x}\n  - {pass: otherwise, because: x}", posture.Unknown, false, "no answer"},
		{"needs: [credentials]\nverdicts:\n  - {fail: otherwise, because: x}", posture.Fail, false, "x"},
		{"each: binding\nverdicts:\n  - {pass: otherwise, because: x}", posture.Unknown, true, "of no right"},
	} {
		w := GKE(testCluster, &pb.Cluster{Name: "c"})
		w.Unknown["credentials"], w.Unknown["upgrade_info"] = withheld, broken
		w.Unknown["binding"] = &posture.Gap{Part: "binding", Error: "of no right", Withheld: true}
		r := one(t, with(t, tt.lines), w)
		if r.Verdict != tt.verdict || r.Withheld != tt.withheld || !strings.Contains(r.Reason, tt.reason) || r.Failed {
			t.Errorf("%s\n%+v", tt.lines, r)
		}
	}
}

// What nobody put into the world was not read.
func TestNotInTheWorld(t *testing.T) {
	lines := "verdicts:\n  - {fail: size(operations) > 0, because: x}\n  - {pass: otherwise, because: x}"
	if r := one(t, with(t, lines), GKE(testCluster, &pb.Cluster{})); r.Verdict != posture.Unknown || !strings.Contains(r.Reason, "operations: was not read") {
		t.Errorf("%+v", r)
	}
	lines = "each: binding\nverdicts:\n  - {pass: otherwise, because: x}"
	if r := one(t, with(t, lines), GKE(testCluster, &pb.Cluster{})); r.Verdict != posture.Unknown || r.Resource != testCluster {
		t.Errorf("%+v", r)
	}
}

const onBindings = `
each: binding
applies: {if: cluster.name == "c", else: not here}
verdicts:
  - {fail: binding.metadata.name.startsWith("bad"), because: "{binding.metadata.name} is bad"}
  - {pass: otherwise, because: x}
evidence: [binding.metadata.name]
`

// Of many things those that are not in order are told, in their order, or that all are.
func TestFold(t *testing.T) {
	w := GKE(testCluster, &pb.Cluster{Name: "c"})
	s := with(t, onBindings)
	w.Sets["binding"] = bindings("bad2", "good", "bad1")
	got := judge(t, s, w)
	if len(got) != 2 || got[0].Resource.Name != "bad1" || got[1].Resource.Name != "bad2" || got[0].Reason != "bad1 is bad" ||
		got[0].ID != posture.ID("X-1", got[0].Resource) || got[0].Evidence[0] != (posture.Evidence{Path: "binding.metadata.name", Value: "bad1"}) {
		t.Errorf("%+v", got)
	}
	w.Sets["binding"] = bindings("a", "b")
	if r := one(t, s, w); r.Verdict != posture.Pass || r.Resource != testCluster || r.Reason != "binding: 2 in order" {
		t.Errorf("%+v", r)
	}
	w.Sets["binding"] = []Item{}
	if r := one(t, s, w); r.Verdict != posture.NA {
		t.Errorf("%+v", r)
	}
	delete(w.Sets, "binding")
	w.Unknown["binding"] = &posture.Gap{Part: "binding", Error: "no way in"}
	if r := one(t, s, w); r.Verdict != posture.Unknown || !strings.Contains(r.Reason, "no way in") {
		t.Errorf("%+v", r)
	}
	w.Vars["cluster"] = &pb.Cluster{Name: "d"}
	if r := one(t, s, w); r.Verdict != posture.NA {
		t.Errorf("a check that does not apply anyway: %+v", r)
	}
}

// One field of one item may be what could not be read.
func TestUnknownField(t *testing.T) {
	w := GKE(testCluster, &pb.Cluster{Name: "c"})
	w.Sets["binding"] = bindings("bad", "bad")
	w.Sets["binding"][1].Unknown = map[string]*posture.Gap{"metadata.name": {Part: "x", Error: "hidden"}}
	w.Sets["binding"][1].Resource.Name = "z"
	got := judge(t, with(t, onBindings), w)
	if len(got) != 2 || got[0].Verdict != posture.Fail || got[1].Verdict != posture.Unknown || !strings.Contains(got[1].Reason, "hidden") || got[1].Evidence[0].Value != unknown {
		t.Errorf("%+v", got)
	}
}

// A condition that can't be evaluated, or runs away, decides nothing.
func TestEvaluationFails(t *testing.T) {
	for _, lines := range []string{
		"each: binding\nverdicts:\n  - {fail: binding.spec.x == 1, because: x}\n  - {pass: otherwise, because: x}",
		"each: binding\nverdicts:\n  - {fail: 1 / (size(cluster.name) - 1) == 1, because: x}\n  - {pass: otherwise, because: x}",
		"each: binding\nverdicts:\n  - {fail: 'version(\"none\") > 1', because: x}\n  - {pass: otherwise, because: x}",
		"each: binding\nverdicts:\n  - {fail: 'cluster.locations.all(a, cluster.locations.all(b, cluster.locations.all(c, a + b + c == \"\")))', because: x}\n  - {pass: otherwise, because: x}",
	} {
		w := GKE(testCluster, &pb.Cluster{Name: "c", Locations: make([]string, 1000)})
		w.Sets["binding"] = bindings("a")
		if r := one(t, with(t, lines), w); r.Verdict != posture.Unknown || !r.Failed || !strings.Contains(r.Reason, "could not be evaluated") {
			t.Errorf("%s\n%+v", lines, r)
		}
	}
}

// Secrets are in no evidence, though the message is shown that has them.
func TestEvidenceHasNoSecrets(t *testing.T) {
	s := with(t, "verdicts:\n  - {pass: otherwise, because: '{cluster.master_auth}'}\nevidence: [cluster.master_auth, cluster, '[cluster]', 'cluster.node_pools.map(p, cluster.master_auth)']")
	//lint:ignore SA1019 older clusters have a password all the same
	c := &pb.Cluster{Name: "c", MasterAuth: &pb.MasterAuth{Username: "admin", Password: "hunter2", ClientKey: "PRIVATE"}, NodePools: []*pb.NodePool{{}}}
	out, err := json.Marshal(judge(t, s, GKE(testCluster, c)))
	if err != nil || !strings.Contains(string(out), "admin") || strings.Contains(string(out), "hunter2") || strings.Contains(string(out), "PRIVATE") {
		t.Errorf("%s, %v", out, err)
	}
	if c.MasterAuth.ClientKey == "" {
		t.Error("the message itself was changed")
	}
}

func TestShownAsTheMessageHasIt(t *testing.T) {
	limited := pb.AnonymousAuthenticationConfig_LIMITED
	no := false
	c := &pb.Cluster{
		Name: "c", ResourceLabels: map[string]string{"b": "2", "a": "1"}, Locations: []string{"x", ""},
		AnonymousAuthenticationConfig: &pb.AnonymousAuthenticationConfig{Mode: limited},
		NetworkConfig:                 &pb.NetworkConfig{DefaultEnablePrivateNodes: &no, DatapathProvider: 77},
		MaintenancePolicy: &pb.MaintenancePolicy{Window: &pb.MaintenanceWindow{MaintenanceExclusions: map[string]*pb.TimeWindow{
			"freeze": {Options: &pb.TimeWindow_MaintenanceExclusionOptions{MaintenanceExclusionOptions: &pb.MaintenanceExclusionOptions{Scope: 2}}},
		}}},
	}
	w := GKE(testCluster, c)
	delete(w.Unknown, "ca")
	w.Vars["ca"] = map[string]any{"not_after": time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	for text, want := range map[string]string{
		"cluster.name": "c", "cluster.description": `""`, "cluster.legacy_abac": absent, "cluster.legacy_abac.enabled": absent,
		"cluster.anonymous_authentication_config.mode": "LIMITED", "cluster.network_config.datapath_provider": "77, a number without a name",
		"cluster.network_config.default_enable_private_nodes": "false", "cluster.network_config.enable_fqdn_network_policy": absent,
		"cluster.network_config.enable_intra_node_visibility": "false", "cluster.resource_labels": "{a=1, b=2}", "cluster.locations": `[x, ""]`,
		`cluster.resource_labels["a"]`: "1", "cluster.resource_labels.none": absent, "cluster.anonymous_authentication_config": `{"mode":"LIMITED"}`,
		`cluster.maintenance_policy.window.maintenance_exclusions["freeze"].maintenance_exclusion_options.scope`: "NO_MINOR_OR_NODE_UPGRADES",
		"cluster.maintenance_policy.window.maintenance_exclusions":                                               `{freeze={"maintenance_exclusion_options":{"scope":"NO_MINOR_OR_NODE_UPGRADES"}}}`,
		"ca.not_after": "2030-01-01T00:00:00Z", "ca.none": absent, "now": "2026-11-28T12:00:00Z", "resource.cluster": "c",
		"size(cluster.locations)": "2", "cluster.locations.map(l, l)": `[x, ""]`, "duration('1h')": "1h0m0s", "cluster.name == 'c'": "true",
		"operations": unknown, "size(operations)": unknown,
	} {
		r := one(t, with(t, "verdicts:\n  - {pass: otherwise, because: x}\nevidence:\n  - '"+strings.ReplaceAll(text, "'", "''")+"'"), w)
		if got := r.Evidence[0]; got.Value != want || got.Path != text {
			t.Errorf("%s: %q, want %q", got.Path, got.Value, want)
		}
	}
}

// Two runs over the same are the same, though maps come in any order.
func TestJudgeIsDeterministic(t *testing.T) {
	labels := map[string]string{}
	for _, l := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		labels[l] = l
	}
	s := with(t, "verdicts:\n  - {pass: otherwise, because: '{sorted(cluster.resource_labels.map(l, l))}'}\nevidence: [cluster.resource_labels, cluster]")
	w := GKE(testCluster, &pb.Cluster{ResourceLabels: labels})
	first := judge(t, s, w)
	for range 10 {
		if diff := cmp.Diff(first, judge(t, s, w)); diff != "" {
			t.Fatal(diff)
		}
	}
}
