package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/spf13/cobra"
)

const deadLetterExit = `Exit codes: 0 done, also when there was nothing; 1 it went wrong, for one message at least; 2 your mistake: a wrong flag, a
subscription that is not there.`

func deadLetterCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "dead-letter",
		Short: "Show and replay messages that no function could handle",
		Long: `Shows what was put aside, and puts it back. Pub/Sub puts a message into the dead-letter topic that was delivered too often
(it does not keep why); a function puts one into quarantine that can never succeed, with the reason. Both are read from the
subscription that keeps them: --subscription tiercel-dead-letter, the default, or --subscription tiercel-quarantine.

` + deadLetterExit,
	})
	cmd.AddCommand(deadLetterListCommand(), deadLetterReplayCommand())
	return cmd
}

// letterFlags say which messages a command works on and how it prints.
type letterFlags struct {
	reach        pubsubFlags
	subscription string
	match        letterMatch
	max          int
	wait         time.Duration
	json         bool
}

func (l *letterFlags) add(cmd *cobra.Command, max string) {
	f := cmd.Flags()
	l.reach.add(cmd)
	f.StringVar(&l.subscription, "subscription", "tiercel-dead-letter", "`subscription` that keeps them, short or projects/PROJECT/subscriptions/SUBSCRIPTION")
	f.StringVar(&l.match.rule, "rule", "", "alerts of this `rule`")
	f.StringVar(&l.match.id, "id", "", "the message with this `id`: of the message, or of the alert in it")
	f.StringVar(&l.match.reason, "reason", "", "messages whose reason has this `text`; dead letters have none")
	f.IntVar(&l.max, "max", 100, max)
	f.DurationVar(&l.wait, "wait", 5*time.Second, "how long to wait for one more before all count as seen")
	f.BoolVar(&l.json, "json", false, "a line of JSON for each")
	noFiles(cmd, "subscription", "id", "reason", "max", "wait")
	_ = cmd.RegisterFlagCompletionFunc("rule", completeRules)
}

// open checks the flags and returns what reads the subscription, and its client, to be closed.
func (l *letterFlags) open(ctx context.Context) (*letters, *pubsub.Client, error) {
	if l.max <= 0 || l.wait <= 0 {
		return nil, nil, mistake{errors.New("--max and --wait: want more than nothing")}
	}
	name, err := l.reach.resource("subscriptions", l.subscription)
	if err != nil {
		return nil, nil, err
	}
	client, err := l.reach.open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	return &letters{calls: client.SubscriptionAdminClient, subscription: name, wait: l.wait}, client, nil
}

func deadLetterListCommand() *cobra.Command {
	var flags letterFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show what was put aside",
		Long: `Shows messages without taking them: each is leased for the moment and given back, so that whoever else reads the
subscription misses them until then.

` + pubsubHelp + `

It needs pubsub.subscriptions.consume on the subscription.

` + deadLetterExit,
		Example: `  tiercel dead-letter list --project my-project
  tiercel dead-letter list --project my-project --subscription tiercel-quarantine --reason 'not an alert'
  tiercel dead-letter list --project my-project --json | jq -r .rule | sort | uniq -c
  tiercel dead-letter list --local 127.0.0.1:8085      of a running tiercel up`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilHangUp(cmd.Context())
			defer stop()
			from, client, err := flags.open(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			var found []letter
			err = from.each(ctx, func(_ context.Context, batch []letter) ([]letter, bool, error) {
				for _, l := range batch {
					if flags.match.has(l) {
						found = append(found, l)
					}
				}
				found = found[:min(len(found), flags.max)]
				return nil, len(found) == flags.max, nil
			})
			if printErr := printLetters(cmd.OutOrStdout(), found, flags.json); err == nil {
				err = printErr
			}
			if err == nil && len(found) == 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "nothing is in %s\n", from.subscription)
			}
			return err
		},
	}
	flags.add(cmd, "show at most this `number`")
	return cmd
}
