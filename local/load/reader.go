package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/local"
)

// A reader is a subscriber as anybody may write one: it is given the messages of a topic that a filter lets through.
type reader struct {
	client *pubsub.Client
	stop   context.CancelFunc
	done   chan error
}

func newReader(ctx context.Context, cloud *local.Cloud, topic, kind, filter string, told func(topic, id string, size int)) (*reader, error) {
	client, err := pubsub.NewClient(ctx, local.Project, cloud.Options()...)
	if err != nil {
		return nil, err
	}
	name := "projects/" + local.Project + "/subscriptions/load-" + kind + "-" + topic[strings.LastIndex(topic, "/")+1:]
	_, err = client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: name, Topic: topic, AckDeadlineSeconds: 60, Filter: fmt.Sprintf("attributes.kind = %q%s", kind, filter),
	})
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &reader{client: client, stop: stop, done: make(chan error, 1)}
	go func() {
		r.done <- client.Subscriber(name).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			size := len(m.Data)
			for k, v := range m.Attributes {
				size += len(k) + len(v)
			}
			told(topic, m.Attributes["alert_id"], size)
			m.Ack()
		})
	}()
	return r, nil
}

func (r *reader) close() error {
	r.stop()
	return errors.Join(<-r.done, r.client.Close())
}
