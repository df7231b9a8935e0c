package pubsub

import (
	"fmt"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func TestUpdateSubscription(t *testing.T) {
	s, c := serve(t, Config{})
	dead := &pb.DeadLetterPolicy{DeadLetterTopic: deadT, MaxDeliveryAttempts: 7}
	base := func() *pb.Subscription {
		return &pb.Subscription{
			Name: subS, Topic: topicT, Filter: "attributes:kind", AckDeadlineSeconds: 20, DeadLetterPolicy: dead,
			MessageRetentionDuration: durationpb.New(defaultRetention),
		}
	}
	for _, tt := range []struct {
		name   string
		change *pb.Subscription
		paths  []string
		code   codes.Code
		want   func(*pb.Subscription)
	}{
		{"deadline and labels", &pb.Subscription{AckDeadlineSeconds: 30, Labels: map[string]string{"a": "b"}, Filter: "x"}, []string{"ack_deadline_seconds", "labels"}, codes.OK,
			func(p *pb.Subscription) { p.AckDeadlineSeconds, p.Labels = 30, map[string]string{"a": "b"} }},
		{"a field in a field", &pb.Subscription{DeadLetterPolicy: &pb.DeadLetterPolicy{MaxDeliveryAttempts: 9}}, []string{"dead_letter_policy.max_delivery_attempts"}, codes.OK,
			func(p *pb.Subscription) {
				p.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: deadT, MaxDeliveryAttempts: 9}
			}},
		{"clear", &pb.Subscription{}, []string{"dead_letter_policy"}, codes.OK, func(p *pb.Subscription) { p.DeadLetterPolicy = nil }},
		{"retry", &pb.Subscription{RetryPolicy: &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)}}, []string{"retry_policy"}, codes.OK,
			func(p *pb.Subscription) {
				p.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)}
			}},
		{"the filter", &pb.Subscription{Filter: ""}, []string{"filter"}, codes.InvalidArgument, nil},
		{"the topic", &pb.Subscription{Topic: deadT}, []string{"topic"}, codes.InvalidArgument, nil},
		{"no mask", &pb.Subscription{AckDeadlineSeconds: 30}, nil, codes.InvalidArgument, nil},
		{"no such field", &pb.Subscription{}, []string{"labels.x"}, codes.InvalidArgument, nil},
		{"too long a deadline", &pb.Subscription{AckDeadlineSeconds: 601}, []string{"ack_deadline_seconds"}, codes.InvalidArgument, nil},
		{"exactly once", &pb.Subscription{EnableExactlyOnceDelivery: true}, []string{"enable_exactly_once_delivery"}, codes.Unimplemented, nil},
		{"a dead-letter topic that is not there", &pb.Subscription{DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: "projects/p/topics/none"}},
			[]string{"dead_letter_policy.dead_letter_topic"}, codes.NotFound, nil},
	} {
		subscribe(t, c, base())
		tt.change.Name = subS
		_, err := c.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
			Subscription: tt.change, UpdateMask: &fieldmaskpb.FieldMask{Paths: tt.paths},
		})
		if status.Code(err) != tt.code {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
		}
		want := base()
		if tt.want != nil {
			tt.want(want)
		}
		got, err := s.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: subS})
		if d := cmp.Diff(want, got, protocmp.Transform()); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, d)
		}
		if err := c.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: subS}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDetach(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	publish(t, c, "hello", nil)
	pull(t, s, subS, 1)
	publish(t, c, "hello", nil)
	if _, err := c.TopicAdminClient.DetachSubscription(t.Context(), &pb.DetachSubscriptionRequest{Subscription: subS}); err != nil {
		t.Fatal(err)
	}
	publish(t, c, "hello", nil)
	_, err := s.Pull(t.Context(), &pb.PullRequest{Subscription: subS, MaxMessages: 1})
	if st := stats(s)[subS]; status.Code(err) != codes.FailedPrecondition || st.Backlog() != 0 {
		t.Errorf("%v, %+v", err, st)
	}
	if kept, _ := s.Bytes(); kept != 0 {
		t.Errorf("%d bytes are kept", kept)
	}
}

// A topic that is deleted leaves its subscriptions with what they have.
func TestDeleteTopic(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	publish(t, c, "hello", nil)
	if err := c.TopicAdminClient.DeleteTopic(t.Context(), &pb.DeleteTopicRequest{Topic: topicT}); err != nil {
		t.Fatal(err)
	}
	if err := put(t, s, topicT, "hello"); status.Code(err) != codes.NotFound {
		t.Errorf("published to a topic that was deleted: %v", err)
	}
	if got := pull(t, s, subS, 1)[0]; string(got.Message.Data) != "hello" || stats(s)[subS].Topic != deletedTopic {
		t.Errorf("%v, %+v", got, stats(s)[subS])
	}
}

func TestLists(t *testing.T) {
	s, c := serve(t, Config{})
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("projects/p/subscriptions/s-%d", i)
		subscribe(t, c, &pb.Subscription{Name: name})
		want = append(want, name)
	}
	subscribe(t, c, &pb.Subscription{Name: "projects/other/subscriptions/sss"})
	var got []string
	it := c.SubscriptionAdminClient.ListSubscriptions(t.Context(), &pb.ListSubscriptionsRequest{Project: "projects/p", PageSize: 3})
	for sub, err := it.Next(); err != iterator.Done; sub, err = it.Next() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, sub.Name)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("subscriptions (-want +got):\n%s", d)
	}
	names, err := s.ListTopicSubscriptions(t.Context(), &pb.ListTopicSubscriptionsRequest{Topic: topicT})
	if err != nil || len(names.Subscriptions) != 8 {
		t.Errorf("%v, %v", names, err)
	}
	topics, err := s.ListTopics(t.Context(), &pb.ListTopicsRequest{Project: "projects/p"})
	if err != nil || len(topics.Topics) != 2 || topics.NextPageToken != "" {
		t.Errorf("%v, %v", topics, err)
	}
}

func TestUpdateTopic(t *testing.T) {
	s, c := serve(t, Config{})
	update := func(spec *pb.Topic, path string) error {
		spec.Name = topicT
		_, err := c.TopicAdminClient.UpdateTopic(t.Context(), &pb.UpdateTopicRequest{Topic: spec, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
		return err
	}
	createSchema(t, s, `syntax = "proto3"; message A { string a = 1; }`)
	if err := update(&pb.Topic{SchemaSettings: &pb.SchemaSettings{Schema: schemaA, Encoding: pb.Encoding_JSON}}, "schema_settings"); err != nil {
		t.Error(err)
	}
	if err := put(t, s, topicT, "hello"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no JSON: %v", err)
	}
	for _, tt := range []struct {
		spec *pb.Topic
		path string
		want codes.Code
	}{
		{&pb.Topic{}, "name", codes.InvalidArgument},
		{&pb.Topic{SchemaSettings: &pb.SchemaSettings{Schema: "projects/p/schemas/none", Encoding: pb.Encoding_JSON}}, "schema_settings", codes.NotFound},
		{&pb.Topic{MessageRetentionDuration: durationpb.New(time.Hour)}, "message_retention_duration", codes.Unimplemented},
		{&pb.Topic{}, "schema_settings", codes.OK},
	} {
		if err := update(tt.spec, tt.path); status.Code(err) != tt.want {
			t.Errorf("%v, %s: %v, want %v", tt.spec, tt.path, err, tt.want)
		}
	}
	if err := put(t, s, topicT, "hello"); err != nil {
		t.Errorf("without a schema: %v", err)
	}
}
