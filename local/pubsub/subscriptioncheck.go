package pubsub

import (
	"net/url"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Bounds and defaults of a subscription.
// https://cloud.google.com/pubsub/docs/subscription-properties
const (
	minAckDeadline, maxAckDeadline = 10, 600
	minAttempts, maxAttempts       = 5, 100
	maxBackOff                     = 600 * time.Second
	minRetention, maxRetention     = 10 * time.Minute, 31 * 24 * time.Hour
	defaultRetention               = 7 * 24 * time.Hour
)

// checkSubscription refuses what the service refuses, and what it takes and this server has not; it fills in defaults.
// Expiration policies are taken and never act: what runs here does not stay idle for days.
func checkSubscription(spec *pb.Subscription) error {
	setDefaults(spec)
	if what := missing(spec); what != "" {
		return status.Errorf(codes.Unimplemented, "subscription %q: %s not to be had here", spec.GetName(), what)
	}
	if what := invalid(spec); what != "" {
		return status.Errorf(codes.InvalidArgument, "subscription %q: %s", spec.GetName(), what)
	}
	return nil
}

func setDefaults(spec *pb.Subscription) {
	if spec.AckDeadlineSeconds == 0 {
		spec.AckDeadlineSeconds = minAckDeadline
	}
	if spec.MessageRetentionDuration == nil {
		spec.MessageRetentionDuration = durationpb.New(defaultRetention)
	}
	if dead := spec.DeadLetterPolicy; dead != nil && dead.MaxDeliveryAttempts == 0 {
		dead.MaxDeliveryAttempts = minAttempts
	}
}

func missing(spec *pb.Subscription) string {
	switch {
	case spec.GetEnableMessageOrdering():
		return "ordered delivery is"
	case spec.GetEnableExactlyOnceDelivery():
		return "exactly-once delivery is"
	case spec.GetBigqueryConfig() != nil || spec.GetCloudStorageConfig() != nil || spec.GetBigtableConfig() != nil:
		return "exports are"
	case len(spec.GetMessageTransforms()) > 0:
		return "transforms are"
	}
	return ""
}

func invalid(spec *pb.Subscription) string {
	dead, retry := spec.GetDeadLetterPolicy(), spec.GetRetryPolicy()
	least, most := retry.GetMinimumBackoff(), retry.GetMaximumBackoff()
	switch {
	case !subName.MatchString(spec.GetName()):
		return "not projects/PROJECT/subscriptions/SUBSCRIPTION"
	case spec.AckDeadlineSeconds < minAckDeadline || spec.AckDeadlineSeconds > maxAckDeadline:
		return "ack_deadline_seconds is not 10 to 600"
	case !within(spec.MessageRetentionDuration, minRetention, maxRetention):
		return "message_retention_duration is not 10 minutes to 31 days"
	case dead != nil && !topicName.MatchString(dead.GetDeadLetterTopic()):
		return "dead_letter_policy.dead_letter_topic is not projects/PROJECT/topics/TOPIC"
	case dead != nil && (dead.MaxDeliveryAttempts < minAttempts || dead.MaxDeliveryAttempts > maxAttempts):
		return "dead_letter_policy.max_delivery_attempts is not 5 to 100"
	case !within(least, 0, maxBackOff) || !within(most, 0, maxBackOff):
		return "retry_policy: back-off is not 0 to 600 s"
	case least != nil && most != nil && least.AsDuration() > most.AsDuration():
		return "retry_policy: minimum_backoff is more than maximum_backoff"
	}
	return invalidPush(spec.GetPushConfig())
}

func invalidPush(push *pb.PushConfig) string {
	if push.GetPushEndpoint() == "" {
		return ""
	}
	u, err := url.Parse(push.PushEndpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "push_config.push_endpoint is not a URL of http or https"
	case push.GetAuthenticationMethod() != nil && push.GetOidcToken().GetServiceAccountEmail() == "":
		return "push_config.oidc_token.service_account_email is missing"
	case !isForm(push.GetAttributes()[FormAttribute]):
		return "push_config.attributes: " + FormAttribute + " is not " + FormCloudEvent
	}
	return ""
}

func within(d *durationpb.Duration, least, most time.Duration) bool {
	return d == nil || d.IsValid() && d.AsDuration() >= least && d.AsDuration() <= most
}

func isPush(spec *pb.Subscription) bool { return spec.GetPushConfig().GetPushEndpoint() != "" }

func (s *Server) checkDeadLetterTopic(spec *pb.Subscription) error {
	if dead := spec.GetDeadLetterPolicy(); dead != nil && s.topics[dead.DeadLetterTopic] == nil {
		return status.Errorf(codes.NotFound, "subscription %q: dead-letter topic %q is not there", spec.Name, dead.DeadLetterTopic)
	}
	return nil
}
