// Pull keeps a ticket for each thing that Tiercel reports, from a subscription that it pulls from.
//
//	go run ./docs/examples/pull -project PROJECT -subscription tiercel-to-desk -tickets /var/lib/tickets
//
// A repeat of the same thing is no ticket of its own, and a message that comes twice counts once, whatever dies in between.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
)

func main() {
	project := flag.String("project", "", "project of the subscription")
	subscription := flag.String("subscription", "tiercel-to-desk", "subscription to pull from")
	dir := flag.String("tickets", "tickets", "folder of tickets")
	topic := flag.String("try", "", "topic to make the subscription of, for a trial; a deployment's is made by infra/")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *project, *subscription, *topic, &desk{dir: *dir}); err != nil {
		fmt.Fprintln(os.Stderr, "pull:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, project, subscription, topic string, d *desk) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return err
	}
	defer client.Close()
	if topic != "" {
		_, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pb.Subscription{
			Name:   "projects/" + project + "/subscriptions/" + subscription,
			Topic:  "projects/" + project + "/topics/" + topic,
			Filter: `attributes.kind = "alert"`,
		})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return err
		}
	}
	s := client.Subscriber(subscription)
	s.ReceiveSettings.MaxOutstandingMessages = 100
	return s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if err := take(d, m.Data); err != nil {
			// Pub/Sub delivers it again, later and later, and after 50 times puts it among the dead letters.
			slog.Error("alert not taken", "message", m.ID, "err", err)
			m.Nack()
			return
		}
		m.Ack() // only now: what is not acknowledged comes again
	})
}

var errForeign = errors.New("not an alert of Tiercel's")

// take does everything about one message. It may be called twice for the same one, also at once.
func take(d *desk, data []byte) error {
	a, err := alert.Unmarshal(data) // JSON or binary, as the topic has it
	if err == nil {
		err = alert.Validate(a)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errForeign, err)
	case a.GetKind() != alert.KindAlert: // a heartbeat: the filter should keep them away
		return nil
	case a.GetEnrichment().GetPolicy().GetMuted(): // somebody said that this is expected, until a day
		return nil
	}
	return d.add(a)
}
