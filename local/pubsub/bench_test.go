package pubsub

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	gcp "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// alertSize is about that of an alert.
const alertSize = 2048

func benchServer(b *testing.B, dir string) (*Server, *gcp.Client) {
	if dir == "" {
		return serveOn(b, New(Config{}))
	}
	s, err := Open(dir, Config{})
	if err != nil {
		b.Fatal(err)
	}
	return serveOn(b, s)
}

// BenchmarkPublishToPush is the time from Publish, over gRPC, to the endpoint having the message, one after the other.
func BenchmarkPublishToPush(b *testing.B) {
	for _, kind := range []struct{ name, dir string }{{"memory", ""}, {"disk", b.TempDir()}} {
		b.Run(kind.name, func(b *testing.B) {
			s, c := benchServer(b, kind.dir)
			arrived := make(chan struct{}, 1)
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived <- struct{}{}
				w.WriteHeader(http.StatusNoContent)
			}))
			defer endpoint.Close()
			subscribe(b, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: endpoint.URL}})
			data := make([]byte, alertSize)
			b.ReportAllocs()
			for b.Loop() {
				go c.TopicAdminClient.Publish(context.Background(), &pb.PublishRequest{Topic: topicT, Messages: []*pb.PubsubMessage{{Data: data}}})
				<-arrived
			}
			until(b, s, "the last to be taken", func(all map[string]SubscriptionStats) bool { st := all[subS]; return st.Backlog() == 0 })
		})
	}
}

// BenchmarkPush is how many messages a second go from publishers to an endpoint that takes them at once.
func BenchmarkPush(b *testing.B) {
	for _, kind := range []struct{ name, dir string }{{"memory", ""}, {"disk", b.TempDir()}} {
		b.Run(kind.name, func(b *testing.B) {
			s, c := benchServer(b, kind.dir)
			var n atomic.Int64
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				w.WriteHeader(http.StatusNoContent)
			}))
			defer endpoint.Close()
			subscribe(b, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: endpoint.URL}})
			flood(b, s, c, &n)
		})
	}
}

// BenchmarkReceive is how many messages a second the service's own client gets by StreamingPull.
func BenchmarkReceive(b *testing.B) {
	s, c := benchServer(b, "")
	subscribe(b, c, &pb.Subscription{Name: subS})
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var n atomic.Int64
	go c.Subscriber(subS).Receive(ctx, func(_ context.Context, m *gcp.Message) { n.Add(1); m.Ack() })
	flood(b, s, c, &n)
}

func flood(b *testing.B, s *Server, c *gcp.Client, n *atomic.Int64) {
	p := c.Publisher(topicT)
	p.PublishSettings.FlowControlSettings = gcp.FlowControlSettings{MaxOutstandingMessages: 10_000, LimitExceededBehavior: gcp.FlowControlBlock}
	data := make([]byte, alertSize)
	start := time.Now()
	for b.Loop() {
		p.Publish(b.Context(), &gcp.Message{Data: data})
	}
	p.Stop()
	until(b, s, "all to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked >= uint64(b.N) })
	b.ReportMetric(float64(n.Load())/time.Since(start).Seconds(), "messages/s")
}
