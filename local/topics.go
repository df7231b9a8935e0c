package local

import (
	"context"
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"tiercel.dev/alert"
	"tiercel.dev/functions"
)

// Names of what Pub/Sub holds, as infrastructure code would give them.
const (
	RawTopic        = parent + "/topics/tiercel-alerts-raw" // where sensors publish
	EnrichedTopic   = parent + "/topics/tiercel-alerts"     // what everybody else reads
	quarantineTopic = parent + "/topics/tiercel-quarantine"
	deadTopic       = parent + "/topics/tiercel-dead-letter"
	alertSchema     = parent + "/schemas/tiercel-alert"
	parent          = "projects/" + Project
)

// subscribe makes topics and subscriptions, or has those of an earlier run be as they should.
func (c *Cloud) subscribe(ctx context.Context) error {
	if err := c.makeSchema(ctx); err != nil {
		return err
	}
	checked := &pb.SchemaSettings{Schema: alertSchema, Encoding: pb.Encoding_JSON}
	for name, schema := range map[string]*pb.SchemaSettings{RawTopic: checked, EnrichedTopic: checked, quarantineTopic: nil, deadTopic: nil} {
		if err := there(c.pubsub.CreateTopic(ctx, &pb.Topic{Name: name, SchemaSettings: schema})); err != nil {
			return err
		}
	}
	// HIGH and CRITICAL have a subscription of their own, so that a flood of others is not in front of them.
	for _, sub := range []*pb.Subscription{
		pushed("tiercel-enrich", RawTopic, functions.EnrichAlert, ""),
		pushed("tiercel-route", EnrichedTopic, functions.RouteAlert,
			`attributes.kind = "alert" AND NOT (attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`),
		pushed("tiercel-route-urgent", EnrichedTopic, functions.RouteAlert,
			`attributes.kind = "alert" AND (attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`),
		pushed(heartbeats, EnrichedTopic, functions.RecordHeartbeat, `attributes.kind = "heartbeat"`),
		kept(quarantineTopic), kept(deadTopic),
	} {
		if err := c.makeSubscription(ctx, sub); err != nil {
			return err
		}
	}
	return c.subscribeWork(ctx)
}

// there takes that something exists for its having been made.
func there[T any](_ T, err error) error {
	if status.Code(err) == codes.AlreadyExists {
		return nil
	}
	return err
}

// makeSchema has the topic of alerts check what is published as a deployment's does. The folder of an older version gets
// another revision.
func (c *Cloud) makeSchema(ctx context.Context) error {
	schema := &pb.Schema{Name: alertSchema, Type: pb.Schema_PROTOCOL_BUFFER, Definition: alert.Definition}
	_, id, _ := strings.Cut(alertSchema, "/schemas/")
	_, err := c.pubsub.CreateSchema(ctx, &pb.CreateSchemaRequest{Parent: parent, SchemaId: id, Schema: schema})
	if status.Code(err) != codes.AlreadyExists {
		return err
	}
	was, err := c.pubsub.GetSchema(ctx, &pb.GetSchemaRequest{Name: alertSchema, View: pb.SchemaView_FULL})
	if err != nil || was.Definition == alert.Definition {
		return err
	}
	_, err = c.pubsub.CommitSchema(ctx, &pb.CommitSchemaRequest{Name: alertSchema, Schema: schema})
	return err
}

func (c *Cloud) makeSubscription(ctx context.Context, sub *pb.Subscription) error {
	_, err := c.pubsub.CreateSubscription(ctx, sub)
	if status.Code(err) != codes.AlreadyExists {
		return err
	}
	was, err := c.pubsub.UpdateSubscription(ctx, &pb.UpdateSubscriptionRequest{Subscription: sub, UpdateMask: &fieldmaskpb.FieldMask{
		Paths: []string{"push_config", "ack_deadline_seconds", "message_retention_duration", "retry_policy", "dead_letter_policy"},
	}})
	if err == nil && (was.Filter != sub.Filter || was.Topic != sub.Topic) { // which never change
		return fmt.Errorf("%w %s is another version's: %s is of %s with the filter %q", ErrDir, c.cfg.Dir, sub.Name, was.Topic, was.Filter)
	}
	return err
}

// pushed is a subscription that a function is behind.
func pushed(name, topic, function, filter string) *pb.Subscription {
	return &pb.Subscription{
		Name: parent + "/subscriptions/" + name, Topic: topic, Filter: filter, AckDeadlineSeconds: 60,
		PushConfig: &pb.PushConfig{
			PushEndpoint:         functionsURL + "/" + function,
			AuthenticationMethod: &pb.PushConfig_OidcToken_{OidcToken: &pb.PushConfig_OidcToken{ServiceAccountEmail: invoker}},
		},
		RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second), MaximumBackoff: durationpb.New(time.Minute)},
		DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: deadTopic, MaxDeliveryAttempts: 10},
	}
}

// kept is the subscription of a topic that somebody may read some day.
func kept(topic string) *pb.Subscription {
	return &pb.Subscription{Name: strings.Replace(topic, "/topics/", "/subscriptions/", 1), Topic: topic, AckDeadlineSeconds: 60, MessageRetentionDuration: durationpb.New(keptFor)}
}

// keptFor is the longest that there is.
const keptFor = 31 * 24 * time.Hour
