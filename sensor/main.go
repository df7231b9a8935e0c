// Sensor is the node's one binary: it watches the kernel, runs the rules and gets alerts out.
package main

import (
	"os"

	"tiercel.dev/sensor/command"
)

func main() { os.Exit(command.Execute(command.Root(), os.Args[1:], os.Stdout, os.Stderr)) }
