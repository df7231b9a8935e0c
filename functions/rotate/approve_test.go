package rotate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tiercel.dev/local/oidc"
)

// What is sent again, altered, late, or by somebody who may not is refused, and changes nothing.
func TestRefusesApprovals(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	good := c.request(Start)
	other := func(change func(*Request)) Request {
		q := good
		change(&q)
		return q
	}
	forger, err := oidc.New(c.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	token := func(a *oidc.Accounts, who, audience string) string {
		text, err := a.Token(who, audience)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	ours := token(c.accounts, alice, approving)
	for name, tt := range map[string]struct {
		by   string
		q    Request
		want int
	}{
		"no token":              {"", good, http.StatusUnauthorized},
		"a forged token":        {token(forger, alice, approving), good, http.StatusUnauthorized},
		"another's audience":    {token(c.accounts, alice, "https://elsewhere.example.com"), good, http.StatusUnauthorized},
		"gcloud's audience":     {token(c.accounts, alice, "32555940559.apps.googleusercontent.com"), good, http.StatusUnauthorized},
		"not on the list":       {token(c.accounts, "mallory@example.com", approving), good, http.StatusForbidden},
		"another cluster":       {ours, other(func(q *Request) { q.Cluster = "shop-2" }), http.StatusForbidden},
		"another location":      {ours, other(func(q *Request) { q.Location = "europe-west2" }), http.StatusForbidden},
		"a path":                {ours, other(func(q *Request) { q.Cluster = "../../harden" }), http.StatusForbidden},
		"another authority":     {ours, other(func(q *Request) { q.CA = strings.Repeat("0", 64) }), http.StatusForbidden},
		"no authority":          {ours, other(func(q *Request) { q.CA = "" }), http.StatusForbidden},
		"another phase":         {ours, other(func(q *Request) { q.Phase = "both" }), http.StatusForbidden},
		"expired":               {ours, other(func(q *Request) { q.Expires = c.clock.Now() }), http.StatusForbidden},
		"good for ever":         {ours, other(func(q *Request) { q.Expires = c.clock.Now().Add(365 * day) }), http.StatusForbidden},
		"a made-up nonce":       {ours, other(func(q *Request) { q.Nonce = "x" }), http.StatusConflict},
		"no nonce":              {ours, other(func(q *Request) { q.Nonce = "" }), http.StatusConflict},
		"a made-up blocker":     {ours, other(func(q *Request) { q.Acknowledge = []string{"clients-moved"} }), http.StatusForbidden},
		"a blocker without end": {ours, other(func(q *Request) { q.Acknowledge = []string{""} }), http.StatusForbidden},
	} {
		before := *c.record()
		code, _, body := c.send(tt.by, tt.q)
		if code != tt.want {
			t.Errorf("%s: %d %s", name, code, body)
		}
		if after := c.record(); after.Nonce != before.Nonce || after.Given != nil || len(after.Acks) != 0 {
			t.Errorf("%s: the record has changed", name)
		}
	}
	if code, a, body := c.send(ours, good); code != http.StatusOK || !a.Approved {
		t.Fatalf("the request itself: %d %s", code, body)
	}
	if code, _, body := c.send(ours, good); code != http.StatusConflict {
		t.Errorf("replayed: %d %s", code, body)
	}
	if code, a, _ := c.post(alice, c.request(Complete)); code != http.StatusOK || a.Approved {
		t.Errorf("a completion of what has not begun: %d %v", code, a)
	}
	if len(c.calls) != 0 {
		t.Error(c.calls)
	}
}

// An approval that was not used in time is none, and another is asked for.
func TestApprovalLapses(t *testing.T) {
	c := newCloud(t, guided+"start: {no_go: [monday, tuesday, wednesday, thursday]}\n", permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	if r := c.tick(time.Minute); r.State != Approved || !strings.Contains(r.Shown.Next, "another day than a Monday") {
		t.Errorf("%s: %s", r.State, r.Shown.Next)
	}
	if r := c.tick(49 * time.Hour); r.State != Due || r.Given != nil || !strings.Contains(r.Reason, "expired") {
		t.Errorf("%s: %s", r.State, r.Reason)
	}
	if len(c.calls) != 0 {
		t.Error(c.calls)
	}
}

// Who approved the start does not approve the completion, whatever he calls himself.
func TestTwoPeople(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	c.until(ClientsPending)
	code, a, body := c.post("Alice@Example.com", c.request(Complete, "clients-moved", ackIssued))
	if code != http.StatusOK || a.Approved || !strings.Contains(a.Why, "another") {
		t.Errorf("%d %s", code, body)
	}
	if r := c.tick(day); r.State != Ready || r.Given != nil {
		t.Errorf("%s, %v", r.State, r.Given)
	}
	c.approve(bob, Complete)
	c.until(Done)
}

// Approvals count while those who gave them may approve.
func TestApproverLeaves(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	o, err := c.bucket.Get(t.Context(), "rotation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.bucket.Put(t.Context(), o.Name, []byte(strings.ReplaceAll(guided, "alice", "carol")), nil, o.Generation); err != nil {
		t.Fatal(err)
	}
	if r := c.tick(time.Minute); r.State != Due || !strings.Contains(r.Reason, "alice@example.com may not approve") || len(c.calls) != 0 {
		t.Errorf("%s: %s, calls %v", r.State, r.Reason, c.calls)
	}
}

// A policy that is wrong lets nothing be called, and clusters are watched all the same.
func TestWrongPolicy(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	o, err := c.bucket.Get(t.Context(), "rotation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.bucket.Put(t.Context(), o.Name, []byte("mode: guided\napprover: [x]\n"), nil, o.Generation); err != nil {
		t.Fatal(err)
	}
	c.clock.Advance(time.Minute)
	if err := c.rotator.Tick(t.Context()); err == nil || !strings.Contains(err.Error(), "rotation.yaml:2:1") {
		t.Error(err)
	}
	if r := c.record(); r.State != Due || len(c.calls) != 0 || r.Shown.Time.Before(monday.Add(time.Minute)) {
		t.Errorf("%s: %s, calls %v", r.State, r.Reason, c.calls)
	}
	if code, _, _ := c.post(alice, c.request(Start)); code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
}

func TestApproverTakesRequestsAlone(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	token, err := c.accounts.Token(alice, approving)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{"{": http.StatusBadRequest, `{"clusters":"x"}`: http.StatusBadRequest, strings.Repeat(" ", maxRequest+1): http.StatusBadRequest} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		c.approver.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%.20q: %d", body, w.Code)
		}
	}
	w := httptest.NewRecorder()
	c.approver.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}
