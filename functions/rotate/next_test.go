package rotate

import (
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// A scene is a decision about to be made: a cluster in which nothing is wrong, and its record.
type scene struct {
	now time.Time
	o   Observed
	r   Record
	p   Policy
}

func ca(name string, left time.Duration) posture.CA {
	return posture.CA{Fingerprint: name, NotBefore: monday.Add(-300 * day), NotAfter: monday.Add(left)}
}

func newScene(state State) *scene {
	s := &scene{now: monday, p: Policy{Guided: true, Clusters: []string{"shop"}, Approvers: []string{alice, bob}}}
	s.o = Observed{
		At: monday, Account: us, CA: Have(ca("old", 100*day)), Operations: Have([]Operation{}), Audit: Have([]Event{}), Nonce: "next",
		Windows: Have(Windows{Open: 168 * time.Hour}), Tokens: Have([]Token{}), Budgets: Have([]string{}), Webhooks: Have([]string{}),
		Requests: Have([]Certificate{}), Approved: Have([]Certificate{}),
		Nodes: Have([]Node{{Name: "n", Pool: "a", Created: monday.Add(-time.Hour), Ready: true}}),
		Cluster: &pb.Cluster{Name: "shop", Location: "europe-west1", Id: "1", Status: pb.Cluster_RUNNING, CurrentMasterVersion: "1.33.4-gke.1",
			NodePools: []*pb.NodePool{{Name: "a", Version: "1.33.4-gke.1", Status: pb.NodePool_RUNNING}}},
	}
	s.r = Record{Version: recordVersion, Resource: shop, UID: "1", State: state, Since: monday.Add(-time.Hour), CA: ca("old", 100*day), Nonce: "n"}
	given := Approval{Phase: Start, By: alice, At: monday, Expires: monday.Add(day), CA: "old"}
	if state == Approved {
		s.r.Given = &given
	}
	if state.open() {
		s.r.Began, s.r.By = monday.Add(-2*day), alice
		s.r.Start = &Call{At: s.r.Began, Approval: given, Operation: "op-start"}
		s.o.Audit = Have([]Event{{Time: s.r.Began, Phase: Start, Principal: us, Operation: "op-start"}})
	}
	if state == Ready || state == Completing {
		s.r.Nodes = monday.Add(-30 * time.Hour)
		for _, id := range []string{"clients-moved", ackIssued} {
			s.r.Acks = append(s.r.Acks, Ack{ID: id, Phase: Complete, By: bob})
		}
		given.Phase, given.By = Complete, bob
		s.r.Given = &given
	}
	if state == Completing {
		s.r.Given, s.r.Finish = nil, &Call{At: monday.Add(-time.Hour), Approval: given, Operation: "op-complete"}
	}
	return s
}

// Each row changes one thing of a scene, and says what comes of it.
func TestNext(t *testing.T) {
	gap := posture.Gap{Call: "List", Error: "denied"}
	done := func(s *scene, op Operation) {
		op.Done = true
		s.o.Operations.Value = append(s.o.Operations.Value, op)
	}
	for _, tt := range []struct {
		name   string
		in     State
		change func(*scene)
		want   State
		call   Phase
		says   string // in the reason, in what it waits for, or in what blocks it
	}{
		{"a good authority", Idle, func(s *scene) { s.o.CA = Have(ca("old", 400*day)); s.r.CA = s.o.CA.Value }, Idle, "", "nothing is to be done"},
		{"days", Idle, func(*scene) {}, Due, "", "expires in 100 days"},
		{"old credentials", Idle, func(s *scene) {
			s.o.CA = Have(ca("old", 4000*day))
			s.r.CA, s.p.MaxAge = s.o.CA.Value, 200*day
		}, Due, "", "300 days old"},
		{"GKE says so", Done, func(s *scene) {
			s.o.CA = Have(ca("old", 400*day))
			s.r.CA = s.o.CA.Value
			s.o.Cluster.Conditions = []*pb.StatusCondition{{CanonicalCode: 0, Code: pb.StatusCondition_CA_EXPIRING}}
		}, Due, "", "GKE says"},
		{"an authority that nobody can read", Idle, func(s *scene) { s.o.CA = Lack[posture.CA](gap) }, Blocked, "", "nobody knows when it expires"},
		{"a renewal that nobody saw begin", Idle, func(s *scene) { s.o.CA = Have(ca("new", 9000*day)) }, Verifying, "", "nobody saw"},
		{"the end", Due, func(s *scene) { s.now = monday.Add(100 * day) }, Expired, "", "expired on"},
		{"the end, during a rotation", ClientsPending, func(s *scene) { s.now = monday.Add(100 * day) }, Expired, "", "expired on"},
		{"another authority after the end", Expired, func(*scene) {}, Idle, "", "authority that is good"},
		{"no more leak", Due, func(s *scene) { s.o.CA = Have(ca("old", 4000*day)); s.r.CA = s.o.CA.Value }, Idle, "", "not due any more"},

		{"approved", Approved, func(*scene) {}, Starting, Start, "approved by alice"},
		{"advised alone", Approved, func(s *scene) { s.p.Guided = false }, Due, "", "lets nothing be called"},
		{"an approval that expired", Approved, func(s *scene) { s.r.Given.Expires = monday }, Due, "", "has expired"},
		{"an approval for another authority", Approved, func(s *scene) { s.r.Given.CA = "other" }, Due, "", "another certificate authority"},
		{"an approval to complete", Approved, func(s *scene) { s.r.Given.Phase = Complete }, Due, "", "no approval"},
		{"an old look", Approved, func(s *scene) { s.o.At = monday.Add(-5 * time.Minute) }, Approved, "", "fresh look"},
		{"a day on which nothing starts", Approved, func(s *scene) { s.p.NoGo = []time.Weekday{time.Monday} }, Approved, "", "another day than a Monday"},
		{"an operation", Approved, func(s *scene) { s.o.Operations.Value = []Operation{{Name: "op"}} }, Approved, "", "op runs"},
		{"an operation just now", Approved, func(s *scene) {
			done(s, Operation{Name: "op", Type: pb.Operation_UPDATE_CLUSTER, End: monday.Add(-time.Minute)})
		}, Approved, "", "may not tell of it yet"},
		{"a freeze in a week", Approved, func(s *scene) {
			s.p.Freezes = []Freeze{{From: monday.Add(7 * day), Until: monday.Add(9 * day), Reason: "sale"}}
		}, Blocked, "", "sale"},
		{"a freeze in two weeks", Approved, func(s *scene) {
			s.p.Freezes = []Freeze{{From: monday.Add(14 * day), Until: monday.Add(19 * day), Reason: "sale"}}
		}, Starting, Start, ""},
		{"an exclusion", Approved, func(s *scene) { s.o.Windows.Value.Excluded = "holidays" }, Blocked, "", "holidays"},
		{"a narrow window", Approved, func(s *scene) { s.o.Windows.Value.Open = 4 * time.Hour }, Blocked, "", "leave 4 h"},
		{"a window that nobody understands", Approved, func(s *scene) { s.o.Windows = Lack[Windows](gap) }, Blocked, "", "not understood"},
		{"a cluster that does not run", Approved, func(s *scene) { s.o.Cluster.Status = pb.Cluster_RECONCILING }, Blocked, "", "RECONCILING"},
		{"a pool that does not run", Approved, func(s *scene) { s.o.Cluster.NodePools[0].Status = pb.NodePool_ERROR }, Blocked, "", "node pool a is ERROR"},
		{"a pool three minors behind", Approved, func(s *scene) { s.o.Cluster.NodePools[0].Version = "1.30.4-gke.1" }, Blocked, "", "1.30.4"},
		{"a pool two minors behind", Approved, func(s *scene) { s.o.Cluster.NodePools[0].Version = "1.31.4-gke.1" }, Starting, Start, ""},
		{"a newer pool", Approved, func(s *scene) { s.o.Cluster.NodePools[0].Version = "1.34.4-gke.1" }, Blocked, "", "1.34.4"},
		{"a version that is none", Approved, func(s *scene) { s.o.Cluster.NodePools[0].Version = "latest" }, Blocked, "", "cannot be compared"},
		{"no surge", Approved, func(s *scene) {
			s.o.Cluster.NodePools[0].UpgradeSettings = &pb.NodePool_UpgradeSettings{MaxUnavailable: 1}
		}, Blocked, "", "no surge"},
		{"one zone", Approved, func(s *scene) { s.o.Cluster.Location = "europe-west1-b" }, Blocked, "", "one zone"},
		{"one zone, acknowledged", Approved, func(s *scene) {
			s.o.Cluster.Location = "europe-west1-b"
			s.r.Acks = []Ack{{ID: "zonal-downtime", Phase: Start, By: alice}}
		}, Starting, Start, ""},
		{"one zone, acknowledged for the other phase", Approved, func(s *scene) {
			s.o.Cluster.Location = "europe-west1-b"
			s.r.Acks = []Ack{{ID: "zonal-downtime", Phase: Complete, By: alice}}
		}, Blocked, "", "one zone"},
		{"own authorities", Approved, func(s *scene) { s.o.Cluster.UserManagedKeysConfig = &pb.UserManagedKeysConfig{} }, Blocked, "", "user_managed_keys"},
		{"budgets", Approved, func(s *scene) { s.o.Budgets = Have([]string{"shop/web"}) }, Blocked, "", "shop/web"},
		{"budgets that nobody may list", Approved, func(s *scene) { s.o.Budgets = Lack[[]string](gap) }, Blocked, "", "nobody knows which disruption budgets"},
		{"webhooks", Approved, func(s *scene) { s.o.Webhooks = Have([]string{"policy/deny"}) }, Blocked, "", "policy/deny"},
		{"nothing blocks any more", Blocked, func(s *scene) {
			s.r.From, s.r.Kinds = Approved, []string{"zonal"}
			s.r.Given = &Approval{Phase: Start, By: alice, Expires: monday.Add(day), CA: "old"}
		}, Approved, "", "nothing blocks"},

		{"an operation that runs", Starting, func(s *scene) { s.o.Operations.Value = []Operation{{Name: "op-start"}} }, Starting, "", "op-start to end"},
		{"an operation that failed", Starting, func(s *scene) { done(s, Operation{Name: "op-start", Error: "internal"}) }, Blocked, "", "op-start failed: internal"},
		{"an operation that is done", Starting, func(s *scene) { done(s, Operation{Name: "op-start"}) }, NodesRecreating, "", "makes the nodes anew"},
		{"an operation that is not listed any more", Starting, func(*scene) {}, NodesRecreating, "", ""},
		{"operations that nobody may list", Starting, func(s *scene) { s.o.Operations = Lack[[]Operation](gap) }, Blocked, "", "could not be followed"},
		{"a refusal", Starting, func(s *scene) {
			s.r.Start.Operation, s.r.Start.Refused = "", "FAILED_PRECONDITION"
			s.o.Audit.Value = nil
		}, Blocked, "", "refused to start"},

		{"new nodes", NodesRecreating, func(*scene) {}, ClientsPending, "", "all nodes are new"},
		{"old nodes", NodesRecreating, func(s *scene) { s.o.Nodes.Value[0].Created = monday.Add(-9 * day) }, Blocked, "", "1 nodes older"},
		{"old nodes on the first day", NodesRecreating, func(s *scene) {
			s.r.Began = monday.Add(-time.Hour)
			s.o.Audit.Value[0].Time = s.r.Began
			s.o.Nodes.Value[0].Created = monday.Add(-9 * day)
		}, NodesRecreating, "", "GKE to make the nodes anew"},
		{"nodes that nobody may list", NodesRecreating, func(s *scene) { s.o.Nodes = Lack[[]Node](gap) }, Blocked, "", "nobody knows whether the nodes"},
		{"nodes that nobody may list, with an operation", NodesRecreating, func(s *scene) {
			s.o.Nodes = Lack[[]Node](gap)
			done(s, Operation{Name: "op", Type: pb.Operation_UPGRADE_NODES, Pool: "a", Start: monday.Add(-day)})
		}, ClientsPending, "", ""},
		{"an operation on nodes that failed", NodesRecreating, func(s *scene) {
			s.o.Nodes.Value[0].Created = monday.Add(-9 * day)
			done(s, Operation{Name: "op", Type: pb.Operation_UPGRADE_NODES, Pool: "a", Start: monday.Add(-day), Error: "no room"})
		}, Blocked, "", "no room"},
		{"a pool without nodes", NodesRecreating, func(s *scene) { s.o.Nodes.Value = nil }, ClientsPending, "", ""},

		{"clients that have not moved", ClientsPending, func(*scene) {}, ClientsPending, "", "nobody has said that kubeconfigs"},
		{"a registered client", ClientsPending, func(s *scene) { s.p.Clients = []Client{{Name: "ci", Owner: "dev"}} }, ClientsPending, "", "ci (dev)"},
		{"registered clients that have moved, and the old address", ClientsPending, func(s *scene) {
			s.p.Clients = []Client{{Name: "ci"}}
			s.r.Acks = []Ack{{ID: id(kindClient, "ci"), Phase: Complete, By: bob}, {ID: ackIssued, Phase: Complete, By: bob}}
		}, ClientsPending, "", "nobody can see who still asks the old address"},
		{"the old address too", ClientsPending, func(s *scene) {
			s.p.Clients = []Client{{Name: "ci"}}
			s.r.Acks = []Ack{{ID: id(kindClient, "ci"), Phase: Complete, By: bob}, {ID: ackIssued, Phase: Complete, By: bob}, {ID: "old-address-unknown", Phase: Complete, By: bob}}
		}, Ready, "", ""},
		{"certificates of which nobody knows", ClientsPending, func(s *scene) {
			s.r.Acks = []Ack{{ID: "clients-moved", Phase: Complete, By: bob}}
		}, ClientsPending, "", "nobody knows of all certificates"},
		{"all said", ClientsPending, func(s *scene) {
			s.r.Acks = []Ack{{ID: "clients-moved", Phase: Complete, By: bob}, {ID: ackIssued, Phase: Complete, By: bob}}
		}, Ready, "", ""},
		{"tokens that nobody may list", ClientsPending, func(s *scene) {
			s.r.Acks = []Ack{{ID: "clients-moved", Phase: Complete, By: bob}, {ID: ackIssued, Phase: Complete, By: bob}}
			s.o.Tokens = Lack[[]Token](gap)
		}, ClientsPending, "", "nobody knows how many static tokens"},

		{"two approvals", Ready, func(*scene) {}, Completing, Complete, "approved by bob"},
		{"one approval", Ready, func(s *scene) { s.r.Given = nil }, Ready, "", "a second approval"},
		{"the same person twice", Ready, func(s *scene) { s.p.TwoPeople, s.r.Given.By = true, alice }, Ready, "", "another is to approve"},
		{"too early", Ready, func(s *scene) { s.r.Nodes = monday.Add(-time.Hour) }, Ready, "", "after the last new node"},
		{"a new token", Ready, func(s *scene) { s.o.Tokens = Have([]Token{{Secret: "shop/ci"}}) }, ClientsPending, "", "shop/ci"},
		{"a cluster that does not run, ready", Ready, func(s *scene) { s.o.Cluster.Status = pb.Cluster_ERROR }, Blocked, "", "ERROR"},
		{"a permission that is gone", Ready, func(s *scene) { s.o.Tokens = Lack[[]Token](gap) }, ClientsPending, "", "nobody knows how many static tokens"},

		{"a pool that still has the old credentials", Completing, func(s *scene) {
			done(s, Operation{Name: "op-complete", Error: `Node pool "a" requires recreation`})
		}, NodesRecreating, "", `"a" is to be made anew`},
		{"a refusal for a pool", Completing, func(s *scene) {
			s.r.Finish.Operation, s.r.Finish.Refused = "", `FailedPrecondition: Node pool "a" requires recreation.`
		}, NodesRecreating, "", `"a" is to be made anew`},
		{"a completion that failed", Completing, func(s *scene) { done(s, Operation{Name: "op-complete", Error: "internal"}) }, Blocked, "", "internal"},
		{"the new authority", Completing, func(s *scene) { s.o.CA = Have(ca("new", 9000*day)) }, Verifying, "", "as bob@example.com had approved"},
		{"the old authority, a day later", Completing, func(s *scene) {
			done(s, Operation{Name: "op-complete"})
			s.r.Finish.At = monday.Add(-2 * day)
		}, Blocked, "", "still shows the old"},
		{"somebody else completes", ClientsPending, func(s *scene) {
			s.o.CA = Have(ca("new", 9000*day))
			s.o.Audit.Value = append(s.o.Audit.Value, Event{Time: monday.Add(-time.Hour), Phase: Complete, Principal: "carol@example.com"})
		}, Verifying, "", "completed by carol@example.com, without us; left behind: nobody has said"},

		{"a short authority", Verifying, func(s *scene) { s.r.Ended = monday.Add(-2 * day) }, Blocked, "", "not for 30 years"},
		{"somebody else's start", Idle, func(s *scene) {
			s.o.Audit = Have([]Event{{Time: monday, Phase: Start, Principal: "carol@example.com"}})
		}, Foreign, "", "carol@example.com started"},
		{"GKE's own start", Due, func(s *scene) { s.o.Audit = Have([]Event{{Time: monday, Phase: Start}}) }, Foreign, "", "GKE itself started"},
		{"a start that failed", Due, func(s *scene) { s.o.Audit = Have([]Event{{Time: monday, Phase: Start, Failed: true}}) }, Due, "", ""},
		{"a start that is over", Due, func(s *scene) {
			s.o.Audit = Have([]Event{{Time: monday.Add(-day), Phase: Start, Principal: "c"}, {Time: monday, Phase: Complete, Principal: "c"}})
		}, Due, "", ""},
		{"a start before the authority", Due, func(s *scene) {
			s.o.Audit = Have([]Event{{Time: monday.Add(-301 * day), Phase: Start, Principal: "c"}})
		}, Due, "", ""},
		{"another start during ours", ClientsPending, func(s *scene) {
			s.o.Audit.Value = append(s.o.Audit.Value, Event{Time: monday, Phase: Start, Principal: "carol@example.com", Operation: "x"})
		}, Foreign, "", "carol"},
		{"a foreign start that came to nothing", Foreign, func(s *scene) { s.o.Audit = Have([]Event{}) }, Idle, "", "came to nothing"},
		{"a foreign rotation, without the log", Foreign, func(s *scene) { s.o.Audit = Lack[[]Event](gap) }, Foreign, "", ""},

		{"a cluster that is gone", ClientsPending, func(s *scene) { s.o = Observed{Gone: true} }, Idle, "", "the cluster is gone"},
		{"another cluster of that name", ClientsPending, func(s *scene) { s.o.Cluster.Id = "2"; s.o.Audit = Have([]Event{}) }, Due, "", ""},
		{"a cluster that nobody sees", ClientsPending, func(s *scene) { s.o = Observed{Unseen: &gap} }, ClientsPending, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(tt.in)
			tt.change(s)
			before := s.r.clone()
			got := Next(s.now, s.o, s.r, s.p)
			r := got.Record
			said := strings.Join([]string{r.Reason, r.Shown.Next, reason(r.Blockers)}, "\n")
			if r.State != tt.want || got.Call != tt.call || !strings.Contains(said, tt.says) {
				t.Errorf("%s, call %q:\n%s", r.State, got.Call, said)
			}
			if r.State != before.State && len(got.Tell) == 0 {
				t.Error("nobody is told")
			}
			if r.State == Blocked && r.From == Blocked {
				t.Error("blocked from being blocked")
			}
			if d := differ(before, s.r); d {
				t.Error("the record that was given has changed")
			}
			if r.Shown.Next == "" {
				t.Error("nobody knows what comes next")
			}
		})
	}
}

