package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/output"
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

Outputs, for the alerts that the rules raise meanwhile; there is none unless you ask for one:
` + output.Syntax + `

` + exitHelp,
		Example: `  tiercel record --for 10m node.capture
  tiercel record --output stdout node.capture     with the alerts that it raises meanwhile`,
		Args: func(c *cobra.Command, args []string) error { return oneFile(c, args) },
		RunE: func(c *cobra.Command, args []string) (err error) {
			cfg, log, err := flags.config(c)
			if err != nil {
				return err
			}
			file, err := openCapture(args[0])
			if err != nil {
				return fmt.Errorf("%w: %w", node.ErrMistake, err)
			}
			outliveReaders()
			ctx, watching, cancel := node.StopAfter(c.Context(), flags.stopIn)
			defer cancel()
			cfg.Watching = watching
			events, err := node.Record(ctx, cfg, file, log)
			if closeErr := file.close(); err == nil {
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

// A captureFile is emptied when it is first written to: until then nothing is sure to come in an older capture's place.
type captureFile struct {
	file  *os.File
	isNew bool
	begun bool
}

func openCapture(path string) (*captureFile, error) {
	_, err := os.Lstat(path)
	c := &captureFile{isNew: errors.Is(err, fs.ErrNotExist)}
	// What a node did is as private as its processes are.
	c.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	return c, err
}

func (c *captureFile) Write(b []byte) (int, error) {
	if !c.begun {
		c.begun = true
		if st, err := c.file.Stat(); err == nil && st.Mode().IsRegular() {
			if err := c.file.Truncate(0); err != nil {
				return 0, err
			}
		}
	}
	return c.file.Write(b)
}

// close leaves no file behind that was made for nothing.
func (c *captureFile) close() error {
	if c.isNew && !c.begun {
		os.Remove(c.file.Name())
	}
	return c.file.Close()
}

func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: want one capture file, and was given %d: %s", node.ErrMistake, len(args), c.UseLine())
	}
	return nil
}
