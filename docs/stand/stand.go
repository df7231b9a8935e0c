// Package stand is what the tests of the examples stand on: a Pub/Sub of this machine with the topic that subscribers read, and
// alerts as the pipeline publishes them.
package stand

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	local "tiercel.dev/local/pubsub"
)

// Project, Topic and DeadTopic are as infra/ names them in a project p.
const (
	Project   = "p"
	Topic     = "projects/p/topics/tiercel-alerts"
	DeadTopic = "projects/p/topics/tiercel-dead-letter"
)

// A Stand is a running Pub/Sub and its client.
type Stand struct {
	Server *local.Server
	Client *pubsub.Client
	t      testing.TB
}

// New serves both topics; clients find it by PUBSUB_EMULATOR_HOST. The topic checks alerts by their schema, as the deployed one.
func New(t *testing.T, cfg local.Config) *Stand {
	t.Helper()
	server := local.New(cfg)
	address, stop, err := local.Serve(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	t.Setenv("PUBSUB_EMULATOR_HOST", address)
	client, err := pubsub.NewClient(t.Context(), Project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	s := &Stand{Server: server, Client: client, t: t}
	schema := &pb.Schema{Type: pb.Schema_PROTOCOL_BUFFER, Definition: alert.Definition}
	schema.Name = "projects/p/schemas/tiercel-alert"
	if _, err := server.CreateSchema(t.Context(), &pb.CreateSchemaRequest{Parent: "projects/p", SchemaId: "tiercel-alert", Schema: schema}); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []*pb.Topic{{Name: Topic, SchemaSettings: &pb.SchemaSettings{Schema: schema.Name, Encoding: pb.Encoding_JSON}}, {Name: DeadTopic}} {
		if _, err := server.CreateTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Subscribe makes a subscription.
func (s *Stand) Subscribe(spec *pb.Subscription) {
	s.t.Helper()
	if _, err := s.Server.CreateSubscription(s.t.Context(), spec); err != nil {
		s.t.Fatal(err)
	}
}

// Publish publishes an alert as enrichment does.
func (s *Stand) Publish(a *alert.Alert) {
	s.t.Helper()
	data, err := alert.JSON(a)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Raw(data, alert.Attributes(a))
}

// Raw publishes what need be no alert.
func (s *Stand) Raw(data []byte, attributes map[string]string) {
	s.t.Helper()
	p := s.Client.Publisher("tiercel-alerts")
	defer p.Stop()
	if _, err := p.Publish(s.t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// Until waits for a subscription's counts to be as they should.
func (s *Stand) Until(what, subscription string, done func(local.SubscriptionStats) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var last local.SubscriptionStats
	for ctx.Err() == nil {
		for _, st := range s.Server.Stats() {
			if st.Name == subscription {
				if last = st; done(st) {
					return
				}
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("%s: not within a minute: %+v", what, last)
}

// Sample is an alert or heartbeat of the contract's golden files, to be changed at will.
func Sample(t testing.TB, name string) *alert.Alert {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../alert/testdata/v2", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := alert.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Repeat is another alert of the same thing.
func Repeat(a *alert.Alert) *alert.Alert {
	b := proto.CloneOf(a)
	b.Seq++
	b.AlertId = alert.ID(b.SensorId, b.BootId, b.Seq)
	return b
}
