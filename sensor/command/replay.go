package command

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/output"
)

// Replay is the command that runs a capture through rules.
func Replay() *cobra.Command {
	cfg := node.DefaultConfig()
	var logging logging
	var format string
	var summary bool
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Run a capture through rules and show what they would have reported",
		Long: `Runs a capture through the shipped rules and your own. It needs neither root nor a kernel of its own, and gives the
same alerts each time, byte for byte. A capture that is cut or damaged gives what stands before the damage, and exit code 2.

` + exitHelp,
		Example: `  tiercel replay node.capture
  tiercel replay --no-library --rules new.yaml --summary node.capture
  tiercel replay --format json node.capture | jq .rule.name`,
		Args: func(c *cobra.Command, args []string) error { return oneFile(c, args) },
		RunE: func(c *cobra.Command, args []string) error {
			log, err := logging.logger(c.ErrOrStderr())
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("%w: %w", node.ErrMistake, err)
			}
			defer file.Close()
			out := bufio.NewWriter(c.OutOrStdout())
			emit, err := emitter(out, format, summary)
			if err != nil {
				return err
			}
			seen, err := node.Replay(c.Context(), cfg, bufio.NewReader(file), emit, log)
			if summary && seen.ByRule != nil { // else the file is no capture
				summarise(out, seen, format)
			}
			if flushErr := out.Flush(); err == nil {
				err = flushErr
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		},
	}
	f := c.Flags()
	addRules(c, &cfg.Rules)
	f.StringArrayVar(&cfg.APIServers, "api-server", nil, "`address` of the Kubernetes API server of the recorded cluster; may be repeated")
	f.StringVar(&format, "format", "text", "text, json, falco-text or falco-json")
	f.BoolVar(&summary, "summary", false, "show how often each rule matched, and not the alerts")
	f.StringVar(&cfg.Arguments, "arguments", cfg.Arguments, "process arguments: redact secrets in them, keep what the capture has, or drop them")
	addPlace(c, &cfg.Place)
	logging.add(c)
	return c
}

// emitter writes each alert as the format says.
func emitter(out io.Writer, format string, summary bool) (func(*alert.Alert) error, error) {
	lines, err := output.ParseFormat(format)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: --%w", node.ErrMistake, err)
	case summary:
		return func(*alert.Alert) error { return nil }, nil
	}
	return func(a *alert.Alert) error {
		line, err := lines.Line(a)
		if err == nil {
			_, err = out.Write(line)
		}
		return err
	}, nil
}

func summarise(out io.Writer, r node.Replayed, format string) {
	if format == "json" {
		json.NewEncoder(out).Encode(map[string]any{
			"node": r.Header.Node, "kernel": r.Header.Kernel, "events": r.Events, "skipped": r.Skipped, "alerts": r.Alerts,
			"rules": r.ByRule, "errors": r.Errors,
		})
		return
	}
	fmt.Fprintf(out, "%d events of node %s, %d alerts\n", r.Events, alert.Escape(r.Header.Node), r.Alerts)
	for _, name := range slices.SortedFunc(maps.Keys(r.ByRule), func(a, b string) int {
		if d := int(r.ByRule[b]) - int(r.ByRule[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	}) {
		fmt.Fprintf(out, "%8d  %s\n", r.ByRule[name], alert.Escape(name))
	}
	if r.Skipped > 0 {
		fmt.Fprintf(out, "%d events are of kinds that this version does not know\n", r.Skipped)
	}
	if r.Errors > 0 {
		fmt.Fprintf(out, "%d times a condition ended in an error\n", r.Errors)
	}
}
