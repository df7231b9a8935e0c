package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func watchCommand() *cobra.Command {
	var reach pubsubFlags
	var filter watchFilter
	var topic string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show alerts as they come",
		Long: `Shows the alerts of a topic as they come, from now on, each once. It reads by a subscription of its own, which it deletes
when it ends; should it be killed, Pub/Sub deletes it a day after. Other subscribers lose nothing to it.

` + pubsubHelp + `

It needs pubsub.topics.attachSubscription on the topic, and pubsub.subscriptions.create, consume and delete on the project.

The filters are joined by "and", and what is repeated by "or"; Pub/Sub takes 256 bytes of them.

Exit codes: 0 it was told to end, or nobody reads its output any more; 1 it went wrong; 2 your mistake: a wrong flag, a
filter that Pub/Sub refuses, a topic that is not there.`,
		Example: `  tiercel watch --project my-project
  tiercel watch --project my-project --severity HIGH --cluster prod
  tiercel watch --topic projects/my-project/topics/tiercel-alerts-raw --heartbeats
  tiercel watch --project my-project --filter 'hasPrefix(attributes.namespace, "team-")'
  tiercel watch --project my-project --json | jq -r .output
  tiercel watch --local 127.0.0.1:8085      of a running tiercel up`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, err := reach.resource("topics", topic)
			if err != nil {
				return err
			}
			text, err := filter.build()
			if err != nil {
				return err
			}
			ctx, stop := untilHangUp(cmd.Context())
			defer stop()
			client, err := reach.open(ctx, name)
			if err != nil {
				return err
			}
			defer client.Close()
			out := newAlertPrinter(cmd.OutOrStdout(), asJSON)
			t := tail{calls: client.SubscriptionAdminClient, topic: name, filter: text, show: out.show, note: func(text string) {
				fmt.Fprintln(cmd.ErrOrStderr(), text)
			}}
			return t.run(ctx)
		},
	}
	f := cmd.Flags()
	reach.add(cmd)
	f.StringVar(&topic, "topic", "tiercel-alerts", "`topic` to watch, short or projects/PROJECT/topics/TOPIC")
	f.StringVar(&filter.own, "filter", "", "which messages, in Pub/Sub's `syntax`: attributes kind, severity, rule, cluster, namespace, node, alert_id, identity")
	f.StringVar(&filter.severity, "severity", "", "alerts of this `severity` or more: LOW, MEDIUM, HIGH or CRITICAL")
	f.StringArrayVar(&filter.rules, "rule", nil, "alerts of this `rule`; may be repeated")
	f.StringArrayVar(&filter.clusters, "cluster", nil, "what comes from this `cluster`; may be repeated")
	f.StringArrayVar(&filter.spaces, "namespace", nil, "alerts of this Kubernetes `namespace`; may be repeated")
	f.BoolVar(&filter.heartbeats, "heartbeats", false, "show heartbeats too")
	f.BoolVar(&asJSON, "json", false, "a line of JSON for each")
	noFiles(cmd, "topic", "filter", "cluster", "namespace")
	_ = cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions([]string{"LOW", "MEDIUM", "HIGH", "CRITICAL"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("rule", completeRules)
	return cmd
}

func completeRules(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return (&ruleInput{}).names(), cobra.ShellCompDirectiveNoFileComp
}

// untilHangUp ends a command that has something to clear away when its terminal is closed, too. A reader of its output that
// is gone is an error of the write, and not the end of the process.
func untilHangUp(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) { // nohup
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}
