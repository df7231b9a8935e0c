// Package command holds the commands that watch a kernel or replay a capture: flags to settings, and exit codes. The
// minimal binary (package sensor) has them as its own, the operator's command (cmd/tiercel) among others.
package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/probe"
)

// Root is the minimal binary's one command: the sensor itself. Record, replay and the rest are the operator's.
func Root() *cobra.Command {
	c := Sensor()
	c.Version = node.Version()
	return c
}

// Sensor is the command that watches this machine.
func Sensor() *cobra.Command {
	flags := newWatchFlags()
	var falco falcoFlags
	c := &cobra.Command{
		Use:   "sensor",
		Short: "Watch this machine's kernel and report what the rules match",
		Long: `Watches this machine's kernel with the shipped rules and your own, and writes an alert for each match.

Needs root on a kernel with BTF, with at least the capabilities BPF and PERFMON, and SYS_PTRACE to read of processes that
began before it; and the host's pid namespace. SIGHUP reopens files. SIGINT and SIGTERM write what waits and stop
within a second.

Outputs:
` + output.Syntax + `

` + exitHelp,
		Example: `  sensor                                        alerts as text, here
  sensor --rules my.yaml --rules rules.d/       your rules beside the shipped ones
  sensor --no-library --rules only.yaml         your rules alone
  sensor --output 'file:/var/log/tiercel.json?format=json' --output syslog:unix:///dev/log
  sensor --falco-config /etc/falco/falco.yaml   what Falco did, with its rules and outputs
  sensor --output pubsub:projects/my-project/topics/tiercel-alerts-raw --spool /var/lib/tiercel`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			outliveReaders()
			if falco.path != "" {
				return falco.run(c, flags)
			}
			cfg, log, err := flags.config(c)
			if err != nil {
				return err
			}
			ctx, watching, cancel := node.StopAfter(c.Context(), flags.stopIn)
			defer cancel()
			cfg.Watching = watching
			return watch(ctx, cfg, log)
		},
	}
	flags.add(c)
	falco.add(c)
	return c
}

// watch runs the sensor, and has it reopen its files at SIGHUP.
func watch(ctx context.Context, cfg node.Config, log *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	return node.Run(ctx, cfg, hangup, log)
}

// watchFlags are the flags of the commands that watch a kernel.
type watchFlags struct {
	cfg      node.Config
	logging  logging
	stopIn   time.Duration
	sockets  []string
	ringSize string
}

func newWatchFlags() *watchFlags { return &watchFlags{cfg: node.DefaultConfig()} }

func (w *watchFlags) add(c *cobra.Command) {
	f := c.Flags()
	addRules(c, &w.cfg.Rules)
	f.StringArrayVar(&w.cfg.APIServers, "api-server", nil, "`address` of the Kubernetes API server, with a port if not 443, beside what the cluster tells; may be repeated")
	addOutputs(c, &w.cfg)
	f.StringVar(&w.cfg.Spool, "spool", w.cfg.Spool, "`folder` in which alerts wait for Pub/Sub")
	f.DurationVar(&w.cfg.Heartbeat, "heartbeat", w.cfg.Heartbeat, "how often to say that the sensor lives; 0 for never")
	f.StringVar(&w.cfg.Metrics, "metrics", "", "`address` for Prometheus (/metrics) and a kubelet's probes (/healthz, /readyz), such as :9464; empty for none")
	f.StringVar(&w.cfg.Arguments, "arguments", w.cfg.Arguments, "process arguments: redact secrets in them, keep them, or drop them")
	f.BoolVar(&w.cfg.Environment, "environment", false, "keep whole environments of processes, redacted as arguments are; without it only the variables that rules read")
	f.StringArrayVar(&w.sockets, "cri-socket", w.cfg.Container.Sockets, "`path` of the container runtime's socket; may be repeated; empty for none")
	f.StringVar(&w.cfg.Process.ProcRoot, "proc", "/proc", "`folder` where the host's /proc is mounted")
	f.DurationVar(&w.cfg.Container.HoldFor, "hold", w.cfg.Container.HoldFor, "how long an event waits at most for its container's name and pod")
	f.StringVar(&w.ringSize, "ring", "", "`size` of the ring buffer, a power of two such as 16MiB; 8MiB on up to 16 processors, above that 512KiB each")
	f.Uint32Var(&w.cfg.Probe.Cgroups, "max-cgroups", 8192, "cgroups that the kernel side remembers, 128 bytes each")
	f.IntVar(&w.cfg.Process.MaxProcesses, "max-processes", 65536, "processes remembered at once, about 700 bytes each and their arguments")
	f.DurationVar(&w.stopIn, "for", 0, "stop after having watched for so long; 0 for never")
	addPlace(c, &w.cfg.Place)
	w.logging.add(c)
}

// outliveReaders has a write for a reader of standard output that is gone be an error, which the output counts and
// reports: else the runtime ends the process. To ignore the signal would have the programs that are started ignore it too.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// config is what the flags say.
func (w *watchFlags) config(c *cobra.Command) (node.Config, *slog.Logger, error) {
	log, err := w.logging.logger(c.ErrOrStderr())
	if err != nil {
		return node.Config{}, nil, err
	}
	if w.stopIn < 0 {
		return node.Config{}, nil, fmt.Errorf("%w: --for %v: want a time to run, or 0", node.ErrMistake, w.stopIn)
	}
	cfg := w.cfg
	cfg.Container.Sockets = nil
	for _, s := range w.sockets {
		if s != "" {
			cfg.Container.Sockets = append(cfg.Container.Sockets, s)
		}
	}
	cfg.Container.ProcRoot = cfg.Process.ProcRoot
	cfg.Process.Environment = cfg.Environment
	if w.ringSize != "" {
		if cfg.Probe.RingBytes, err = parseSize(w.ringSize); err != nil {
			return node.Config{}, nil, fmt.Errorf("%w: --ring %q: %w", node.ErrMistake, w.ringSize, err)
		}
		if err := (probe.Config{RingBytes: cfg.Probe.RingBytes}).Validate(); err != nil {
			return node.Config{}, nil, fmt.Errorf("%w: --ring %q: %w", node.ErrMistake, w.ringSize, err)
		}
	}
	return cfg, log, nil
}
