package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/internal/topic"
)

// Follow gives each alert that subscribers get, and may give it twice, until ctx is done.
func (c *Cloud) Follow(ctx context.Context, each func(*alert.Alert)) (err error) {
	const name = parent + "/subscriptions/tiercel-up"
	_, err = c.pubsub.CreateSubscription(ctx, &pb.Subscription{
		Name: name, Topic: EnrichedTopic, Filter: `attributes.kind = "alert"`, AckDeadlineSeconds: 60,
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("follow %s: %w", EnrichedTopic, err)
	}
	// Nobody waits for it to be read afterwards.
	defer func() {
		_, gone := c.pubsub.DeleteSubscription(context.WithoutCancel(ctx), &pb.DeleteSubscriptionRequest{Subscription: name})
		err = errors.Join(err, gone)
	}()
	client, err := pubsub.NewClient(ctx, Project, c.Options()...)
	if err != nil {
		return fmt.Errorf("follow %s: %w", EnrichedTopic, err)
	}
	defer client.Close()
	err = client.Subscriber(name).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		// What is no alert is put aside by those who must handle it.
		if a, err := alert.Unmarshal(m.Data); err == nil {
			each(a)
		}
		m.Ack()
	})
	if err != nil {
		return fmt.Errorf("follow %s: %w", EnrichedTopic, err)
	}
	return nil
}

// An Aside is a message that no function could handle, as it stands in a topic for such.
type Aside struct {
	DeadLetter   bool // tried too often; else it is in quarantine, since trying again cannot help
	ID           string
	Published    time.Time
	Reason       string
	Subscription string // that could not deliver it
	Attempts     string // deliveries of a dead letter
	Attributes   map[string]string
	Data         []byte
}

// deadReason is said of a dead letter whose subscription does not know why any more.
const deadReason = "delivered too often"

// Aside counts the messages that stand in quarantine, and the dead letters.
func (c *Cloud) Aside() (quarantined, dead uint64) {
	for _, s := range c.pubsub.Stats() {
		switch s.Name {
		case kept(quarantineTopic).Name:
			quarantined = uint64(s.Backlog())
		case kept(deadTopic).Name:
			dead = uint64(s.Backlog())
		}
	}
	return quarantined, dead
}

// PutAside returns the newest messages in quarantine and the newest dead letters, at most so many of each. They are left where
// they are.
func (c *Cloud) PutAside(most int) []Aside {
	quarantined, dead := c.pubsub.Peek(kept(quarantineTopic).Name, most), c.pubsub.Peek(kept(deadTopic).Name, most)
	var all []Aside
	for _, m := range quarantined {
		all = append(all, Aside{
			ID: m.MessageId, Published: m.PublishTime.AsTime(), Reason: m.Attributes[topic.AttrReason],
			Subscription: m.Attributes[topic.AttrSubscription], Attributes: m.Attributes, Data: m.Data,
		})
	}
	why := make(map[string]string)
	for _, s := range c.pubsub.Stats() {
		why[s.Name] = s.LastError
	}
	for _, m := range dead {
		from := "projects/" + m.Attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] + "/subscriptions/" +
			m.Attributes["CloudPubSubDeadLetterSourceSubscription"]
		reason := deadReason
		if why[from] != "" {
			reason += "; the last error there is: " + why[from]
		}
		all = append(all, Aside{
			DeadLetter: true, ID: m.MessageId, Published: m.PublishTime.AsTime(), Reason: reason, Subscription: from,
			Attempts: m.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"], Attributes: m.Attributes, Data: m.Data,
		})
	}
	return all
}
