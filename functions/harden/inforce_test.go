package harden

import (
	"errors"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	localscc "tiercel.dev/local/scc"
	"tiercel.dev/rules/source"
)

const ownCheck = `checks:
  - id: OWN-LABEL
    title: The cluster has an owner
    why: Nobody is called when it breaks.
    severity: MEDIUM
    category: CLUSTER_WITHOUT_OWNER
    verdicts:
      - fail: "!('owner' in cluster.resource_labels)"
        because: it has no owner label
      - pass: otherwise
        because: it has one
    evidence: [cluster.resource_labels]
    fix:
      text: Label it.
      disruption: none
`

func judged(t *testing.T, r *Rules) *posture.Cluster {
	t.Helper()
	record, err := r.Judge(t.Context(), &snapshot.Snapshot{Time: time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC), Resource: shop,
		Cluster: &pb.Cluster{Name: "shop", LegacyAbac: &pb.LegacyAbac{Enabled: true}, CurrentMasterVersion: "1.33.4-gke.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func verdictOf(record *posture.Cluster, check string) posture.Verdict {
	for _, r := range record.Results {
		if r.Check == check {
			return r.Verdict
		}
	}
	return ""
}

// Checks and exceptions in the bucket are in force beside those shipped, and change the hash of the set.
func TestRulesOfTheBucket(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	before := judged(t, NewRules(w.bucket))
	if got := verdictOf(before, "AUTH-ABAC"); got != posture.Fail || before.Version != "1.33.4-gke.1" || before.Channel != "none" {
		t.Errorf("%s; %+v", got, before)
	}
	for name, data := range map[string]string{
		ChecksRoot + "own.yaml": ownCheck, ChecksRoot + "own_test.yaml": "nonsense", ChecksRoot + "README": "nonsense",
		ExceptionsName: "exceptions:\n- {check: AUTH-ABAC, cluster: sh*, reason: a test, owner: me, until: 2026-12-31}\n",
	} {
		if _, err := w.bucket.Put(t.Context(), name, []byte(data), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	rules := NewRules(w.bucket)
	after := judged(t, rules)
	if verdictOf(after, "AUTH-ABAC") != posture.Excepted || verdictOf(after, "OWN-LABEL") != posture.Fail || after.RunSet == before.RunSet || after.RunSet == "" {
		t.Errorf("%+v", after)
	}
	if c, ok, err := rules.Check(t.Context(), "OWN-LABEL"); !ok || err != nil || c.Category != "CLUSTER_WITHOUT_OWNER" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, ok, err := rules.Check(t.Context(), "NONE"); ok || err != nil {
		t.Error("a check that is not there", err)
	}
}

// With something wrong in a file nothing is decided, and the file and the line are named.
func TestBrokenRules(t *testing.T) {
	for name, data := range map[string]string{ChecksRoot + "own.yaml": strings.Replace(ownCheck, "resource_labels)", "lables)", 1), ExceptionsName: "exceptions:\n- {check: A}\n"} {
		w := newWorld(t, localscc.Config{})
		if _, err := w.bucket.Put(t.Context(), name, []byte(data), nil, 0); err != nil {
			t.Fatal(err)
		}
		_, err := NewRules(w.bucket).Judge(t.Context(), &snapshot.Snapshot{Resource: shop, Cluster: &pb.Cluster{}})
		if _, ok := errors.AsType[source.Errors](err); !ok || !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of a cluster that could not be read every check is UNKNOWN, whatever it asks, and says what is missing.
func TestNothingIsKnown(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	rules := NewRules(w.bucket)
	record, err := rules.Judge(t.Context(), snapshot.Unread(shop, time.Now(), status.Error(codes.PermissionDenied, "no")))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := rules.Checks(t.Context())
	if err != nil || len(record.Results) < len(checks) || len(checks) == 0 {
		t.Errorf("%d results of %d checks, %v", len(record.Results), len(checks), err)
	}
	for _, r := range record.Results {
		if r.Verdict != posture.Unknown || r.Reason == "" {
			t.Errorf("%s is %s: %s", r.Check, r.Verdict, r.Reason)
		}
	}
	if record.Complete() {
		t.Error("the record is complete")
	}
}
