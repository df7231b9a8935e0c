// Command tiercel is the operator's command: it checks, tests, lists and explains rules, and has what the sensor's own
// binary has.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"tiercel.dev/sensor/command"
	"tiercel.dev/sensor/node"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole program; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	return command.Execute(rootCommand(), args, stdout, stderr)
}

func rootCommand() *cobra.Command {
	root := group(&cobra.Command{Use: "tiercel", Short: "Runtime security for GKE that you run yourself", Version: node.Version()})
	root.AddCommand(upCommand(), watchCommand(), deadLetterCommand(), command.Sensor(), command.Record(), command.Replay(), rulesCommand(),
		hardenCommand(), rotationCommand(), upgradesCommand(), reportCommand(), doctorCommand())
	// Made now and not when it is called, so that a shell that it does not know is a mistake like others.
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		group(completion)
		for _, shell := range completion.Commands() {
			shell.Args = noArgs
		}
	}
	return root
}
