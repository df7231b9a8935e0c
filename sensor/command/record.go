package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"tiercel.dev/sensor/node"
)

// Record is the command that writes what the sensor sees into a capture.
func Record() *cobra.Command {
	flags := newWatchFlags()
	flags.cfg.Outputs = nil
	flags.cfg.Heartbeat = 0
	c := &cobra.Command{
		Use:   "record FILE",
		Short: "Record what this machine's programs do, to replay it through rules later",
		Long: `Writes every event that rules can see into a capture, with process, container and pod, and without secrets. Ends on
Ctrl-C or after --for. A capture can be replayed anywhere: it needs no root and no kernel of its own.

` + exitHelp,
		Example: `  tiercel record --for 10m node.capture
  tiercel record --output stdout node.capture     with the alerts that it raises meanwhile`,
		Args: func(c *cobra.Command, args []string) error { return oneFile(c, args) },
		RunE: func(c *cobra.Command, args []string) (err error) {
			cfg, log, err := flags.config(c)
			if err != nil {
				return err
			}
			// What a node did is as private as its processes are.
			file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return fmt.Errorf("%w: %w", node.ErrMistake, err)
			}
			ctx, cancel := flags.bound(c.Context())
			defer cancel()
			events, err := node.Record(ctx, cfg, file, log)
			if closeErr := file.Close(); err == nil {
				err = closeErr
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s: %d events\n", args[0], events)
			return nil
		},
	}
	flags.add(c)
	return c
}

func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: want one capture file, and was given %d: %s", node.ErrMistake, len(args), c.UseLine())
	}
	return nil
}
