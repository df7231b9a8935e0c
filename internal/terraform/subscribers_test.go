package terraform

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/local/pubsub"
)

// planned are the subscriptions of subscribers that a setting comes to.
func planned(t *testing.T, subscribers cty.Value) []Instance {
	t.Helper()
	d := deployments(t)["everything"]
	vars := maps.Clone(d.vars)
	vars["subscribers"] = subscribers
	instances, _, err := Plan(d.dir, googleSchema(t), vars, made)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(of(instances, "google_pubsub_subscription"), func(i Instance) bool { return !strings.Contains(i.Address, "subscribers[") })
}

// The setting that docs/subscribe.md shows plans, and Pub/Sub takes what it comes to: filter, back-off, dead letters, pushes.
func TestSubscribersAreTaken(t *testing.T) {
	f, diags := hclsyntax.ParseConfig([]byte(readFile(t, "../../docs/examples/subscribers.tfvars")), "subscribers.tfvars", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	attributes, _ := f.Body.JustAttributes()
	value, diags := attributes["subscribers"].Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	server := pubsub.New(pubsub.Config{})
	for _, topic := range []string{"projects/p-1/topics/tiercel-alerts", "projects/p-1/topics/tiercel-dead-letter"} {
		if _, err := server.CreateTopic(t.Context(), &pb.Topic{Name: topic}); err != nil {
			t.Fatal(err)
		}
	}
	bare := 0
	all := planned(t, value)
	for _, i := range all {
		spec := specOf(t, i)
		if spec.GetPushConfig().GetNoWrapper() != nil {
			bare++
		}
		if _, err := server.CreateSubscription(t.Context(), spec); err != nil {
			t.Errorf("%s: %v", i.Address, err)
		}
	}
	if len(all) != value.LengthInt() || bare != 1 {
		t.Errorf("%d subscriptions of %d subscribers, %d without a wrapper", len(all), value.LengthInt(), bare)
	}
}

// specOf is a planned subscription as the service is asked for it.
func specOf(t *testing.T, i Instance) *pb.Subscription {
	t.Helper()
	number := func(path string) int32 {
		n, err := strconv.Atoi(i.text(path))
		if err != nil {
			t.Fatalf("%s: %s: %v", i.Address, path, err)
		}
		return int32(n)
	}
	during := func(path string) *durationpb.Duration {
		d, err := time.ParseDuration(i.text(path))
		if err != nil {
			t.Fatalf("%s: %s: %v", i.Address, path, err)
		}
		return durationpb.New(d)
	}
	spec := &pb.Subscription{
		Name: "projects/" + i.text("project") + "/subscriptions/" + i.text("name"), Topic: i.text("topic"), Filter: i.text("filter"),
		AckDeadlineSeconds: number("ack_deadline_seconds"), MessageRetentionDuration: during("message_retention_duration"),
		RetryPolicy: &pb.RetryPolicy{MinimumBackoff: during("retry_policy.minimum_backoff"), MaximumBackoff: during("retry_policy.maximum_backoff")},
		DeadLetterPolicy: &pb.DeadLetterPolicy{
			DeadLetterTopic: i.text("dead_letter_policy.dead_letter_topic"), MaxDeliveryAttempts: number("dead_letter_policy.max_delivery_attempts"),
		},
	}
	if i.at("push_config").LengthInt() == 0 {
		return spec
	}
	spec.PushConfig = &pb.PushConfig{PushEndpoint: i.text("push_config.push_endpoint"), AuthenticationMethod: &pb.PushConfig_OidcToken_{
		OidcToken: &pb.PushConfig_OidcToken{ServiceAccountEmail: i.text("push_config.oidc_token.service_account_email"), Audience: i.text("push_config.oidc_token.audience")},
	}}
	if i.at("push_config.no_wrapper").LengthInt() > 0 {
		spec.PushConfig.Wrapper = &pb.PushConfig_NoWrapper_{NoWrapper: &pb.PushConfig_NoWrapper{WriteMetadata: i.text("push_config.no_wrapper.write_metadata") == "true"}}
	}
	return spec
}
