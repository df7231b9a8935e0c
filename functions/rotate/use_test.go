package rotate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/gke"
)

// unlisted is a cluster whose Secrets nobody may list.
func (c *cloud) unlisted(s *snapshot.Snapshot) { c.well(s); s.Kubernetes.Tokens.Complete = false }

// asked has somebody ask the cluster's API.
func (c *cloud) asked(r gke.Request) {
	c.Helper()
	if r.Method == "" {
		r.Method, r.Resource = "io.k8s.core.v1.pods.list", "core/v1/namespaces/shop/pods"
	}
	if err := c.gke.Asked(shop.ClusterName(), r); err != nil {
		c.Fatal(err)
	}
}

const ci = "system:serviceaccount:shop:ci"

// A static token that audit logs alone know of, since Secrets may not be listed, keeps a rotation from its completion by its name,
// with who used it when, until somebody answers for it; another one is another matter.
func TestTokenThatAuditLogsAloneKnow(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = c.unlisted
	c.asked(gke.Request{By: ci, Token: "hand-made", Read: true, Address: "203.0.113.7", Program: "deploy/2\n\x1b[31m"})
	c.clock.Advance(20 * day)
	c.asked(gke.Request{By: "system:kube-scheduler", Read: true})
	r := c.tick(0)
	if len(r.Uses.List) != 1 || !r.Uses.Reads {
		t.Fatalf("%+v", r.Uses)
	}
	c.approve(alice, Start, ackTokens)
	r = c.until(ClientsPending)
	used := id(kindUsed, "shop/hand-made")
	if len(r.Blockers) < 2 || r.Blockers[0].Acknowledge != ackTokens || r.Blockers[1].Acknowledge != used {
		t.Fatalf("%v", r.Blockers)
	}
	what := r.Blockers[1].What
	if !strings.Contains(what, `shop/hand-made (last on `+stamp(monday)) || !strings.Contains(what, `from 203.0.113.7 (deploy/2\n\x1b[31m)`) {
		t.Error(what)
	}
	if code, a, _ := c.post(bob, c.request(Complete, c.others(r, used)...)); code != http.StatusOK || a.Approved || len(a.Left) != 1 {
		t.Fatalf("approved though nobody answers for the token: %d %v", code, a)
	}
	c.approve(bob, Complete, used)
	c.asked(gke.Request{By: ci, Token: "second"})
	if r = c.tick(time.Hour); r.State != ClientsPending || r.Given != nil || !strings.Contains(r.Reason, "shop/second") {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	c.approve(bob, Complete, id(kindUsed, "shop/hand-made", "shop/second"))
	if r = c.until(Done); !strings.Contains(strings.Join(r.Left, "\n"), "shop/second") {
		t.Error(r.Left)
	}
}

// others are the ids of blockers but for one.
func (c *cloud) others(r *Record, but string) (ids []string) {
	for _, b := range r.Blockers {
		if b.Acknowledge != "" && b.Acknowledge != but {
			ids = append(ids, b.Acknowledge)
		}
	}
	return ids
}

// A listed token is told of with its last use: as the audit log has it, or the day that its Secret says.
func TestLastUse(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = func(s *snapshot.Snapshot) {
		c.well(s)
		s.Kubernetes.Tokens.List = []snapshot.Token{
			{Namespace: "shop", Secret: "idle", ServiceAccount: "idle"},
			{Namespace: "shop", Secret: "busy", ServiceAccount: "ci"},
			{Namespace: "shop", Secret: "daily", ServiceAccount: "cd", LastUsed: monday.Add(-day)},
			{Namespace: "shop", Secret: "refused", ServiceAccount: "cd", InvalidSince: monday.Add(-9 * day)},
		}
	}
	c.asked(gke.Request{By: ci, Token: "busy", Address: "203.0.113.7"})
	c.tick(0)
	c.approve(alice, Start)
	r := c.until(ClientsPending)
	want := "revokes: shop/busy (used, last on 2026-11-02 08:00 UTC from 203.0.113.7), shop/daily (used, last on 2026-11-01), shop/idle"
	if what := r.Blockers[0].What; !strings.HasSuffix(what, want) {
		t.Error(what)
	}
}

// That nothing is seen is never that there is nothing: the words say what was read, and what may not be.
func TestNoUseIsNotNone(t *testing.T) {
	for name, tt := range map[string]struct {
		without string
		read    bool
		want    string
	}{
		"reads are logged":           {"", true, "tells of no use, and does not tell of all"},
		"reads are not logged":       {"", false, "it is off, or may not be read"},
		"reads are not to be read":   {"logging.privateLogEntries.list", true, "it is off, or may not be read"},
		"no audit log is to be read": {"logging.logEntries.list", true, "nor could the audit log be read for their use (ListLogEntries: Permission 'logging.logEntries.list' denied"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, guided, permissions(tt.without))
			c.inside = c.unlisted
			c.asked(gke.Request{By: "system:kube-scheduler", Read: tt.read})
			r := c.tick(time.Minute)
			i := len(r.Kinds) - 1
			for i >= 0 && r.Kinds[i] != kindTokens {
				i--
			}
			if i < 0 || !strings.Contains(r.Blockers[i].What, tt.want) || r.Blockers[i].Acknowledge != ackTokens {
				t.Errorf("%v", r.Blockers)
			}
		})
	}
}

// A token that is used all the time hides no other: entries of those that are known are left out of what is read next.
func TestBusyTokenHidesNone(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = c.unlisted
	c.asked(gke.Request{By: "system:serviceaccount:shop:rare", Token: "rare"})
	c.asked(gke.Request{By: "system:serviceaccount:shop:old"}) // no static token
	for range 3 * usePage {
		c.clock.Advance(time.Second)
		c.asked(gke.Request{By: ci, Token: "busy", Read: true})
	}
	r := c.tick(0)
	if len(r.Uses.List) != 2 || r.Uses.List[0].key() != "shop/busy" || r.Uses.List[1].key() != "shop/rare" || r.Uses.More {
		t.Fatalf("%+v", r.Uses)
	}
	if last := r.Uses.List[0].Last; !last.Equal(monday.Add(3 * usePage * time.Second)) {
		t.Errorf("last used %s", last)
	}
}
