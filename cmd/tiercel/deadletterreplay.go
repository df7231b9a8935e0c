package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/spf13/cobra"

	"tiercel.dev/alert"
	"tiercel.dev/internal/topic"
)

func deadLetterReplayCommand() *cobra.Command {
	var flags letterFlags
	var to string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Publish again what was put aside",
		Long: `Publishes messages again to the topic of the subscription that could not deliver them, as they were, and takes each from
here once Pub/Sub has it there. Every subscription of that topic gets them; a message that comes twice is the same alert and
counts once. What was put aside for a cause that lasts comes back: mend that first, and try with --max 1.

` + pubsubHelp + `

It needs pubsub.subscriptions.consume on the subscription that keeps them, pubsub.subscriptions.get on the one that they came
from, and pubsub.topics.publish on the topic.

` + deadLetterExit,
		Example: `  tiercel dead-letter replay --project my-project --dry-run
  tiercel dead-letter replay --project my-project --max 1
  tiercel dead-letter replay --project my-project --rule terminal_shell_in_container --max 10000
  tiercel dead-letter replay --project my-project --subscription tiercel-quarantine --id 7845c37ba15da835b4e2767378b34476`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to != "" {
				var err error
				if to, err = flags.reach.resource("topics", to); err != nil {
					return err
				}
			}
			ctx, stop := untilHangUp(cmd.Context())
			defer stop()
			from, client, err := flags.open(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			r := &replayer{client: client, from: from.subscription, to: to, dry: dryRun, match: flags.match, max: flags.max,
				out: cmd.OutOrStdout(), json: flags.json, topics: make(map[string]*topic.Topic), sources: make(map[string]source)}
			defer r.stop()
			err = from.each(ctx, r.replay)
			fmt.Fprintln(cmd.ErrOrStderr(), r.summary())
			if err == nil && r.failed > 0 {
				err = fmt.Errorf("%s not replayed", counted(r.failed, "message"))
			}
			return err
		},
	}
	flags.add(cmd, "replay at most this `number`")
	cmd.Flags().StringVar(&to, "topic", "", "`topic` to publish to, where the subscription that they came from is gone or of another project")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be replayed, and leave it")
	noFiles(cmd, "topic")
	return cmd
}

// A replayer publishes letters where they came from.
type replayer struct {
	client *pubsub.Client
	from   string // the subscription that keeps them
	to     string // the topic for all of them; "" for each one's own
	dry    bool
	match  letterMatch
	max    int
	out    io.Writer
	json   bool

	topics           map[string]*topic.Topic
	sources          map[string]source
	replayed, failed int
	left             int
}

// A source is what Pub/Sub says of a subscription.
type source struct {
	topic string
	err   error
}

// An outcome is what became of one letter, for scripts.
type outcome struct {
	letter
	Outcome string `json:"outcome"` // replayed, "would be replayed", failed
	Topic   string `json:"topic,omitempty"`
	Error   string `json:"error,omitempty"`
}

// replay publishes those of a batch that are meant, and returns those that Pub/Sub has.
func (r *replayer) replay(ctx context.Context, batch []letter) (done []letter, enough bool, err error) {
	var meant []letter
	for _, l := range batch {
		if r.match.has(l) && r.replayed+r.failed+len(meant) < r.max {
			meant = append(meant, l)
		}
	}
	r.left += len(batch) - len(meant)
	outcomes := make([]outcome, len(meant))
	var publishing sync.WaitGroup
	for i, l := range meant {
		outcomes[i] = outcome{letter: l, Outcome: "failed"}
		o := &outcomes[i]
		if o.Topic, err = r.topicOf(ctx, l); err != nil {
			o.Error = err.Error()
			continue
		}
		if r.dry {
			o.Outcome = "would be replayed"
			continue
		}
		t := r.topics[o.Topic]
		if t == nil {
			t = topic.New(r.client, o.Topic)
			r.topics[o.Topic] = t
		}
		publishing.Go(func() {
			if err := t.Publish(ctx, l.message.GetData(), l.attributes()); err != nil {
				o.Error = answered("replay", err, access{"pubsub.topics.publish on " + o.Topic}).Error()
				return
			}
			o.Outcome = "replayed"
		})
	}
	publishing.Wait()
	var errs []error
	for _, o := range outcomes {
		switch {
		case o.Error != "":
			r.failed++
		case r.dry:
			r.replayed++
		default:
			r.replayed++
			done = append(done, o.letter)
		}
		errs = append(errs, r.print(o))
	}
	return done, r.replayed+r.failed >= r.max, errors.Join(errs...)
}

// topicOf is where a letter came from. What its attributes say may be anybody's: a subscription of another project would
// have the message leave this one.
func (r *replayer) topicOf(ctx context.Context, l letter) (string, error) {
	switch {
	case l.message.GetOrderingKey() != "":
		return "", errors.New("it has an ordering key, which no message of Tiercel's has")
	case r.to != "":
		return r.to, nil
	case l.Subscription == "":
		return "", errors.New("it does not say from which subscription it came: give --topic")
	case projectOf(l.Subscription) != projectOf(r.from):
		return "", fmt.Errorf("it says that it came from %s, of another project: give --topic", l.Subscription)
	}
	s, ok := r.sources[l.Subscription]
	if !ok {
		got, err := r.client.SubscriptionAdminClient.GetSubscription(ctx, &pb.GetSubscriptionRequest{Subscription: l.Subscription})
		s = source{topic: got.GetTopic()}
		if err != nil {
			s.err = fmt.Errorf("%w; or give --topic", answered("topic of "+l.Subscription, err, access{"pubsub.subscriptions.get on " + l.Subscription}))
		} else if s.topic == "_deleted-topic_" {
			s.err = fmt.Errorf("the topic of %s is deleted: give --topic", l.Subscription)
		}
		r.sources[l.Subscription] = s
	}
	return s.topic, s.err
}

func (r *replayer) print(o outcome) error {
	if r.json {
		return printLine(r.out, o)
	}
	what := "message"
	if o.Rule != "" {
		what = strings.TrimSpace(o.Severity + " " + o.Rule)
	}
	line := fmt.Sprintf("%s: %s %s", o.ID, what, o.Outcome)
	switch {
	case o.Error != "":
		line += ": " + o.Error
	case o.Topic != "":
		line += " to " + o.Topic
	}
	_, err := fmt.Fprintln(r.out, alert.Escape(line))
	return err
}

func (r *replayer) summary() string {
	verb := "replayed"
	if r.dry {
		verb = "would be replayed"
	}
	return fmt.Sprintf("%d %s, %d failed, %d left", r.replayed, verb, r.failed, r.left)
}

func (r *replayer) stop() {
	for _, t := range r.topics {
		t.Stop()
	}
}
