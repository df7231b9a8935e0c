// Command tiercel is the operator's command: it checks, tests, lists and explains rules, and has what the sensor's own
// binary has.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"tiercel.dev/sensor/command"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole program; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	return command.Execute(rootCommand(), args, stdout, stderr)
}

func rootCommand() *cobra.Command {
	root := group(&cobra.Command{Use: "tiercel", Short: "Runtime security for GKE that you run yourself"})
	root.AddCommand(upCommand(), command.Sensor(), command.Record(), command.Replay(), rulesCommand())
	return root
}