// Days 4, 6 and 7 are told of once each, and the last alone of those that were missed.
func TestReminders(t *testing.T) {
	s := newScene(ClientsPending)
	var told []string
	for _, d := range []int{3, 4, 4, 5, 7, 8} {
		s.now = s.r.Began.Add(time.Duration(d) * day)
		s.o.At = s.now
		step := Next(s.now, s.o, s.r, s.p)
		for _, tell := range step.Tell {
			if strings.HasPrefix(tell.Text, "day ") {
				told = append(told, tell.Text[:5]+" "+tell.Severity.String())
			}
		}
		s.r = step.Record
	}
	if !slices.Equal(told, []string{"day 4 MEDIUM", "day 7 CRITICAL"}) {
		t.Errorf("%q", told)
	}
}

// A pool that GKE asks for is waited for from then on, and others are not.
func TestAgainIsOfOnePool(t *testing.T) {
	s := newScene(NodesRecreating)
	s.o.Cluster.NodePools = append(s.o.Cluster.NodePools, &pb.NodePool{Name: "b", Version: "1.33.4-gke.1", Status: pb.NodePool_RUNNING})
	s.o.Nodes.Value = append(s.o.Nodes.Value, Node{Name: "m", Pool: "b", Created: monday.Add(-time.Hour), Ready: true})
	s.r.Again = []Again{{Pool: "a", Since: monday.Add(-time.Minute)}}
	r := Next(s.now, s.o, s.r, s.p).Record
	if r.State != NodesRecreating || !slices.Equal(r.Kinds, []string{"nodes a"}) {
		t.Errorf("%s %v", r.State, r.Kinds)
	}
}
