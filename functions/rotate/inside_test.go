package rotate

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/snapshot"
	localkube "tiercel.dev/local/kube"
)

// inner has a cluster's own API say what is in it, to the account that may list secrets or to one that is not there.
func inner(t *testing.T, secrets bool, created time.Time) Observed {
	t.Helper()
	s := localkube.New(localkube.Config{})
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", CreationTimestamp: metav1.NewTime(created), Labels: map[string]string{"cloud.google.com/gke-nodepool": "a"}}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hand-made", Annotations: map[string]string{"kubernetes.io/service-account.name": "ci"}},
		Type:       corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"token": []byte("hidden")},
	}
	if err := s.Put(node, token); err != nil {
		t.Fatal(err)
	}
	address, ca, stop, err := localkube.Serve(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	as := func(user string) *kube.Clusters {
		return kube.New(kube.Config{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: user}), Timeout: 10 * time.Second})
	}
	reader := &snapshot.Kube{Clusters: as("audit")}
	if secrets {
		reader.Secrets = as("tokens")
	}
	o := newScene(ClientsPending).o
	o.Cluster.Endpoint, o.Cluster.MasterAuth = address, &pb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(ca)}
	(&Lookout{Kube: reader}).Inside(t.Context(), shop, &o)
	return o
}

// A token that somebody made by hand, on an API server, keeps a rotation from READY; so does not knowing whether there is one.
func TestHandMadeTokenBlocks(t *testing.T) {
	for name, tt := range map[string]struct {
		secrets bool
		kind    string
		ack     string
	}{
		"listed":     {true, "tokens", id("tokens", "shop/hand-made")},
		"not listed": {false, "tokens", "tokens-unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(ClientsPending)
			s.r.Acks = []Ack{{ID: "clients-moved", Phase: Complete, By: bob}, {ID: ackIssued, Phase: Complete, By: bob}}
			s.o = inner(t, tt.secrets, monday.Add(-time.Hour))
			r := Next(s.now, s.o, s.r, s.p).Record
			if r.State != ClientsPending || len(r.Blockers) != 1 || r.Kinds[0] != tt.kind || r.Blockers[0].Acknowledge != tt.ack {
				t.Fatalf("%s %v", r.State, r.Blockers)
			}
			s.r.Acks = append(s.r.Acks, Ack{ID: tt.ack, Phase: Complete, By: bob})
			if r = Next(s.now, s.o, s.r, s.p).Record; r.State != Ready {
				t.Errorf("acknowledged: %s %v", r.State, r.Blockers)
			}
		})
	}
}

func TestNodesOfTheAPI(t *testing.T) {
	o := inner(t, true, monday.Add(-9*day))
	if !o.Nodes.OK || len(o.Nodes.Value) != 1 || o.Nodes.Value[0].Pool != "a" || !o.Nodes.Value[0].Ready || !o.Nodes.Value[0].Created.Equal(monday.Add(-9*day)) {
		t.Errorf("%+v", o.Nodes)
	}
	if !o.Budgets.OK || !o.Webhooks.OK {
		t.Errorf("%+v %+v", o.Budgets, o.Webhooks)
	}
}

// A cluster that does not answer is not one in which there is nothing.
func TestClusterThatDoesNotAnswer(t *testing.T) {
	var o Observed
	inside(&snapshot.Snapshot{}, &o)
	if o.Nodes.OK || o.Tokens.OK || o.Budgets.OK || o.Webhooks.OK {
		t.Errorf("%+v", o)
	}
}

func TestWebhooksThatHoldPods(t *testing.T) {
	rule := func(operations, groups, resources string) []snapshot.WebhookRule {
		return []snapshot.WebhookRule{{Operations: []string{operations}, Groups: []string{groups}, Resources: []string{resources}}}
	}
	all := []snapshot.Webhook{
		{Name: "deny", Configuration: "policy", FailurePolicy: "Fail", Rules: rule("CREATE", "", "pods")},
		{Name: "all", Configuration: "policy", FailurePolicy: "Fail", Rules: rule("*", "*", "*/*")},
		{Name: "old", Configuration: "policy", Rules: rule("*", "*", "*")}, // which is Fail
		{Name: "open", Configuration: "policy", FailurePolicy: "Ignore", Rules: rule("CREATE", "", "pods")},
		{Name: "services", Configuration: "policy", FailurePolicy: "Fail", Rules: rule("CREATE", "", "services")},
		{Name: "deletes", Configuration: "policy", FailurePolicy: "Fail", Rules: rule("DELETE", "", "pods")},
		{Name: "warden.gke.io", Configuration: "warden", FailurePolicy: "Fail", Rules: rule("CREATE", "", "pods")},
	}
	var o Observed
	inside(&snapshot.Snapshot{Kubernetes: &snapshot.Kubernetes{Webhooks: all}}, &o)
	if want := []string{"policy/deny", "policy/all", "policy/old"}; !slices.Equal(o.Webhooks.Value, want) {
		t.Errorf("%v", o.Webhooks.Value)
	}
}
