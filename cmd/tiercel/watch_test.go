package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/node"
)

// watch runs a tail; end tells it to end and returns its error.
func (c *cloud) watch(show func(*alert.Alert) error) (notes *output, end func() error) {
	notes = new(output)
	tl := tail{calls: c.client.SubscriptionAdminClient, topic: testTopic, filter: `attributes.kind = "alert"`, show: show, note: func(text string) {
		fmt.Fprintln(notes, text)
	}}
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tl.run(ctx) }()
	return notes, func() error {
		cancel()
		return <-ended
	}
}

func TestWatch(t *testing.T) {
	c := newCloud(t)
	var out output
	notes, end := c.watch(newAlertPrinter(&out, false).show)
	c.until("a subscription", func() bool { return len(c.watching()) > 0 })
	name := c.watching()[0]
	spec, err := c.server.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	if got := spec.GetExpirationPolicy().GetTtl().AsDuration(); got != 24*time.Hour {
		t.Errorf("expires after %v", got)
	}
	if got := spec.GetMessageRetentionDuration().AsDuration(); got != 10*time.Minute {
		t.Errorf("keeps for %v", got)
	}
	hostile := testAlert(3)
	hostile.Output = "\x1b[2Jred"
	hostile.Enrichment = &alert.Enrichment{
		Verification: alert.Unverified, VerificationReason: "no node n1\x07", Owners: []*alert.Owner{{Kind: "ReplicaSet", Name: "web-1"}, {Kind: "Deployment", Name: "web"}},
	}
	for _, a := range []*alert.Alert{testAlert(1), testAlert(2), testAlert(1), hostile} {
		c.publishAlert(a)
	}
	c.publish(testTopic, []byte("nonsense\x1b"), map[string]string{"kind": "alert"})
	c.publishAlert(testAlert(4))
	c.until("all to be acknowledged", func() bool { return c.stats(name).Acked == 6 })
	if err := end(); err != nil {
		t.Error(err)
	}
	head := "2026-01-02T03:04:05.000000006Z HIGH shell: "
	want := head + "shell I (node n1)\n" + head + "shell II (node n1)\n" +
		head + `\x1b[2Jred (node n1)` + "\n" + `    UNVERIFIED: no node n1\a; of ReplicaSet/web-1 < Deployment/web` + "\n" + head + "shell IIII (node n1)\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if said := notes.String(); !strings.Contains(said, "is not shown: not an alert") || strings.Contains(said, "\x1b") {
		t.Errorf("of the message that is none: %q", said)
	}
	if got := c.watching(); len(got) > 0 {
		t.Errorf("%v are left", got)
	}
}

// What could not be shown is not acknowledged, and the subscription goes all the same.
func TestWatchAcknowledgesWhatIsShown(t *testing.T) {
	c := newCloud(t)
	var acked []string
	c.answers(func(method string, request any) error {
		if r, ok := request.(*pb.AcknowledgeRequest); ok {
			acked = append(acked, r.AckIds...)
		}
		return nil
	})
	shown := 0
	for _, tt := range []struct{ broken, want error }{{syscall.EPIPE, nil}, {syscall.ENOSPC, syscall.ENOSPC}} {
		acked, shown = nil, 0
		_, end := c.watch(func(*alert.Alert) error {
			if shown == 2 {
				return fmt.Errorf("write: %w", tt.broken)
			}
			shown++
			return nil
		})
		c.until("a subscription", func() bool { return len(c.watching()) > 0 })
		for seq := range uint64(5) {
			c.publishAlert(testAlert(seq + 1))
		}
		c.until("the subscription to go", func() bool { return len(c.watching()) == 0 })
		if err := end(); !errors.Is(err, tt.want) {
			t.Errorf("%v: ended with %v", tt.broken, err)
		}
		if len(acked) != 2 {
			t.Errorf("%v: acknowledged %d of 2", tt.broken, len(acked))
		}
	}
}

func TestWatchRefused(t *testing.T) {
	c := newCloud(t)
	for _, tt := range []struct {
		code    codes.Code
		want    string
		mistake bool
	}{
		{codes.PermissionDenied, "needs pubsub.subscriptions.create on the project p and pubsub.topics.attachSubscription on " + testTopic, false},
		{codes.NotFound, "subscribe to " + testTopic, true},
		{codes.InvalidArgument, "refused", true},
		{codes.ResourceExhausted, "refused", false},
	} {
		c.answers(func(method string, _ any) error {
			if method == "CreateSubscription" {
				return status.Error(tt.code, "refused")
			}
			return nil
		})
		before := c.called("DeleteSubscription")
		_, end := c.watch(func(*alert.Alert) error { return nil })
		c.until("the end", func() bool { return c.called("DeleteSubscription") > before })
		if err := end(); err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, node.ErrMistake) != tt.mistake {
			t.Errorf("%v: ended with %v", tt.code, err)
		}
	}
}

// A subscription that was made though no answer came is deleted.
func TestWatchUnanswered(t *testing.T) {
	c := newCloud(t)
	c.answers(func(method string, request any) error {
		if spec, ok := request.(*pb.Subscription); ok && method == "CreateSubscription" {
			if _, err := c.server.CreateSubscription(context.Background(), spec); err != nil {
				return err
			}
			return status.Error(codes.Internal, "the answer is lost")
		}
		return nil
	})
	_, end := c.watch(func(*alert.Alert) error { return nil })
	c.until("its creation", func() bool { return c.called("CreateSubscription") > 0 })
	c.until("its end", func() bool { return c.called("DeleteSubscription") > 0 && len(c.watching()) == 0 })
	if err := end(); err == nil || errors.Is(err, node.ErrMistake) {
		t.Errorf("ended with %v", err)
	}
}

// A Pub/Sub that does not answer for a while is told of, and nothing is lost by it.
func TestWatchGoesOn(t *testing.T) {
	c := newCloud(t)
	failed := 0
	c.answers(func(method string, _ any) error {
		if method == "Pull" && failed < 2 {
			failed++
			return status.Error(codes.Unavailable, "away")
		}
		return nil
	})
	var out output
	notes, end := c.watch(newAlertPrinter(&out, false).show)
	c.until("a subscription", func() bool { return len(c.watching()) > 0 })
	c.publishAlert(testAlert(1))
	c.until("the alert", func() bool { return strings.Contains(out.String(), "shell I ") })
	if err := end(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(notes.String(), "no answer from Pub/Sub, trying again"); n != 1 {
		t.Errorf("told %d times: %s", n, notes.String())
	}
}

func TestRecentIsBounded(t *testing.T) {
	var r recent
	for seq := range uint64(maxRecent + 10) {
		if !r.add(alert.ID("n", "b", seq)) {
			t.Fatalf("%d is new", seq)
		}
	}
	if r.add(alert.ID("n", "b", maxRecent)) {
		t.Error("the newest is forgotten")
	}
	if !r.add(alert.ID("n", "b", 0)) || len(r.have) != maxRecent {
		t.Errorf("%d are remembered", len(r.have))
	}
}
