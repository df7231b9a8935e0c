package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/output/pubsub"
	"tiercel.dev/sensor/output/spool"
)

// openOutputs makes the outputs that the settings name.
func openOutputs(cfg Config, log *slog.Logger) (*output.Fanout, error) {
	var specs []output.Spec
	var errs []error
	for _, setting := range cfg.Outputs {
		spec, err := output.Parse(setting)
		specs, errs = append(specs, spec), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMistake, err)
	}
	env := output.Env{
		Stdout: os.Stdout, Stderr: os.Stderr, NoColor: os.Getenv("NO_COLOR") != "",
		PubSub: pubsub.Config{Spool: spool.Config{Dir: cfg.Spool}, Options: cfg.PubSubOptions},
	}
	return output.Open(output.Config{}, specs, env, log)
}
