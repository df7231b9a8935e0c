// Package local is Google Cloud on one machine, as far as Tiercel uses it: Pub/Sub, Cloud Storage and Security Command Center on
// loopback, and the Cloud Functions behind the subscriptions that a deployment makes. `tiercel up` runs it beside the sensor.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/functions"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

// Names of what the embedded cloud holds, as infrastructure code would give them.
const (
	Project         = "local"
	Source          = "organizations/1/sources/1"
	AlertsTopic     = "projects/local/topics/tiercel-alerts-raw"
	quarantineTopic = "projects/local/topics/tiercel-quarantine"
	deadTopic       = "projects/local/topics/tiercel-dead-letter"
	bucket          = "tiercel-records"
)

// flushEvery is how often the scheduler calls what a deployment's calls every minute: people watch.
const flushEvery = 5 * time.Second

// A Cloud serves on loopback until Close.
type Cloud struct {
	log     *slog.Logger
	pubsub  *pubsub.Server
	scc     *scc.Server
	grpc    *grpc.Server
	http    *http.Server
	address string // of the gRPC services
	calls   string // where functions are served
	stop    context.CancelFunc
	beside  sync.WaitGroup
}

// Start starts everything. changed is told of each finding written.
func Start(changed func(*sccpb.Finding), log *slog.Logger) (*Cloud, error) {
	ctx, stop := context.WithCancel(context.Background())
	c := &Cloud{
		log: log, stop: stop, grpc: grpc.NewServer(pubsub.Options()...), http: &http.Server{ReadHeaderTimeout: 10 * time.Second},
		pubsub: pubsub.New(pubsub.Config{Log: log}), scc: scc.New(scc.Config{Changed: changed}),
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded cloud: %w", err), c.Close())
	}
	return c, nil
}

func (c *Cloud) start(ctx context.Context) error {
	services, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	calls, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, services.Close())
	}
	c.address, c.calls = services.Addr().String(), "http://"+calls.Addr().String()
	c.pubsub.Register(c.grpc)
	c.scc.Register(c.grpc)
	if err := c.scc.AddSource(Source, "Tiercel"); err != nil {
		return err
	}
	mux := http.NewServeMux()
	records := storage.New()
	mux.Handle("/storage/v1/", records)
	mux.Handle("/upload/storage/v1/", records)
	settings := func() (functions.Settings, error) {
		return functions.Settings{Project: Project, QuarantineTopic: quarantineTopic, Bucket: bucket, Source: Source, MaxInstances: 1}, nil
	}
	endpoints := functions.Endpoints{
		PubSub: c.Options(), SCC: c.Options(),
		Storage: []option.ClientOption{option.WithEndpoint(c.calls + "/storage/v1/"), option.WithoutAuthentication()},
	}
	for name, handler := range functions.Handlers(settings, endpoints, c.log) {
		mux.Handle("/"+name, handler)
	}
	c.http.Handler = mux
	c.beside.Go(func() { c.serve("services", c.grpc.Serve(services)) })
	c.beside.Go(func() { c.serve("functions", c.http.Serve(calls)) })
	if err := c.subscribe(ctx); err != nil {
		return err
	}
	c.beside.Go(func() { c.schedule(ctx) })
	return nil
}

func (c *Cloud) serve(what string, err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		c.log.Error("embedded cloud", "server", what, "err", err)
	}
}

// Options reach the gRPC services.
func (c *Cloud) Options() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(c.address), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// subscribe makes topics and subscriptions. HIGH and CRITICAL have a subscription of their own, so that a flood of others
// is not in front of them.
func (c *Cloud) subscribe(ctx context.Context) error {
	for _, name := range []string{AlertsTopic, quarantineTopic, deadTopic} {
		if _, err := c.pubsub.CreateTopic(ctx, &pb.Topic{Name: name}); err != nil {
			return err
		}
	}
	for name, filter := range map[string]string{
		"tiercel-route":        `attributes.kind = "alert" AND NOT (attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`,
		"tiercel-route-urgent": `attributes.kind = "alert" AND (attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`,
	} {
		_, err := c.pubsub.CreateSubscription(ctx, &pb.Subscription{
			Name: "projects/" + Project + "/subscriptions/" + name, Topic: AlertsTopic, Filter: filter, AckDeadlineSeconds: 60,
			PushConfig:       &pb.PushConfig{PushEndpoint: c.calls + "/" + functions.RouteAlert},
			RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second), MaximumBackoff: durationpb.New(time.Minute)},
			DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: deadTopic, MaxDeliveryAttempts: 10},
		})
		if err != nil {
			return err
		}
	}
	for _, kept := range []string{quarantineTopic, deadTopic} {
		_, err := c.pubsub.CreateSubscription(ctx, &pb.Subscription{
			Name: "projects/" + Project + "/subscriptions/" + kept[len("projects/local/topics/"):], Topic: kept, AckDeadlineSeconds: 60,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// schedule calls as Cloud Scheduler does.
func (c *Cloud) schedule(ctx context.Context) {
	for ticker := time.NewTicker(flushEvery); ; {
		select {
		case <-ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
		}
		if err := c.Flush(ctx); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "scheduled call", "err", err)
		}
	}
}

// Flush has the findings written that wait.
func (c *Cloud) Flush(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.calls+"/"+functions.FlushFindings, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s: %s", functions.FlushFindings, answer.Status)
	}
	return nil
}

// Settled reports whether every alert that was published is acknowledged or dead.
func (c *Cloud) Settled() bool {
	for _, s := range c.pubsub.Stats() {
		if s.Topic == AlertsTopic && s.Ready+s.Outstanding+s.Waiting > 0 {
			return false
		}
	}
	return true
}

// Subscriptions are the counts of Pub/Sub's.
func (c *Cloud) Subscriptions() []pubsub.SubscriptionStats { return c.pubsub.Stats() }

// Findings are those written so far.
func (c *Cloud) Findings() []*sccpb.Finding { return c.scc.Findings() }

// Close ends everything at once.
func (c *Cloud) Close() error {
	c.stop()
	c.pubsub.Close()
	c.grpc.Stop()
	err := c.http.Close()
	c.beside.Wait()
	return err
}
