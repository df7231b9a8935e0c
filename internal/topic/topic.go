// Package topic publishes one message at a time to a Pub/Sub topic and waits for it: a function must not acknowledge what it
// got before what it made of it is safe.
package topic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/push"
)

// A Topic is safe for concurrent use.
type Topic struct{ publisher *pubsub.Publisher }

// New publishes to the topic projects/P/topics/T. Messages that come within 5 ms go as one request.
func New(client *pubsub.Client, name string) *Topic {
	p := client.Publisher(name)
	p.PublishSettings.DelayThreshold = 5 * time.Millisecond
	p.PublishSettings.Timeout = 20 * time.Second
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: 1000, MaxOutstandingBytes: 64 << 20, LimitExceededBehavior: pubsub.FlowControlBlock,
	}
	return &Topic{p}
}

// Publish returns when Pub/Sub has the message. Errors: [fault.ErrPoison] for what it will never take, [fault.ErrQuota], or such
// as may pass.
func (t *Topic) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	_, err := t.publisher.Publish(ctx, &pubsub.Message{Data: data, Attributes: attributes}).Get(ctx)
	meter.Add(ctx, meter.APICalls, 1, "Publisher", status.Code(err).String())
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("publish to %s: %w", t.publisher.String(), err)
	if errors.Is(err, pubsub.ErrOversizedMessage) || status.Code(err) == codes.InvalidArgument {
		return fault.Poison(wrapped)
	}
	if status.Code(err) == codes.ResourceExhausted {
		return fault.Quota(wrapped)
	}
	return wrapped
}

// Attributes that a message in quarantine has, beside those it came with.
const (
	AttrReason       = "tiercel_reason"
	AttrSubscription = "tiercel_subscription"
	AttrMessageID    = "tiercel_message_id"
	AttrCutFrom      = "tiercel_cut_from" // bytes; only on one that was too large to be kept whole
)

// A message in quarantine has more attributes than it came with, and Pub/Sub takes 10 MB and 100 attributes of either.
const (
	maxKept           = 9_500_000
	maxKeptAttributes = 90
)

// Quarantine puts a message that will never succeed into this topic, with the reason.
func (t *Topic) Quarantine(ctx context.Context, m push.Message, reason error) error {
	attributes := make(map[string]string, len(m.Attributes)+4)
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		// The service's own may not be written by others.
		if !strings.HasPrefix(key, "goog") && len(attributes) < maxKeptAttributes {
			attributes[key] = m.Attributes[key]
		}
	}
	data := m.Data
	if len(data) > maxKept {
		attributes[AttrCutFrom] = strconv.Itoa(len(data))
		data = data[:maxKept]
	}
	attributes[AttrReason] = clip(alert.Escape(reason.Error()))
	attributes[AttrSubscription] = m.Subscription
	attributes[AttrMessageID] = m.ID
	return t.Publish(ctx, data, attributes)
}

// clip keeps an attribute within what Pub/Sub takes, 1,024 bytes, between characters.
func clip(s string) string {
	const most = 1024
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// Stop sends what waits.
func (t *Topic) Stop() { t.publisher.Stop() }
