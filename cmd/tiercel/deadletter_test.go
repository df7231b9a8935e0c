package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/internal/topic"
)

const deadTopic = "projects/p/topics/tiercel-dead-letter"

// dead publishes an alert as Pub/Sub does a dead letter of the subscription route.
func (c *cloud) dead(a *alert.Alert, change map[string]string) {
	c.t.Helper()
	data, err := alert.Marshal(a, alert.EncodingBinary)
	if err != nil {
		c.t.Fatal(err)
	}
	attributes := alert.Attributes(a)
	maps.Copy(attributes, map[string]string{
		deadCount: "10", deadSubscription: "route", deadProject: "p", deadPublished: "2026-01-02T03:04:06Z", "team": "web",
	})
	maps.Copy(attributes, change)
	c.publish(deadTopic, data, attributes)
}

// command runs tiercel dead-letter on the cloud.
func (c *cloud) command(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out, said output
	args = append([]string{"dead-letter"}, args...)
	code = run(append(args, "--local", c.address, "--project", "p", "--wait", "300ms"), &out, &said)
	return code, out.String(), said.String()
}

func TestDeadLetterList(t *testing.T) {
	c := newCloud(t)
	if code, out, said := c.command("list"); code != 0 || out != "" || said != "nothing is in "+testDead+"\n" {
		t.Errorf("of nothing: %d %q %q", code, out, said)
	}
	c.dead(testAlert(1), nil)
	c.dead(testAlert(2), map[string]string{topic.AttrReason: "why\x1b[2J"})
	for range 2 { // what is listed is still there, for the next at once
		code, out, said := c.command("list")
		if code != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, "2026-01-02T03:04:06Z  projects/p/subscriptions/route  10          HIGH      shell  -\n") ||
			!strings.Contains(out, `why\x1b[2J`) {
			t.Errorf("%d %s %s", code, out, said)
		}
	}
	if st := c.stats(testDead); st.Ready != 2 || st.Acked != 0 {
		t.Errorf("left %+v", st)
	}
	code, out, _ := c.command("list", "--json", "--id", testAlert(2).AlertId)
	var l letter
	if err := json.Unmarshal([]byte(out), &l); err != nil || code != 0 || l.Reason != "why\x1b[2J" || l.Deliveries != 10 || l.Rule != "shell" {
		t.Errorf("%d %s %v", code, out, err)
	}
	if code, out, _ := c.command("list", "--max", "1"); code != 0 || strings.Count(out, "\n") != 2 {
		t.Errorf("of one: %d %s", code, out)
	}
	if code, _, said := c.command("list", "--subscription", "nope"); code != 2 || !strings.Contains(said, "projects/p/subscriptions/nope") {
		t.Errorf("of what is not there: %d %s", code, said)
	}
}

// A replayed message is what it was, and is taken from where it stood.
func TestDeadLetterReplay(t *testing.T) {
	c := newCloud(t)
	c.dead(testAlert(1), map[string]string{topic.AttrReason: "x", topic.AttrMessageID: "7", topic.AttrSubscription: "elsewhere"})
	code, out, said := c.command("replay", "--dry-run")
	if code != 0 || !strings.Contains(out, "HIGH shell would be replayed to "+testTopic) || said != "1 would be replayed, 0 failed, 0 left\n" {
		t.Errorf("dry: %d %s %s", code, out, said)
	}
	if c.called("Publish") != 0 || c.stats(testDead).Ready != 1 {
		t.Error("a dry run replayed")
	}
	code, out, said = c.command("replay")
	if code != 0 || !strings.Contains(out, "HIGH shell replayed to "+testTopic) || said != "1 replayed, 0 failed, 0 left\n" {
		t.Errorf("%d %s %s", code, out, said)
	}
	if left := c.stats(testDead).Backlog(); left != 0 {
		t.Errorf("%d are left", left)
	}
	got, err := c.server.Pull(t.Context(), &pb.PullRequest{Subscription: "projects/p/subscriptions/route", MaxMessages: 10})
	if err != nil || len(got.ReceivedMessages) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	m := got.ReceivedMessages[0].Message
	want := alert.Attributes(testAlert(1))
	want["team"] = "web"
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("attributes: -want +got\n%s", diff)
	}
	if data, _ := alert.Marshal(testAlert(1), alert.EncodingBinary); !bytes.Equal(m.Data, data) {
		t.Error("it is another message")
	}
}

// What Pub/Sub itself makes a dead letter of is shown and comes back.
func TestDeadLetterOfPubSub(t *testing.T) {
	c := newCloud(t)
	const name = "projects/p/subscriptions/strict"
	if _, err := c.server.CreateSubscription(t.Context(), &pb.Subscription{
		Name: name, Topic: testTopic, DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: deadTopic, MaxDeliveryAttempts: 5},
	}); err != nil {
		t.Fatal(err)
	}
	pull := func() *pb.ReceivedMessage {
		t.Helper()
		got, err := c.server.Pull(t.Context(), &pb.PullRequest{Subscription: name, MaxMessages: 1})
		if err != nil || len(got.ReceivedMessages) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		return got.ReceivedMessages[0]
	}
	c.publishAlert(testAlert(1))
	for range 5 {
		if _, err := c.server.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{Subscription: name, AckIds: []string{pull().AckId}}); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, said := c.command("list"); code != 0 || !strings.Contains(out, name+"  5 ") {
		t.Errorf("%d %s %s", code, out, said)
	}
	if code, out, said := c.command("replay"); code != 0 {
		t.Errorf("%d %s %s", code, out, said)
	}
	if diff := cmp.Diff(alert.Attributes(testAlert(1)), pull().Message.Attributes); diff != "" {
		t.Errorf("attributes: -want +got\n%s", diff)
	}
}

