package main

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	"tiercel.dev/alert"
	"tiercel.dev/local"
	"tiercel.dev/local/pubsub"
)

const (
	testTopic = "projects/p/topics/tiercel-alerts"
	testDead  = "projects/p/subscriptions/tiercel-dead-letter"
)

// A cloud is a Pub/Sub with what is asked of it.
type cloud struct {
	t       *testing.T
	server  *pubsub.Server
	address string
	client  *client.Client

	mu     sync.Mutex
	calls  []string // methods, in order
	answer func(method string, request any) error
}

// newCloud serves the topic of alerts, and a subscription that keeps dead letters of route, one of that topic.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, server: pubsub.New(pubsub.Config{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	g := grpc.NewServer(append(pubsub.Options(), grpc.UnaryInterceptor(c.intercept))...)
	c.server.Register(g)
	go g.Serve(l)
	t.Cleanup(func() { c.server.Close(); g.Stop() })
	if c.client, err = client.NewClient(t.Context(), "p", local.Reach(c.address)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.client.Close() })
	for _, name := range []string{testTopic, "projects/p/topics/tiercel-dead-letter"} {
		if _, err := c.server.CreateTopic(t.Context(), &pb.Topic{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for name, topic := range map[string]string{"projects/p/subscriptions/route": testTopic, testDead: "projects/p/topics/tiercel-dead-letter"} {
		if _, err := c.server.CreateSubscription(t.Context(), &pb.Subscription{Name: name, Topic: topic}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// intercept notes each call, and answers in Pub/Sub's place where a test wants it.
func (c *cloud) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]
	c.mu.Lock()
	c.calls = append(c.calls, method)
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		if err := answer(method, request); err != nil {
			return nil, err
		}
	}
	return next(ctx, request)
}

// answers has calls answered by f until it is set again.
func (c *cloud) answers(f func(method string, request any) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

func (c *cloud) called(method string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.calls {
		if m == method {
			n++
		}
	}
	return n
}

func (c *cloud) publish(topic string, data []byte, attributes map[string]string) {
	c.t.Helper()
	_, err := c.server.Publish(c.t.Context(), &pb.PublishRequest{Topic: topic, Messages: []*pb.PubsubMessage{{Data: data, Attributes: attributes}}})
	if err != nil {
		c.t.Fatal(err)
	}
}

// stats are a subscription's; nothing of one that is not there.
func (c *cloud) stats(name string) pubsub.SubscriptionStats {
	for _, s := range c.server.Stats() {
		if s.Name == name {
			return s
		}
	}
	return pubsub.SubscriptionStats{}
}

// watching are the subscriptions of watches.
func (c *cloud) watching() (names []string) {
	for _, s := range c.server.Stats() {
		if strings.Contains(s.Name, "/tiercel-watch-") {
			names = append(names, s.Name)
		}
	}
	return names
}

func (c *cloud) until(what string, done func() bool) {
	c.t.Helper()
	until(c.t, what, done)
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	if !comes(done) {
		t.Fatalf("waited in vain for %s", what)
	}
}

// comes waits until done, and reports false when that takes too long for any machine.
func comes(done func() bool) bool {
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// testAlert is an alert that says its number.
func testAlert(seq uint64) *alert.Alert {
	return &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, AlertId: alert.ID("n1", "b1", seq), Identity: strings.Repeat("a", 32), SensorId: "n1",
		BootId: "b1", Seq: seq, Time: "2026-01-02T03:04:05.000000006Z", Severity: alert.High, Rule: &alert.Rule{Name: "shell"},
		Output: "shell " + strings.Repeat("I", int(seq)), Node: &alert.Node{Name: "n1"},
	}
}

func (c *cloud) publishAlert(a *alert.Alert) {
	c.t.Helper()
	data, err := alert.Marshal(a, alert.EncodingBinary)
	if err != nil {
		c.t.Fatal(err)
	}
	c.publish(testTopic, data, alert.Attributes(a))
}
