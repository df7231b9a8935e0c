package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/board"
	"tiercel.dev/cmd/tiercel/web"
	"tiercel.dev/local"
	"tiercel.dev/sensor/node"
)

// upFlags are what `tiercel up` may be told.
type upFlags struct {
	rules   []string
	stopIn  time.Duration
	summary string
	data    string
	replay  bool
	fleet   string
	listen  string
	remote  bool
	metrics string
}

// fleetForm is what --fleet takes.
var fleetForm = regexp.MustCompile(`^(sample|none|projects/[a-z0-9][a-z0-9.:-]*)$`)

// pageAddress is where the page is, if nothing else has that port.
const pageAddress = "127.0.0.1:7117"

func upCommand() *cobra.Command {
	var flags upFlags
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the sensor and the pipeline behind it on this machine, and show how acts become findings",
		Long: `Runs the whole pipeline in one process: the sensor on this machine's kernel, Pub/Sub, the Cloud Function that routes
alerts, and a stand-in for Security Command Center, all on loopback, with the clients and code that run in Google Cloud.
Prints a line for each alert and each finding, and serves a page that shows them as they come. Nothing leaves this machine;
what was found is gone when it ends, unless --data names a folder to keep it in.

Beside that, a simulated fleet of four clusters is looked after by the scheduled functions: its hardening is checked, the credentials
of one are rotated with two people's approvals, and a report is mailed to a mailbox that the page shows. Its days pass in seconds.
With --fleet projects/PROJECT it is that project's clusters instead: Google's APIs are asked with your own credentials.

It names the address of its Pub/Sub, for tiercel watch --local and tiercel dead-letter --local.

The page is for whoever can connect to its address: it asks nobody who they are, and takes no orders.

Needs what the sensor needs: root on a kernel with BTF. Without, it says what is missing, and plays a recording of a container
that somebody got into and of its node: the rules, and all that comes after them, are the same. Each line of it is marked
[replay], its node is replayed-node, and the summary says so.

Exit codes: 0 done; 1 it went wrong; 2 your mistake: a flag or a rule file that cannot be used.`,
		Example: `  tiercel up                                     until Ctrl-C; then, in another terminal: cat /etc/shadow
  tiercel up --for 1m --summary summary.json     what happened in a minute, as JSON
  tiercel up --listen 127.0.0.1:8080             the page on a port of your choice; --listen '' for none
  tiercel up --data ~/.tiercel                   go on where the last run with this folder ended
  tiercel up --replay                            the recording, where the kernel could be watched, too`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !fleetForm.MatchString(flags.fleet) {
				return fmt.Errorf("%w: --fleet %q: sample, none, or projects/PROJECT", node.ErrMistake, flags.fleet)
			}
			l, err := flags.listener(c.Flags().Changed("listen"))
			if err != nil {
				return err
			}
			out := newTerminal(c.OutOrStdout())
			defer out.close()
			return up(c.Context(), flags, l, out, out.logger(c.ErrOrStderr()))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&flags.rules, "rules", nil, "rule file or folder of rule files (`path`) to add to the shipped rules; may be repeated; read again when it changes")
	f.DurationVar(&flags.stopIn, "for", 0, "stop after having watched for so long; 0 for never")
	f.BoolVar(&flags.replay, "replay", false, "play the recording, and do not watch the kernel")
	f.StringVar(&flags.fleet, "fleet", "sample", "`clusters` that the scheduled functions look after: sample for simulated ones, projects/PROJECT for a project's, which are only read, none")
	f.StringVar(&flags.summary, "summary", "", "`file` to write at the end what happened, as JSON")
	f.StringVar(&flags.data, "data", "", "`folder` to keep alerts on their way and findings in, and to go on from; one run at a time can have it")
	f.StringVar(&flags.listen, "listen", pageAddress, "`address` of the page, on this machine alone; port 0 for a free one; empty for no page")
	f.StringVar(&flags.metrics, "metrics", "", "`address` for the sensor's figures, as Prometheus reads them; those of the functions are at /metrics of the page; empty for none")
	f.BoolVar(&flags.remote, "listen-remote", false, "let --listen be an address that other machines reach: whoever connects sees all that is found")
	return c
}

// listener is for the page; nil if none is wanted. The default port may be another run's, and then a free one does.
func (f *upFlags) listener(chosen bool) (net.Listener, error) {
	if f.listen == "" {
		return nil, nil
	}
	if err := web.Check(f.listen, f.remote); err != nil {
		return nil, fmt.Errorf("%w: --listen: %w", node.ErrMistake, err)
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil && !chosen {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: --listen %s: %w", node.ErrMistake, f.listen, err)
	}
	return l, nil
}

// heartbeatEvery is shorter than a deployment's minute: people watch.
const heartbeatEvery = 5 * time.Second

// settleFor bounds how long a run that ends waits for its last alerts to become findings.
const settleFor = 10 * time.Second

func up(ctx context.Context, flags upFlags, l net.Listener, out *terminal, log *slog.Logger) (err error) {
	dir, err := os.MkdirTemp("", "tiercel-up-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	spool := filepath.Join(dir, "spool")
	if flags.data != "" {
		spool = filepath.Join(flags.data, "spool")
	}
	s := newShow(board.New(time.Now()), out)
	project, _ := strings.CutPrefix(flags.fleet, "projects/")
	if project == flags.fleet {
		project = ""
	}
	s.project = project
	cloud, err := local.Start(local.Config{Dir: flags.data, Changed: s.finding, Sample: flags.fleet == "sample", Project: project, Log: log})
	if errors.Is(err, local.ErrDir) {
		return fmt.Errorf("%w: --data: %w", node.ErrMistake, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	nodeName, err := local.NodeName()
	if err != nil {
		return err
	}
	ctx, started, cancel := node.StopAfter(ctx, flags.stopIn)
	defer cancel()
	stop := s.start(ctx, cloud, l, log)
	defer stop()
	cfg := node.DefaultConfig()
	cfg.Heartbeat = heartbeatEvery
	cfg.Rules.Paths = flags.rules
	cfg.Spool = spool
	cfg.Metrics = flags.metrics
	cfg.PubSubOptions = cloud.Options()
	cfg.Place = node.Place{Project: local.Project, Location: local.Location, Cluster: local.Cluster, Node: nodeName}
	cfg.Outputs = []string{"pubsub:" + local.RawTopic}
	cfg.Beside = s
	cfg.Watching = func(w node.Watching) {
		started(w)
		s.watching(w)
	}
	log.InfoContext(ctx, "embedded cloud is up", "pubsub", cloud.Address(), "functions", cloud.Calls(), "topic", local.RawTopic, "source", local.Source)
	seen, err := watchOrReplay(ctx, cfg, flags.replay, s, log)
	if err != nil {
		return err
	}
	ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleFor)
	defer cancel()
	if err := settle(ended, cloud); err != nil {
		log.Warn("some alerts are not findings yet", "err", err)
	}
	sum := summarize(s.board, cloud)
	if seen != nil {
		sum.replayed(seen)
	}
	return sum.write(out, flags.summary)
}

// settle waits until what was published is written.
func settle(ctx context.Context, cloud *local.Cloud) error {
	for !cloud.Settled() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return cloud.Flush(ctx)
}
