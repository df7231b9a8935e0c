package rotate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/metadata"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/caller"
)

// A rotation as it should be: two people, one acknowledged token, every state, and everybody told of each.
func TestWholeRotation(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = c.tokens("ci")
	if r := c.tick(0); r.State != Due || len(r.Shown.Deadlines) != 2 {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	if got := c.findings(); !slices.Equal(got, []string{"tiercel_rotation_due"}) {
		t.Errorf("%v", got)
	}
	c.approve(alice, Start)
	if r := c.tick(time.Minute); r.State != Starting || r.Start.Operation == "" {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	r := c.until(ClientsPending)
	if len(r.Blockers) != 3 || !strings.Contains(r.Blockers[0].What, "shop/ci") || !strings.Contains(r.Blockers[1].What, "the old address 198.51.100.7") {
		t.Errorf("%v", r.Blockers)
	}
	if got := c.findings(); !slices.Equal(got, []string{"tiercel_rotation_running"}) {
		t.Errorf("%v", got)
	}
	if code, a, _ := c.post(bob, c.request(Complete, r.Blockers[0].Acknowledge)); code != http.StatusOK || a.Approved || len(a.Left) != 2 {
		t.Errorf("%d %v", code, a)
	}
	c.approve(bob, Complete, "clients-moved", ackIssued)
	r = c.until(Done)
	if r.Ender != bob || len(r.Left) != 1 || !strings.Contains(r.Left[0], "bob@example.com answers for it") || r.Round != 1 {
		t.Errorf("%s, %v", r.Ender, r.Left)
	}
	if got := c.findings(); len(got) != 0 {
		t.Errorf("%v are active", got)
	}
	want := "DUE APPROVED STARTING NODES_RECREATING CLIENTS_PENDING READY COMPLETING VERIFYING DONE"
	if got := strings.Join(c.path(), " "); got != want {
		t.Errorf("%s", got)
	}
	if len(c.alerts) != len(c.notices) || !slices.Equal(c.calls, []string{"StartIPRotation", "CompleteIPRotation"}) {
		t.Errorf("%d alerts, %d notices, calls %v", len(c.alerts), len(c.notices), c.calls)
	}
	for _, n := range c.notices[:len(c.notices)-1] {
		if len(n.Deadlines) == 0 {
			t.Errorf("%s: no deadline", n.Subject)
		}
	}
	if r := c.tick(day); r.State != Done {
		t.Errorf("%s after the end", r.State)
	}
}

// Without a policy nothing is ever asked of GKE, and people have the commands.
func TestAdvises(t *testing.T) {
	c := newCloud(t, "", permissions(""))
	r := c.tick(0)
	if r.State != Due || !slices.Equal(r.Shown.Commands, []string{"gcloud container clusters update shop --location europe-west1 --project p --start-credential-rotation"}) {
		t.Errorf("%s %q", r.State, r.Shown.Commands)
	}
	if code, _, body := c.post(alice, c.request(Start)); code != http.StatusForbidden {
		t.Errorf("%d %s", code, body)
	}
	c.tick(90 * day)
	if len(c.calls) != 0 {
		t.Error(c.calls)
	}
}

// GKE completes after seven days whether or not anybody is ready. The tick after sees it, and says who was left behind.
func TestGKECompletes(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = c.tokens("ci", "old")
	c.tick(0)
	c.approve(alice, Start)
	c.until(ClientsPending)
	reminded := func() (days []string) {
		for _, n := range c.notices {
			if strings.HasPrefix(n.Text, "day ") {
				days = append(days, n.Text[:5])
			}
		}
		return days
	}
	r := c.record()
	for r.State == ClientsPending {
		r = c.tick(6 * time.Hour)
	}
	if got := reminded(); !slices.Equal(got, []string{"day 4", "day 6"}) && !slices.Equal(got, []string{"day 4", "day 6", "day 7"}) {
		t.Errorf("%q", got)
	}
	left := strings.Join(r.Left, "\n")
	if r.Ender != "GKE" || !strings.Contains(left, "shop/ci, shop/old") || !strings.Contains(left, "kubeconfigs") {
		t.Errorf("%s, completed by %s: %s\n%s", r.State, r.Ender, r.Reason, left)
	}
	if !strings.Contains(strings.Join(c.path(), " "), "CLIENTS_PENDING VERIFYING") || len(c.calls) != 1 {
		t.Errorf("%v, calls %v", c.path(), c.calls)
	}
	if late := c.clock.Now().Sub(monday); late > 8*day {
		t.Errorf("seen after %s", late)
	}
}

// What somebody else starts is watched, with its time and who it was, and nothing is asked for.
func TestSecondOperator(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	c.clock.Advance(time.Minute)
	began := c.clock.Now()
	ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, "mallory@example.com")
	if _, err := c.client.StartIPRotation(ctx, &pb.StartIPRotationRequest{Name: shop.ClusterName(), RotateCredentials: true}); err != nil {
		t.Fatal(err)
	}
	r := c.tick(time.Minute)
	if r.State != Foreign || !r.Began.Equal(began) || r.By != "mallory@example.com" {
		t.Fatalf("%s, %s, %s", r.State, r.Began, r.By)
	}
	if got := c.findings(); !slices.Equal(got, []string{"tiercel_rotation_foreign"}) {
		t.Errorf("%v", got)
	}
	if code, a, _ := c.post(bob, c.request(Complete)); code != http.StatusOK || a.Approved {
		t.Errorf("%d %v", code, a)
	}
	if r = c.until(Done); r.Ender != "GKE" || len(c.calls) != 0 {
		t.Errorf("%s, calls %v", r.Ender, c.calls)
	}
}

// Thirty days before the authority's end GKE starts by itself. That is foreign, too.
func TestGKEStarts(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.tick(69 * day)
	r := c.until(Foreign)
	if r.By != "GKE" || len(c.calls) != 0 || r.CA.NotAfter.Sub(r.Began) > 30*day {
		t.Errorf("%s by %s on %s, calls %v", r.State, r.By, r.Began, c.calls)
	}
}

// Each permission that is missing is named, and is never taken for "there is none": nothing is started without knowing.
func TestMissingPermissions(t *testing.T) {
	for permission, call := range map[string]string{
		"logging.logEntries.list": "ListLogEntries", "container.operations.list": "ListOperations",
	} {
		t.Run(permission, func(t *testing.T) {
			c := newCloud(t, guided, permissions(permission))
			c.tick(0)
			c.approve(alice, Start)
			r := c.tick(time.Minute)
			if r.State != Blocked || r.From != Approved || !strings.Contains(r.Reason, call) || r.Blockers[0].Acknowledge != "" {
				t.Errorf("%s: %s %v", r.State, r.Reason, r.Blockers)
			}
			if fix := r.Blockers[0].Fix; !strings.Contains(fix, permission) {
				t.Errorf("%q", fix)
			}
			if c.tick(day); len(c.calls) != 0 {
				t.Error(c.calls)
			}
		})
	}
	t.Run("container.clusters.update", func(t *testing.T) {
		c := newCloud(t, guided, permissions("container.clusters.update"))
		c.tick(0)
		c.approve(alice, Start)
		c.tick(time.Minute)
		if r := c.tick(time.Minute); r.State != Blocked || r.From != Starting || !strings.Contains(r.Reason, "PermissionDenied") {
			t.Errorf("%s: %s", r.State, r.Reason)
		}
		if c.tick(day); len(c.calls) != 1 {
			t.Errorf("asked %d times", len(c.calls))
		}
	})
	t.Run("container.clusters.list", func(t *testing.T) {
		may := permissions("")
		c := newCloud(t, guided, may)
		c.tick(0)
		c.approve(alice, Start)
		c.until(ClientsPending)
		may[us] = []string{"logging.logEntries.list"}
		r := c.tick(4 * day)
		if r.State != ClientsPending || len(r.Shown.Gaps) == 0 || r.Shown.Gaps[0].Permission != "container.clusters.list" || len(r.Shown.Deadlines) == 0 {
			t.Errorf("%s %v", r.State, r.Shown.Gaps)
		}
	})
}

// Who may not list secrets does not know how many static tokens there are; a person says that it is all the same, or it ends here.
func TestTokensThatNobodyMayList(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = func(s *snapshot.Snapshot) { c.well(s); s.Kubernetes.Tokens.Complete = false }
	c.tick(0)
	c.approve(alice, Start)
	if r := c.tick(time.Minute); r.State != Blocked || r.Blockers[0].Acknowledge != "tokens-unknown" {
		t.Fatalf("%s %v", r.State, r.Blockers)
	}
	c.approve(alice, Start, "tokens-unknown")
	c.until(ClientsPending)
	// What was said before the start is not said of the completion.
	if code, a, _ := c.post(bob, c.request(Complete, "clients-moved", ackIssued)); code != http.StatusOK || a.Approved {
		t.Errorf("%d %v", code, a)
	}
	if r := c.tick(time.Hour); r.State != ClientsPending || len(r.Blockers) != 1 || r.Blockers[0].Acknowledge != "tokens-unknown" {
		t.Fatalf("%s %v", r.State, r.Blockers)
	}
	c.approve(bob, Complete, "tokens-unknown")
	c.until(Done)
}

// A token that comes after somebody has answered for the others is another matter.
func TestNewTokenIsAnother(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = c.tokens("ci")
	c.tick(0)
	c.approve(alice, Start)
	r := c.until(ClientsPending)
	c.approve(bob, Complete, r.Blockers[0].Acknowledge, r.Blockers[1].Acknowledge, r.Blockers[2].Acknowledge)
	if r = c.tick(time.Hour); r.State != Ready {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	c.inside = c.tokens("ci", "new")
	if r = c.tick(24 * time.Hour); r.State != ClientsPending || r.Given != nil || len(c.calls) != 1 {
		t.Errorf("%s, %v, calls %v", r.State, r.Given, c.calls)
	}
}

// An answer that is lost is looked for in the audit log, and nothing is asked again.
func TestLostAnswers(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.after = func(method string) error {
		if strings.HasSuffix(method, "IPRotation") {
			return errTimeout
		}
		return nil
	}
	c.tick(0)
	c.approve(alice, Start)
	c.clock.Advance(time.Minute)
	if err := c.rotator.Tick(t.Context()); err == nil {
		t.Error("nobody says that the answer was lost")
	}
	if r := c.record(); r.State != Starting || r.Start.Operation != "" {
		t.Fatalf("%s %v", r.State, r.Start)
	}
	if r := c.tick(time.Minute); r.State != Starting || r.Start.Operation == "" {
		t.Errorf("%s %v", r.State, r.Start)
	}
	c.until(ClientsPending)
	c.approve(bob, Complete, "clients-moved", ackIssued)
	for range 10 { // the tick that completes fails, too
		c.clock.Advance(6 * time.Hour)
		c.gke.CatchUp()
		_ = c.rotator.Tick(t.Context())
	}
	if r := c.record(); r.State != Done || len(c.calls) != 2 {
		t.Errorf("%s: %s, calls %v", r.State, r.Reason, c.calls)
	}
}

// A call that never reached GKE leaves no trace. A person looks, and says so.
func TestCallThatNeverWas(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	hands := c.rotator.cfg.Hands
	c.rotator.cfg.Hands = dead{}
	c.clock.Advance(time.Minute)
	if err := c.rotator.Tick(t.Context()); err == nil {
		t.Error("no error")
	}
	c.rotator.cfg.Hands = hands
	if r := c.tick(5 * time.Minute); r.State != Starting {
		t.Errorf("%s after five minutes: %s", r.State, r.Reason)
	}
	r := c.tick(11 * time.Minute)
	if r.State != Blocked || r.From != Starting || r.Blockers[0].Acknowledge != ackStart || len(c.calls) != 0 {
		t.Fatalf("%s: %s, calls %v", r.State, r.Reason, c.calls)
	}
	if code, a, _ := c.post(alice, c.request(Start)); code != http.StatusOK || a.Approved {
		t.Errorf("approved without a word on what went wrong: %d %v", code, a)
	}
	c.approve(alice, Start, ackStart)
	c.until(ClientsPending)
}

type dead struct{ Hands }

func (dead) Start(context.Context, posture.Resource) (string, error) {
	return "", fmt.Errorf("connection reset")
}