// What Pub/Sub did not take again stays.
func TestDeadLetterReplayRefused(t *testing.T) {
	c := newCloud(t)
	c.dead(testAlert(1), nil)
	c.answers(func(method string, _ any) error {
		if method == "Publish" {
			return status.Error(codes.PermissionDenied, "refused")
		}
		return nil
	})
	code, out, said := c.command("replay")
	if code != 1 || !strings.Contains(out, "needs pubsub.topics.publish on "+testTopic) || !strings.Contains(said, "1 message not replayed") {
		t.Errorf("%d %s %s", code, out, said)
	}
	if st := c.stats(testDead); st.Ready != 1 || st.Acked != 0 {
		t.Errorf("left %+v", st)
	}
}

// An acknowledgement that fails leaves a message that is there twice, which is told and counts once.
func TestDeadLetterReplayNotAcknowledged(t *testing.T) {
	c := newCloud(t)
	c.dead(testAlert(1), nil)
	c.answers(func(method string, _ any) error {
		if method == "Acknowledge" {
			return status.Error(codes.PermissionDenied, "refused")
		}
		return nil
	})
	if code, _, said := c.command("replay"); code != 1 || !strings.Contains(said, "1 messages are done and still in "+testDead) {
		t.Errorf("%d %s", code, said)
	}
	if published := c.called("Publish"); published != 1 {
		t.Errorf("published %d times", published)
	}
}

func TestDeadLetterReplayChooses(t *testing.T) {
	c := newCloud(t)
	other := testAlert(2)
	other.Rule.Name = "other"
	c.dead(testAlert(1), nil)
	c.dead(other, nil)
	c.dead(testAlert(3), nil)
	c.dead(testAlert(4), map[string]string{deadProject: "attacker"})
	c.dead(testAlert(5), map[string]string{deadSubscription: "gone"})
	c.dead(testAlert(6), map[string]string{deadSubscription: ""})
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
		left int
	}{
		{"a rule", []string{"--rule", "other"}, 0, "other replayed", 5},
		{"a reason that none has", []string{"--reason", "quota"}, 0, "", 5},
		{"another project's", []string{"--id", testAlert(4).AlertId}, 1, "of another project: give --topic", 5},
		{"of a subscription that is gone", []string{"--id", testAlert(5).AlertId}, 1, "or give --topic", 5},
		{"of nobody", []string{"--id", testAlert(6).AlertId}, 1, "does not say from which subscription", 5},
		{"told where to", []string{"--id", testAlert(6).AlertId, "--topic", "tiercel-alerts"}, 0, "replayed to " + testTopic, 4},
		{"no more than", []string{"--rule", "shell", "--max", "1"}, 0, "replayed to " + testTopic, 3},
	} {
		code, out, said := c.command(append([]string{"replay"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%s: %d %s %s", tt.name, code, out, said)
		}
		if st := c.stats(testDead); st.Ready != tt.left {
			t.Errorf("%s: left %+v, want %d", tt.name, st, tt.left)
		}
	}
}

// Thousands are read through, each once, though what is passed over is given back only at the end.
func TestDeadLetterReplayMany(t *testing.T) {
	c := newCloud(t)
	for seq := range uint64(250) {
		a := testAlert(1)
		a.Seq, a.AlertId = seq+1, alert.ID("n1", "b1", seq+1)
		if seq%2 == 0 {
			a.Rule.Name = "other"
		}
		c.dead(a, nil)
	}
	code, out, said := c.command("replay", "--rule", "other", "--max", "1000")
	if code != 0 || strings.Count(out, "replayed to") != 125 || said != "125 replayed, 0 failed, 125 left\n" {
		t.Errorf("%d %d lines %s", code, strings.Count(out, "\n"), said)
	}
	if st := c.stats(testDead); st.Ready != 125 || c.stats("projects/p/subscriptions/route").Ready != 125 {
		t.Errorf("left %+v", st)
	}
}

func TestLettersGivesBackWhenBroken(t *testing.T) {
	c := newCloud(t)
	c.dead(testAlert(1), nil)
	l := letters{calls: c.client.SubscriptionAdminClient, subscription: testDead, wait: time.Minute}
	broken := errors.New("out of order")
	err := l.each(t.Context(), func(_ context.Context, _ []letter) ([]letter, bool, error) { return nil, false, broken })
	if !errors.Is(err, broken) || c.stats(testDead).Ready != 1 {
		t.Errorf("%v, left %+v", err, c.stats(testDead))
	}
}
