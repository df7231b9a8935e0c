package pubsub

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
)

func reopen(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Open(dir, Config{Hurry: 10_000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s, c := serveOn(t, reopen(t, dir))
	dead := &pb.DeadLetterPolicy{DeadLetterTopic: deadT, MaxDeliveryAttempts: 5}
	subscribe(t, c, &pb.Subscription{Name: subS, DeadLetterPolicy: dead, RetryPolicy: &pb.RetryPolicy{}, Filter: `attributes.kind = "alert"`})
	subscribe(t, c, &pb.Subscription{Name: subR})
	subscribe(t, c, &pb.Subscription{Name: subD, Topic: deadT})
	createSchema(t, s, `syntax = "proto3"; message A { string a = 1; }`)
	for i := range 3 {
		publish(t, c, fmt.Sprint(i), map[string]string{"kind": "alert"})
	}
	publish(t, c, "filtered", nil)
	for _, m := range pull(t, s, subR, 2) { // two are acknowledged, and two wait
		ackOne(t, s, subR, m.AckId)
	}
	// All three are outstanding, and the first is refused twice.
	pulled := pull(t, s, subS, 3)
	for range 2 {
		nackOne(t, s, subS, pulled[0].AckId)
		pulled[0] = pull(t, s, subS, 1)[0]
	}
	late := pull(t, s, subR, 1)[0]
	before := specs(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = reopen(t, dir)
	if d := cmp.Diff(before, specs(t, s), protocmp.Transform()); d != "" {
		t.Errorf("after the restart (-want +got):\n%s", d)
	}
	ackOne(t, s, subR, late.AckId) // of before the restart: of nobody
	got := make(map[string]int32)
	for _, sub := range []string{subS, subR} {
		for len(got) < map[string]int{subS: 3, subR: 5}[sub] {
			for _, m := range pull(t, s, sub, 9) {
				got[sub+" "+string(m.Message.Data)] = m.DeliveryAttempt
			}
		}
	}
	want := map[string]int32{subS + " 0": 4, subS + " 1": 2, subS + " 2": 2, subR + " 2": 0, subR + " filtered": 0}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("attempts (-want +got):\n%s", d)
	}
}

func ackOne(t testing.TB, s *Server, sub, id string) {
	t.Helper()
	if _, err := s.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: sub, AckIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
}

func nackOne(t testing.TB, s *Server, sub, id string) {
	t.Helper()
	if _, err := s.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
}

func stats(s *Server) map[string]SubscriptionStats {
	all := make(map[string]SubscriptionStats)
	for _, st := range s.Stats() {
		all[st.Name] = st
	}
	return all
}

type kept struct {
	Topics  []*pb.Topic
	Subs    []*pb.Subscription
	Schemas []*pb.Schema
	Bytes   int64
}

func specs(t *testing.T, s *Server) kept {
	t.Helper()
	topics, err1 := s.ListTopics(t.Context(), &pb.ListTopicsRequest{Project: "projects/p"})
	subs, err2 := s.ListSubscriptions(t.Context(), &pb.ListSubscriptionsRequest{Project: "projects/p"})
	schemas, err3 := s.ListSchemas(t.Context(), &pb.ListSchemasRequest{Parent: "projects/p", View: pb.SchemaView_FULL})
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	bytes, _ := s.Bytes()
	return kept{topics.Topics, subs.Subscriptions, schemas.Schemas, bytes}
}

// Nothing is left on disk of what every subscription acknowledged.
func TestDiskIsFreed(t *testing.T) {
	dir := t.TempDir()
	s, c := serveOn(t, reopen(t, dir))
	subscribe(t, c, &pb.Subscription{Name: subS})
	subscribe(t, c, &pb.Subscription{Name: subR})
	for i := range 50 {
		publish(t, c, fmt.Sprint(i), nil)
	}
	for _, sub := range []string{subS, subR} {
		for range 50 {
			ackOne(t, s, sub, pull(t, s, sub, 1)[0].AckId)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes != 0 || s.subs[subS].all.Len() != 0 || s.store.open != nil {
		t.Errorf("%d bytes, %d deliveries, stale entries: %v", s.bytes, s.subs[subS].all.Len(), s.store.open != nil)
	}
}

// Pushing goes on after a restart, from where it was.
func TestRestartPushes(t *testing.T) {
	dir := t.TempDir()
	s, c := serveOn(t, reopen(t, dir))
	p := newEndpoint(t, func(string, int) int { return 503 })
	subscribe(t, c, &pb.Subscription{
		Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: p.URL}, RetryPolicy: &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)},
	})
	publish(t, c, "hello", nil)
	until(t, s, "a push to fail", func(all map[string]SubscriptionStats) bool { return all[subS].Nacked > 0 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.answer(func(string, int) int { return 204 })
	s = reopen(t, dir)
	until(t, s, "the message to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 1 })
}

func TestOneServerAFolder(t *testing.T) {
	dir := t.TempDir()
	reopen(t, dir)
	if _, err := Open(dir, Config{}); err == nil || !strings.Contains(err.Error(), "pubsub.db") {
		t.Errorf("a second server in the folder: %v", err)
	}
}

// A disk that fails is told to the publisher, and the message is written once the disk is better.
func TestDiskFails(t *testing.T) {
	s := reopen(t, t.TempDir())
	createTopic(t, s, topicT, nil)
	if _, err := s.CreateSubscription(t.Context(), &pb.Subscription{Name: subS, Topic: topicT}); err != nil {
		t.Fatal(err)
	}
	if err := s.store.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := put(t, s, topicT, "hello"); status.Code(err) != codes.Unavailable {
		t.Errorf("published without a disk: %v", err)
	}
	if err := s.Close(); err == nil {
		t.Error("closed without a word about what could not be written")
	}
	if err := put(t, s, topicT, "hello"); status.Code(err) != codes.Unavailable {
		t.Errorf("published to a closed server: %v", err)
	}
}
