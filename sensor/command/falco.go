package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/rules"
	"tiercel.dev/rules/reload"
	"tiercel.dev/sensor/falcoconfig"
	"tiercel.dev/sensor/node"
)

// falcoFlags are those of who comes from Falco.
type falcoFlags struct {
	path    string
	library bool
}

func (f *falcoFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.path, "falco-config", "", "Falco's configuration (`falco.yaml`): its rules, outputs and what else has a counterpart; other flags come before it")
	c.Flags().BoolVar(&f.library, "library", false, "with --falco-config, the shipped rules besides those that it names")
}

// run watches with what the configuration says, and anew with what it says after a change.
func (f *falcoFlags) run(c *cobra.Command, flags *watchFlags) error {
	read, err := f.read()
	if err != nil {
		return fmt.Errorf("%w: --falco-config: %w", node.ErrMistake, err)
	}
	ctx, watching, stop := node.StopAfter(c.Context(), flags.stopIn)
	defer stop()
	for {
		cfg, log, err := f.config(c, flags, read)
		if err != nil {
			return err
		}
		for _, w := range read.Warnings {
			log.Warn("falco configuration", "warning", w.Error())
		}
		cfg.Watching = watching
		this, cancel := context.WithCancel(ctx)
		changed := make(chan *falcoconfig.Config, 1)
		if read.Follow {
			go func() {
				if next := f.follow(this, read, log); next != nil {
					changed <- next
					cancel()
				}
			}()
		}
		err = watch(this, cfg, log)
		cancel()
		if err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case read = <-changed:
			log.Info("the falco configuration changed; the sensor starts anew")
		default:
			return nil
		}
	}
}

func (f *falcoFlags) read() (*falcoconfig.Config, error) { return falcoconfig.Read(f.path, os.Getenv) }

// config is what the flags and the configuration say together.
func (f *falcoFlags) config(c *cobra.Command, flags *watchFlags, read *falcoconfig.Config) (node.Config, *slog.Logger, error) {
	given := c.Flags().Changed
	if read.LogLevel != nil && !given("log-level") {
		flags.logging.level = read.LogLevel.String()
	}
	cfg, log, err := flags.config(c)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Rules.Library = f.library
	cfg.Rules.Paths = append(append([]string(nil), read.RulePaths...), cfg.Rules.Paths...)
	more := cfg.Rules.Falco // what flags alone say
	cfg.Rules.Falco, cfg.Rules.Fixed = read.Falco, !read.Follow
	cfg.Rules.Falco.Exact, cfg.Rules.Falco.MountsExist, cfg.Rules.Falco.AllNets = more.Exact, more.MountsExist, more.AllNets
	cfg.Rules.Falco.Severities = more.Severities
	if !given("output") {
		cfg.Outputs = nil
	}
	cfg.Specs, cfg.Queue = read.Outputs, read.Queue
	if len(cfg.Outputs)+len(cfg.Specs) == 0 {
		return cfg, nil, fmt.Errorf("%w: %s: no output is enabled; enable one, or add --output", node.ErrMistake, f.path)
	}
	if read.Heartbeat > 0 && !given("heartbeat") {
		cfg.Heartbeat = read.Heartbeat
	}
	if read.Metrics != "" && !given("metrics") {
		cfg.Metrics = read.Metrics
	}
	if read.CRISockets != nil && !given("cri-socket") {
		cfg.Container.Sockets = read.CRISockets
	}
	if read.MaxProcesses > 0 && !given("max-processes") {
		cfg.Process.MaxProcesses = read.MaxProcesses
	}
	return cfg, log, nil
}

// settle is how long files must have been left alone, and lookAgain how often they are looked at without a sign of change.
const (
	settle    = 200 * time.Millisecond
	lookAgain = 30 * time.Second
)

// follow returns another configuration once there is one that can be used; nil when ctx is done.
func (f *falcoFlags) follow(ctx context.Context, old *falcoconfig.Config, log *slog.Logger) *falcoconfig.Config {
	changes, err := reload.Watch(ctx, old.Files)
	if err != nil {
		log.Warn("the falco configuration is looked at now and then only", "every", lookAgain, "err", err)
	}
	for refused := ""; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
			time.Sleep(settle)
		case <-time.After(lookAgain):
		}
		read, err := f.read()
		if err == nil {
			err = loadable(read)
		}
		switch {
		case err == nil && !reflect.DeepEqual(read, old):
			return read
		case err == nil:
			refused = ""
		case err.Error() != refused:
			refused = err.Error()
			log.Error("falco configuration not read again; the one in force stays", "err", err)
		}
	}
}

// loadable says why the rules of a configuration cannot come into force.
func loadable(c *falcoconfig.Config) error {
	files, _, err := rules.Read(c.RulePaths...)
	if err == nil && len(files) > 0 {
		_, err = rules.Load(files, rules.Options{Falco: c.Falco})
	}
	return err
}
