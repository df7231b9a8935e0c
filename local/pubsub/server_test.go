package pubsub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	gcp "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// patience is how long a test waits for what is to come.
const patience = 60 * time.Second

const (
	topicT = "projects/p/topics/ttt"
	deadT  = "projects/p/topics/dead"
	subS   = "projects/p/subscriptions/sss"
	subR   = "projects/p/subscriptions/rrr"
	subD   = "projects/p/subscriptions/ddd"
)

// serve starts a server and the service's own client to it.
func serve(t testing.TB, cfg Config) (*Server, *gcp.Client) {
	t.Helper()
	return serveOn(t, New(cfg))
}

func serveOn(t testing.TB, s *Server) (*Server, *gcp.Client) {
	t.Helper()
	address, stop, err := Serve(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client, err := gcp.NewClient(t.Context(), "p", option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	for _, name := range []string{topicT, deadT} {
		if _, err := client.TopicAdminClient.GetTopic(t.Context(), &pb.GetTopicRequest{Topic: name}); err == nil {
			continue
		}
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	return s, client
}

func subscribe(t testing.TB, c *gcp.Client, spec *pb.Subscription) {
	t.Helper()
	if spec.Topic == "" {
		spec.Topic = topicT
	}
	if _, err := c.SubscriptionAdminClient.CreateSubscription(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
}

func publish(t testing.TB, c *gcp.Client, data string, attributes map[string]string) string {
	t.Helper()
	p := c.Publisher(topicT)
	defer p.Stop()
	id, err := p.Publish(t.Context(), &gcp.Message{Data: []byte(data), Attributes: attributes}).Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func pull(t testing.TB, s *Server, sub string, n int) []*pb.ReceivedMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := s.Pull(ctx, &pb.PullRequest{Subscription: sub, MaxMessages: int32(n)})
	if err != nil {
		t.Fatal(err)
	}
	return got.ReceivedMessages
}

// until waits for a state that stats show.
func until(t testing.TB, s *Server, what string, done func(map[string]SubscriptionStats) bool) map[string]SubscriptionStats {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		all := make(map[string]SubscriptionStats)
		for _, st := range s.Stats() {
			all[st.Name] = st
		}
		if done(all) {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s: %+v", what, all)
		}
	}
}

func TestReceive(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	const n = 2000
	p := c.Publisher(topicT)
	for i := range n {
		p.Publish(t.Context(), &gcp.Message{Data: fmt.Append(nil, i)})
	}
	p.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var mu sync.Mutex
	seen := make(map[string]int)
	err := c.Subscriber(subS).Receive(ctx, func(_ context.Context, m *gcp.Message) {
		m.Ack()
		mu.Lock()
		defer mu.Unlock()
		if seen[string(m.Data)]++; len(seen) == n {
			cancel()
		}
	})
	if err != nil || len(seen) != n {
		t.Errorf("received %d of %d: %v", len(seen), n, err)
	}
	for data, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", data, times)
		}
	}
	until(t, s, "nothing to be left", func(all map[string]SubscriptionStats) bool {
		st := all[subS]
		return st.Acked == n && st.Ready+st.Outstanding+st.Waiting == 0
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes != 0 {
		t.Errorf("%d bytes are still counted", s.bytes)
	}
}

// The largest message goes in and comes out.
func TestLargestMessage(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	data := make([]byte, MaxMessage)
	r := &pb.PublishRequest{Topic: topicT, Messages: []*pb.PubsubMessage{{Data: data}}}
	if _, err := c.TopicAdminClient.Publish(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	size := 0
	err := c.Subscriber(subS).Receive(ctx, func(_ context.Context, m *gcp.Message) {
		size = len(m.Data)
		m.Ack()
		cancel()
	})
	if err != nil || size != MaxMessage {
		t.Errorf("got %d bytes: %v", size, err)
	}
	until(t, s, "it to be acknowledged", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 1 })
}

// A Pull of what is pushed is refused, and one that shall not wait does not.
func TestPull(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	subscribe(t, c, &pb.Subscription{Name: subR, PushConfig: &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1/"}})
	for _, tt := range []struct {
		r    *pb.PullRequest
		want codes.Code
	}{
		//lint:ignore SA1019 the service still does what it says
		{&pb.PullRequest{Subscription: subS, MaxMessages: 1, ReturnImmediately: true}, codes.OK},
		{&pb.PullRequest{Subscription: subS}, codes.InvalidArgument},
		{&pb.PullRequest{Subscription: subR, MaxMessages: 1}, codes.FailedPrecondition},
		{&pb.PullRequest{Subscription: subD, MaxMessages: 1}, codes.NotFound},
	} {
		if got, err := s.Pull(t.Context(), tt.r); status.Code(err) != tt.want || len(got.GetReceivedMessages()) > 0 {
			t.Errorf("%v: %v, %v, want %v", tt.r, got, err, tt.want)
		}
	}
}

func TestFlowControl(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	for range 20 {
		publish(t, c, "x", nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	receiver := c.Subscriber(subS)
	receiver.ReceiveSettings.MaxOutstandingMessages = 3
	hold := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		receiver.Receive(ctx, func(_ context.Context, m *gcp.Message) { <-hold; m.Ack() })
	})
	until(t, s, "three messages to be out", func(all map[string]SubscriptionStats) bool { return all[subS].Outstanding == 3 })
	close(hold)
	until(t, s, "all to be acknowledged", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 20 })
	cancel()
	done.Wait()
}

func TestEachSubscriptionCountsItsOwn(t *testing.T) {
	s, c := serve(t, Config{Hurry: 10_000})
	dead := &pb.DeadLetterPolicy{DeadLetterTopic: deadT, MaxDeliveryAttempts: 5}
	retry := &pb.RetryPolicy{MinimumBackoff: durationpb.New(10 * time.Second)}
	subscribe(t, c, &pb.Subscription{Name: subS, DeadLetterPolicy: dead, RetryPolicy: retry})
	subscribe(t, c, &pb.Subscription{Name: subR, DeadLetterPolicy: dead, RetryPolicy: retry})
	subscribe(t, c, &pb.Subscription{Name: subD, Topic: deadT})
	publish(t, c, "alert", map[string]string{"kind": "alert"})
	for attempt := range 5 {
		got := pull(t, s, subS, 1)[0]
		if int(got.DeliveryAttempt) != attempt+1 {
			t.Errorf("delivery %d says it is %d", attempt+1, got.DeliveryAttempt)
		}
		if _, err := s.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{Subscription: subS, AckIds: []string{got.AckId}}); err != nil {
			t.Fatal(err)
		}
	}
	letter := pull(t, s, subD, 1)[0].Message
	for key, want := range map[string]string{
		"kind": "alert", attrDeliveryCount: "5", attrSubscription: "sss", attrProject: "p",
	} {
		if letter.Attributes[key] != want {
			t.Errorf("dead letter: %s is %q, want %q", key, letter.Attributes[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, letter.Attributes[attrPublishTime]); err != nil {
		t.Error(err)
	}
	all := until(t, s, "the message to leave", func(all map[string]SubscriptionStats) bool { return all[subS].DeadLettered == 1 })
	if other := all[subR]; other.Ready != 1 || other.DeadLettered != 0 {
		t.Errorf("the other subscription's copy was touched: %+v", other)
	}
}

func TestBackOff(t *testing.T) {
	policy := &pb.RetryPolicy{MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(60 * time.Second)}
	for _, tt := range []struct {
		policy  *pb.RetryPolicy
		attempt int
		want    time.Duration
	}{
		{nil, 7, 0},
		{policy, 1, 10 * time.Second},
		{policy, 2, 20 * time.Second},
		{policy, 3, 40 * time.Second},
		{policy, 4, 60 * time.Second},
		{policy, 1 << 30, 60 * time.Second},
		{&pb.RetryPolicy{}, 1, 10 * time.Second},
		{&pb.RetryPolicy{}, 100, 600 * time.Second},
	} {
		if got := backOff(&pb.Subscription{RetryPolicy: tt.policy}, tt.attempt); got != tt.want {
			t.Errorf("%v, attempt %d: %v, want %v", tt.policy, tt.attempt, got, tt.want)
		}
	}
}

// pushed is an endpoint that remembers what it got.
type pushed struct {
	mu     sync.Mutex
	bodies []string
	answer func(n int) int
}

func (p *pushed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := make([]byte, r.ContentLength)
	r.Body.Read(b)
	p.mu.Lock()
	p.bodies = append(p.bodies, string(b))
	status := p.answer(len(p.bodies))
	p.mu.Unlock()
	w.WriteHeader(status)
}

func TestPushRetriesUntilTaken(t *testing.T) {
	s, c := serve(t, Config{Hurry: 10_000})
	p := &pushed{answer: func(n int) int {
		if n < 4 {
			return http.StatusServiceUnavailable
		}
		return http.StatusNoContent
	}}
	endpoint := httptest.NewServer(p)
	defer endpoint.Close()
	subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: endpoint.URL}, RetryPolicy: &pb.RetryPolicy{}})
	publish(t, c, "hello", map[string]string{"kind": "alert"})
	st := until(t, s, "the message to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 1 })[subS]
	if st.Delivered != 4 || st.Nacked != 3 || st.LastError == "" {
		t.Errorf("%+v", st)
	}
}

// A push that is not answered in time is a delivery like any other that was not acknowledged.
func TestDeadlineEndsADelivery(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	publish(t, c, "hello", nil)
	first := pull(t, s, subS, 1)[0]
	if _, err := s.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{Subscription: subS, AckIds: []string{first.AckId}, AckDeadlineSeconds: 1}); err != nil {
		t.Fatal(err)
	}
	second := pull(t, s, subS, 1)[0]
	if second.Message.MessageId != first.Message.MessageId || second.AckId == first.AckId {
		t.Errorf("first %v, then %v", first, second)
	}
	s.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: subS, AckIds: []string{first.AckId}})
	if st := s.Stats()[0]; st.Outstanding != 1 || st.Acked != 0 || st.Expired != 1 {
		t.Errorf("the first delivery's id acknowledged the second: %+v", st)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s, c := serve(t, Config{MaxBytes: 2000})
	subscribe(t, c, &pb.Subscription{Name: subS})
	subscribe(t, c, &pb.Subscription{Name: subR})
	put := func() error {
		_, err := s.Publish(t.Context(), &pb.PublishRequest{Topic: topicT, Messages: []*pb.PubsubMessage{{Data: make([]byte, 1200)}}})
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	if err := put(); status.Code(err) != codes.ResourceExhausted || s.TopicStats()[1].Refused != 1 {
		t.Errorf("a message beyond the bound: %v, %+v", err, s.TopicStats())
	}
	for _, sub := range []string{subS, subR} {
		s.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: sub, AckIds: []string{pull(t, s, sub, 1)[0].AckId}})
	}
	if err := put(); err != nil {
		t.Errorf("after all were acknowledged: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	s, _ := serve(t, Config{})
	ctx := t.Context()
	sub := func(change func(*pb.Subscription)) error {
		spec := &pb.Subscription{Name: subS, Topic: topicT}
		change(spec)
		_, err := s.CreateSubscription(ctx, spec)
		return err
	}
	message := func(m *pb.PubsubMessage) error {
		_, err := s.Publish(ctx, &pb.PublishRequest{Topic: topicT, Messages: []*pb.PubsubMessage{m}})
		return err
	}
	request := func(all []*pb.PubsubMessage) error {
		_, err := s.Publish(ctx, &pb.PublishRequest{Topic: topicT, Messages: all})
		return err
	}
	many := make(map[string]string)
	for i := range 101 {
		many[fmt.Sprint(i)] = "x"
	}
	for _, tt := range []struct {
		name string
		err  error
		want codes.Code
	}{
		{"a subscription's name", sub(func(p *pb.Subscription) { p.Name = "sss" }), codes.InvalidArgument},
		{"a topic that is not there", sub(func(p *pb.Subscription) { p.Topic = "projects/p/topics/none" }), codes.NotFound},
		{"a dead-letter topic that is not there", sub(func(p *pb.Subscription) {
			p.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: "projects/p/topics/none"}
		}), codes.NotFound},
		{"four attempts", sub(func(p *pb.Subscription) {
			p.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: deadT, MaxDeliveryAttempts: 4}
		}), codes.InvalidArgument},
		{"a deadline of 5 s", sub(func(p *pb.Subscription) { p.AckDeadlineSeconds = 5 }), codes.InvalidArgument},
		{"a back-off of an hour", sub(func(p *pb.Subscription) {
			p.RetryPolicy = &pb.RetryPolicy{MaximumBackoff: durationpb.New(time.Hour)}
		}), codes.InvalidArgument},
		{"a filter", sub(func(p *pb.Subscription) { p.Filter = "attributes.kind" }), codes.InvalidArgument},
		{"ordering", sub(func(p *pb.Subscription) { p.EnableMessageOrdering = true }), codes.Unimplemented},
		{"nothing", message(&pb.PubsubMessage{}), codes.InvalidArgument},
		{"an attribute of the service's", message(&pb.PubsubMessage{Attributes: map[string]string{"googclient_x": "y"}}), codes.InvalidArgument},
		{"too many attributes", message(&pb.PubsubMessage{Attributes: many}), codes.InvalidArgument},
		{"too long a value", message(&pb.PubsubMessage{Attributes: map[string]string{"a": string(make([]byte, 1025))}}), codes.InvalidArgument},
		{"a key that is too long", message(&pb.PubsubMessage{Attributes: map[string]string{strings.Repeat("k", 257): "v"}}), codes.InvalidArgument},
		{"too many messages", request(make([]*pb.PubsubMessage, 1001)), codes.InvalidArgument},
		{"no message", request(nil), codes.InvalidArgument},
		{"messages that are too large together", request([]*pb.PubsubMessage{{Data: make([]byte, MaxMessage/2)}, {Data: make([]byte, MaxMessage/2+1)}}), codes.InvalidArgument},
		{"another topic", put(t, s, "projects/p/topics/none", "hello"), codes.NotFound},
		{"exactly-once", sub(func(p *pb.Subscription) { p.EnableExactlyOnceDelivery = true }), codes.Unimplemented},
		{"an export", sub(func(p *pb.Subscription) { p.BigqueryConfig = new(pb.BigQueryConfig) }), codes.Unimplemented},
		{"a retention of a minute", sub(func(p *pb.Subscription) { p.MessageRetentionDuration = durationpb.New(time.Minute) }), codes.InvalidArgument},
		{"a retention of 32 days", sub(func(p *pb.Subscription) { p.MessageRetentionDuration = durationpb.New(32 * 24 * time.Hour) }), codes.InvalidArgument},
		{"an endpoint that is no URL", sub(func(p *pb.Subscription) { p.PushConfig = &pb.PushConfig{PushEndpoint: "localhost"} }), codes.InvalidArgument},
		{"a token of nobody", sub(func(p *pb.Subscription) {
			p.PushConfig = &pb.PushConfig{PushEndpoint: "https://f.example", AuthenticationMethod: &pb.PushConfig_OidcToken_{OidcToken: new(pb.PushConfig_OidcToken)}}
		}), codes.InvalidArgument},
		{"a form that is not known", sub(func(p *pb.Subscription) {
			p.PushConfig = &pb.PushConfig{PushEndpoint: "https://f.example", Attributes: map[string]string{FormAttribute: "x"}}
		}), codes.InvalidArgument},
		{"a back-off that ends before it begins", sub(func(p *pb.Subscription) {
			p.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(20 * time.Second), MaximumBackoff: durationpb.New(10 * time.Second)}
		}), codes.InvalidArgument},
		{"too large a message", message(&pb.PubsubMessage{Data: make([]byte, MaxMessage+1)}), codes.InvalidArgument},
	} {
		if got := status.Code(tt.err); got != tt.want {
			t.Errorf("%s: %v (%v), want %v", tt.name, got, tt.err, tt.want)
		}
	}
}

// rawClient is the API without the client's own flow control and retries.
func rawClient(t *testing.T, s *Server) pb.SubscriberClient {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewSubscriberClient(conn)
}
